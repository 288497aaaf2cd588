"""What can go wrong with campaigns."""

from parcours.kernel.errors import Conflict, Invalid, NotFound


class UnknownCampaign(NotFound):
    """There is no such campaign in this workspace."""

    code = "unknown_campaign"


class CampaignInvalid(Invalid):
    """The campaign cannot be sent as it is described; `field` says which part."""

    code = "campaign_invalid"


class WrongState(Conflict):
    """The campaign is in a state that does not allow this."""

    code = "campaign_state"
