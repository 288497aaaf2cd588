"""The purposes that come with the product (`purposes.yaml`): new workspaces begin with them, ready-made scenarios count on them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import yaml

from parcours.accounts.types import Actor
from parcours.consent import actions, queries


@cache
def purposes() -> Mapping[str, Mapping[str, Any]]:
    """All of them, by code, in their order."""
    text = (resources.files("parcours.consent") / "purposes.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


def bring(
    workspace_id: int, codes: Collection[str] | None = None, *, actor: Actor, now: datetime
) -> list[str]:
    """Make those that the workspace lacks (of the given codes; all by default). Returns which ones were made."""
    known = {one.code for one in queries.purposes(workspace_id)}
    missing = [code for code in purposes() if code not in known and (codes is None or code in codes)]
    for code in missing:
        actions.save_purpose(workspace_id, code, purposes()[code], actor=actor, now=now)
    return missing
