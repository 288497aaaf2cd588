"""What can go wrong with webhooks, said to a person."""

from parcours.kernel.errors import Conflict, Invalid, NotFound


class UnknownEndpoint(NotFound):
    """There is no such webhook here."""

    code = "webhook.unknown"


class UnknownDelivery(NotFound):
    """This webhook has no such delivery."""

    code = "webhook.unknown_delivery"


class BadEvents(Invalid):
    """The names of the events that a webhook wants are not acceptable."""

    code = "webhook.bad_events"


class TooManyEndpoints(Conflict):
    """A workspace has a bounded number of webhooks."""

    code = "webhook.too_many"


class NotActive(Conflict):
    """The webhook is paused."""

    code = "webhook.not_active"


class NotPaused(Conflict):
    """Only a paused webhook can be resumed."""

    code = "webhook.not_paused"


class UnderWay(Conflict):
    """The delivery is waiting or under way already."""

    code = "webhook.under_way"
