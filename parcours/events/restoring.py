"""A database that was dumped and restored into another server: its log carries the other server's transaction ids.

They are ahead of this server's, so that new events would come before what consumers have read already, and nobody would ever
see them. It is mended by letting this server's ids pass the log's: not a row changes. Not here: that nothing leaves after a
restore before a person has looked (`cli.doctor`).
"""

from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from parcours.accounts import queries as accounts
from parcours.events.errors import LogAhead
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
AT_ONCE = 10_000

# Not among the named statements, because DO cannot be prepared. Each turn uses one transaction id up.
_PASS = f"""
DO $$ BEGIN
    FOR n IN 1..{AT_ONCE} LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$
"""


def ahead() -> int:
    """By how many transactions the log is ahead of this server; 0 when all is well."""
    most = 0
    for workspace in accounts.workspaces():
        with tenancy.scope(workspace_id=workspace.pk):
            most = max(most, int(statements.transactions_ahead.scalar(workspace_id=workspace.pk)))
    return most


def check() -> None:
    """Raise LogAhead when events would be written that nobody ever reads. A database that is away is no reason to refuse.

    For processes that start. Looks as the workers' role, because the web's sees no list of workspaces; closes its connection.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE parcours_worker")
        found = ahead()
    except (OperationalError, InterfaceError):
        return
    finally:
        connection.close()
    if found:
        raise LogAhead(
            _("The database was restored into another server: its log is %(count)s transactions ahead.")
            % {"count": found},
            hint=_("Run `parcours doctor --mend` (docs/operate/production.md)."),
        )


def catch_up(tell: Callable[[int], None]) -> None:
    """Let this server's transaction ids pass the log's; `tell` hears how many are left. Not in a transaction; may be repeated."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # nothing is written
        try:
            while left := ahead():
                tell(left)
                cursor.execute(_PASS)
        finally:
            cursor.execute("RESET synchronous_commit")
