"""`parcours workspace SLUG --name … --owner …`: the first thing an operator does on an empty installation."""

import argparse
import json
from datetime import datetime

from django.conf import settings
from django.db import transaction

from parcours.accounts import actions
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.consent import standard
from parcours.delivery import actions as delivery
from parcours.kernel import clock, tenancy


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the workspace is and who owns it."""
    parser.add_argument("slug")
    parser.add_argument("--name", required=True)
    parser.add_argument("--owner", required=True, help="the e-mail address of the first owner")
    parser.add_argument("--from-email", required=True, help="the address that messages come from")
    parser.add_argument("--language", choices=["fr", "en"], default="fr")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Make the workspace, its owner when new, and its first keys; print what is shown only once."""
    made = make(options, clock.now())
    print(json.dumps(made) if options.json else "\n".join(f"{name}: {value}" for name, value in made.items()))
    return 0


@transaction.atomic
def make(options: argparse.Namespace, now: datetime) -> dict[str, str]:
    """Make all of it or nothing: a workspace without an owner would be nobody's. Returns what is shown only once."""
    workspace = actions.create_workspace(options.slug, name=options.name, language=options.language, now=now)
    made: dict[str, str] = {}
    with tenancy.scope(workspace_id=workspace.id):
        invited = actions.invite(workspace.id, options.owner, Role.OWNER, actor=SYSTEM, now=now)
        if invited.password:
            made["password"] = invited.password
        if invited.code:
            made["invitation"] = f"{settings.BASE_URL}/account/invitations/?code={invited.code}"
        standard.bring(workspace.id, actor=SYSTEM, now=now)
        delivery.set_up_sending(
            workspace.id, from_name=options.name, from_email=options.from_email, actor=SYSTEM, now=now
        )
        for kind in KeyKind:
            made[f"{kind.value}_key"] = actions.create_key(
                workspace.id, kind, "first", actor=SYSTEM, now=now
            ).secret
    return made
