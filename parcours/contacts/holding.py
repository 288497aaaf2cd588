"""Who is who stays as it is: what transactions that write about people hold, and what a merge holds against them.

An advisory lock of the workspace: shared by all who write about people, exclusive for a merge. Not here: merging (`merging`).
"""

import time
from collections.abc import Sequence
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from parcours.contacts.errors import UnknownContact
from parcours.kernel import sql

statements = sql.load(__package__)
PATIENCE = "100ms"
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0)
"""Between the tries, in seconds: whoever has been waiting behind the try goes on."""


def hold_people(workspace_id: int) -> None:
    """Keep everybody from being merged away until the transaction ends.

    For transactions that read whom they act on and then write rows about them: call it first.
    """
    statements.hold_people.run(workspace_id=workspace_id)


def hold_these(workspace_id: int, contact_ids: Sequence[UUID]) -> None:
    """`hold_people`, for a transaction that has read before who these are. Raises UnknownContact when one was merged away since."""
    hold_people(workspace_id)
    if contact_ids and statements.count_missing.scalar(
        workspace_id=workspace_id, contact_ids=list(contact_ids)
    ):
        raise UnknownContact(_("There is no such contact."))


def hold_for_merging(workspace_id: int) -> None:
    """Wait for all who hold people, and keep others from it until the transaction ends.

    A waiting merge makes everybody behind it wait too, so it waits a moment at a time and lets them pass in between. Raises
    OperationalError when somebody holds people for longer than all tries take.
    """
    for pause in PAUSES:
        try:
            with transaction.atomic():
                _hold_alone(workspace_id)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(pause)
        else:
            return
    _hold_alone(workspace_id)


def _hold_alone(workspace_id: int) -> None:
    statements.hold_people_for_merging.run(workspace_id=workspace_id, patience=PATIENCE)
