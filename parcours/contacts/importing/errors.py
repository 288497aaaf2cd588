"""What can go wrong with a file and its plan."""

from parcours.kernel.errors import Conflict, Invalid


class UnreadableFile(Invalid):
    """The file cannot be read as CSV."""

    code = "unreadable_file"


class FileTooLarge(Invalid):
    """The file is larger than an import takes."""

    code = "file_too_large"


class BadPlan(Invalid):
    """The plan of an import is incomplete or contradicts itself."""

    code = "bad_plan"


class WrongState(Conflict):
    """The import is past the point where this can be done."""

    code = "wrong_state"
