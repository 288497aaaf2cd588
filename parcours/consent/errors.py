"""What can go wrong with purposes and statements."""

from parcours.kernel.errors import Conflict, Invalid


class UnknownPurpose(Invalid):
    """No purpose of this workspace has this code."""

    code = "purpose.unknown"


class UnfitPurpose(Invalid):
    """No message is sent for such a purpose: it is about measuring, or archived."""

    code = "purpose.unfit"


class PurposeFixed(Conflict):
    """What a purpose is for, and on which legal basis it stands, does not change once it is made."""

    code = "purpose.fixed"


class BadPurpose(Invalid):
    """A purpose contradicts itself: advertising by contract, a confirmation or an audience where its basis has none."""

    code = "purpose.contradiction"


class BadPace(Invalid):
    """A lower frequency is one message a week or a month."""

    code = "consent.bad_pace"


class NotForThisBasis(Invalid):
    """The act does not fit the purpose's legal basis: a contract needs no consent and knows no objection."""

    code = "consent.not_for_this_basis"


class BadDate(Invalid):
    """Nobody has said anything before 2000, as far as the ledger goes."""

    code = "consent.bad_date"


class WrongChannel(Invalid):
    """Only measuring is said for all channels at once (`any`); everything else for one channel at a time."""

    code = "consent.wrong_channel"


class MissingEvidence(Invalid):
    """A consent without its source proves nothing (GDPR art. 7.1)."""

    code = "consent.missing_evidence"
