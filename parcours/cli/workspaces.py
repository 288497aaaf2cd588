"""`parcours workspaces`: which workspaces there are, and who owns them."""

import argparse
import json
from typing import Any

from parcours.accounts import queries
from parcours.accounts.types import Role
from parcours.kernel import tenancy


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to answer."""
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Print a line for each workspace, the oldest first."""
    found: list[dict[str, Any]] = []
    for workspace in queries.workspaces():
        with tenancy.scope(workspace_id=workspace.pk):
            owners = [
                each.user.email for each in queries.members(workspace.pk) if each.role == Role.OWNER.value
            ]
        found.append(
            {
                "slug": workspace.slug,
                "name": workspace.name,
                "owners": owners,
                "is_demo": workspace.is_demo,
            }
        )
    if options.json:
        print(json.dumps(found))
    for each in found if not options.json else ():
        print(f"{each['slug']}: {each['name']} ({', '.join(each['owners'])})")
    return 0
