"""Templates that come with the product (`shipped/*.yaml`) and become a workspace's own when they are first needed.

From then on people edit them like any other. Not here: the templates of ready-made scenarios (`journeys.recipes`).
"""

from datetime import datetime
from importlib import resources

import yaml

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.content import actions, queries
from parcours.content.errors import UnknownTemplate
from parcours.content.models import TemplateVersion

_FILES = resources.files("parcours.content") / "shipped"


def bring(workspace_id: int, slug: str, *, now: datetime) -> TemplateVersion:
    """What the workspace's template of this name says now; the shipped one becomes it when there is none."""
    try:
        return queries.latest_version(workspace_id, slug)
    except UnknownTemplate:
        written = yaml.safe_load((_FILES / f"{slug}.yaml").read_text(encoding="utf-8"))
        bodies = {language: written[language] for language in ("fr", "en")}
        name = written["name"][Workspace.objects.values_list("language", flat=True).get(pk=workspace_id)]
        return actions.save_template(workspace_id, slug, name, bodies, actor=SYSTEM, now=now)
