"""Which campaigns are sent, or were sent, to a segment (see `audiences.usage`): their record keeps naming it."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from parcours.campaigns.models import Campaign


def users(workspace_id: int, slug: str) -> Iterator[str]:
    """The campaigns whose audience is this segment."""
    found = Campaign.objects.filter(workspace_id=workspace_id, segment__slug=slug).order_by("name")
    for name in found.values_list("name", flat=True):
        yield _("campaign “%(name)s”") % {"name": name}
