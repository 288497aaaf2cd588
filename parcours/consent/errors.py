"""What can go wrong with purposes and statements."""

from parcours.kernel.errors import Invalid


class UnknownPurpose(Invalid):
    """No purpose of this workspace has this code."""

    code = "purpose.unknown"


class NotForThisBasis(Invalid):
    """The act does not fit the purpose's legal basis: a contract needs no consent and knows no objection."""

    code = "consent.not_for_this_basis"


class WrongChannel(Invalid):
    """Only measuring is said for all channels at once (`any`); everything else for one channel at a time."""

    code = "consent.wrong_channel"


class MissingEvidence(Invalid):
    """A consent without its source proves nothing (GDPR art. 7.1)."""

    code = "consent.missing_evidence"
