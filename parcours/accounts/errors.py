"""What can go wrong with workspaces, members and keys."""

from parcours.kernel.errors import Conflict, Forbidden, Invalid, NotFound


class SlugTaken(Conflict):
    """Another workspace has this address already."""

    code = "workspace.slug_taken"


class LastOwner(Conflict):
    """A workspace keeps at least one owner."""

    code = "member.last_owner"


class NoInvitation(NotFound):
    """No invitation with this code waits for you. Ask for a new link."""

    code = "member.no_invitation"


class WorksElsewhere(Forbidden):
    """The member works in another workspace too, where you are not an owner."""

    code = "member.works_elsewhere"


class BadKey(Invalid):
    """The key is unknown or revoked."""

    code = "key.bad"
