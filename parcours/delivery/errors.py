"""What can go wrong with sending settings and messages, said to a person. Not here: errors of the mail protocol (`smtp_errors`)."""

from parcours.kernel.errors import Conflict, Invalid, NotFound, TooOften


class UnknownMessage(NotFound):
    """There is no such message here."""

    code = "delivery.unknown_message"


class UnknownMailing(NotFound):
    """There is no such mailing here."""

    code = "delivery.unknown_mailing"


class NotInDoubt(Conflict):
    """Only a message in doubt can be settled."""

    code = "delivery.not_in_doubt"


class NotSetUp(Conflict):
    """This workspace has no sending settings yet."""

    code = "delivery.not_set_up"


class RequestReused(Conflict):
    """This id was used for another message."""

    code = "delivery.id_reused"


class OtherAddress(Conflict):
    """The person who has this address is written to at another one."""

    code = "delivery.other_address"


class Paused(Conflict):
    """Sending is paused in this workspace."""

    code = "delivery.paused"


class NotAMember(Invalid):
    """A test goes to members of the workspace only."""

    code = "delivery.not_a_member"


class NoReader(Invalid):
    """A test is made out for a contact of the workspace."""

    code = "delivery.no_reader"


class TooManyTests(TooOften):
    """Only so many tests may be sent in an hour."""

    code = "delivery.too_many_tests"


class BadSending(Invalid):
    """A sending setting is not acceptable."""

    code = "delivery.bad_sending"


class UnreadableMail(Invalid):
    """A mail that came back is too large or broken. Nothing was changed."""

    code = "delivery.unreadable_mail"


class UnknownRecipient(NotFound):
    """A mail names no message of ours in a way that only we could have written. Nothing was changed."""

    code = "delivery.unknown_recipient"


class BadMailbox(Invalid):
    """The setting that names the mailbox of returns is not acceptable."""

    code = "delivery.bad_mailbox"
