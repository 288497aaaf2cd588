"""The workspace (and the person, or key) on whose behalf a transaction runs, as PostgreSQL's row security sees it.

Nothing is visible outside a scope: the policies compare `workspace_id` with a setting that is empty by default.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_SETTINGS = ("app.workspace", "app.user", "app.key")


@contextmanager
def scope(
    *, workspace_id: int | None = None, user_id: int | None = None, key: bytes | None = None
) -> Iterator[None]:
    """Open a transaction (or a savepoint) that sees one workspace, one user's memberships, or one presented key.

    The settings are local to the transaction. A scope inside another one puts the outer settings back when it ends.
    """
    wanted = (
        "" if workspace_id is None else str(workspace_id),
        "" if user_id is None else str(user_id),
        "" if key is None else key.hex(),
    )
    nested = connection.in_atomic_block
    with transaction.atomic():
        before = _current() if nested else ("", "", "")
        _set(wanted)
        yield
        if nested:
            _set(before)


def _current() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting(%s, true), current_setting(%s, true), current_setting(%s, true)",
            _SETTINGS,
        )
        row = cursor.fetchone()
    return tuple(value or "" for value in row or ())


def _set(values: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(%s, %s, true), set_config(%s, %s, true), set_config(%s, %s, true)",
            [part for pair in zip(_SETTINGS, values, strict=True) for part in pair],
        )
