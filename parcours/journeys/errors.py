"""What can go wrong with journeys."""

from parcours.kernel.errors import Conflict, Invalid, NotFound


class GraphInvalid(Invalid):
    """The scenario cannot run as it is written; `field` is the place in it (`nodes.confirm.next`)."""

    code = "journey_graph_invalid"


class UnknownJourney(NotFound):
    """There is no such journey in this workspace."""

    code = "unknown_journey"


class UnknownRecipe(NotFound):
    """There is no ready-made scenario of this name."""

    code = "unknown_recipe"


class JourneyExists(Conflict):
    """Another journey of this workspace has this address already."""

    code = "journey_exists"


class WrongState(Conflict):
    """The journey is in a state that does not allow this."""

    code = "journey_state"


class RunsAstray(Exception):
    """The engine claimed runs that its statement did not move: a defect of ours, never of a person's input."""
