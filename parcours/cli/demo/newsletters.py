"""The shop's letters of the past two years: one campaign each quarter to all who asked for it."""

from datetime import datetime, timedelta

from parcours.accounts.types import SYSTEM
from parcours.audiences import actions as audiences
from parcours.campaigns import actions as campaigns
from parcours.campaigns.types import Draft
from parcours.content import actions as content
from parcours.journeys import recipes
from parcours.kernel import tenancy

EVERY = timedelta(days=91)
AT_TEN = timedelta(hours=10)
SEGMENT = "letter-readers"
TEMPLATE = "seasonal-letter"
READERS = {"consent": "newsletter", "channel": "email", "is": "granted"}
BODIES = {
    "en": {
        "subject": "Season's favourites{% if contact.first_name %}, {{ contact.first_name }}{% endif %}",
        "preheader": "What our clients chose most these three months.",
        "mjml": """<mj-text font-size="24px" font-weight="600">This season's favourites</mj-text>
<mj-text>Lanterns, tins and bunting: what our clients chose most, and three ideas for the months to come.</mj-text>
<mj-button href="$shop">See the favourites</mj-button>""",
    },
    "fr": {
        "subject": "Les préférés de la saison{% if contact.first_name %}, {{ contact.first_name }}{% endif %}",
        "preheader": "Ce que nos clients ont le plus choisi ces trois derniers mois.",
        "mjml": """<mj-text font-size="24px" font-weight="600">Les préférés de la saison</mj-text>
<mj-text>Lanternes, boîtes et fanions : ce que nos clients ont le plus choisi, et trois idées pour les mois à venir.</mj-text>
<mj-button href="$shop">Voir les préférés</mj-button>""",
    },
}


def plan(workspace_id: int, *, first: datetime, last: datetime) -> int:
    """Schedule a letter every quarter between two instants; returns how many."""
    with tenancy.scope(workspace_id=workspace_id):
        bodies = {language: recipes.body(written, recipes.SHOP_URL) for language, written in BODIES.items()}
        content.save_template(workspace_id, TEMPLATE, "Seasonal letter", bodies, actor=SYSTEM, now=first)
        audiences.create_segment(
            workspace_id, SEGMENT, "Readers of the letter", READERS, actor=SYSTEM, now=first
        )
        at = first.replace(hour=0, minute=0, second=0, microsecond=0) + EVERY + AT_TEN
        number = 0
        while at < last:
            number += 1
            draft = Draft(f"Letter no. {number}", TEMPLATE, "newsletter", segment=SEGMENT)
            campaign = campaigns.create(workspace_id, draft, actor=SYSTEM, now=first)
            campaigns.schedule(workspace_id, campaign.pk, at, actor=SYSTEM, now=first)
            at += EVERY
    return number
