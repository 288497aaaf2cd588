"""What the demo's people follow: links that their messages really hold."""

from datetime import datetime

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.cli.demo import letters
from parcours.content import queries as content
from parcours.journeys import recipes


def test_nobody_follows_a_link_that_only_a_catalogue_gives(in_workspace: Workspace, now: datetime) -> None:
    recipes.install(in_workspace.pk, "post-purchase", actor=SYSTEM, now=now)
    version = content.latest_version(in_workspace.pk, "order-confirmation")
    product, shop = content.links(in_workspace.pk, version.pk, "en")
    assert (product.label, product.is_fixed) == ("", False)
    assert (shop.label, shop.is_fixed) == ("Visit the shop", True)
    assert letters.links_in(in_workspace.pk, version.pk) == [(1, recipes.SHOP_URL)]
