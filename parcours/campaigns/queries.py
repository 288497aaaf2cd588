"""Reads about campaigns: the list, one campaign. How far one has come is counted by `insights`."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from parcours.campaigns.errors import UnknownCampaign
from parcours.campaigns.models import Campaign


def campaigns(workspace_id: int) -> QuerySet[Campaign]:
    """Every campaign with its template, purpose and audience, newest first."""
    return (
        Campaign.objects.filter(workspace_id=workspace_id)
        .select_related("template", "purpose", "segment", "list")
        .order_by("-created_at", "-id")
    )


def access_campaign(workspace_id: int, campaign_id: int) -> Campaign:
    """One campaign. Raises UnknownCampaign."""
    found = campaigns(workspace_id).filter(pk=campaign_id).first()
    if found is None:
        raise UnknownCampaign(_("There is no such campaign."))
    return found
