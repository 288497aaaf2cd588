"""Row security over all tables, as the roles that the product runs with see it."""

from datetime import datetime

import pytest
from django.db import ProgrammingError, connection, transaction

from parcours.accounts.models import Workspace
from parcours.contacts.models import List

# Partitions are reached through their parent only: the roles have no rights on them, which another test checks.
TENANT_TABLES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
           EXISTS (SELECT FROM pg_policies p WHERE p.tablename = c.relname AND p.cmd = 'ALL'
                   AND p.qual LIKE '%kernel_workspace()%' AND p.with_check LIKE '%kernel_workspace()%') AS has_policy
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
    ORDER BY 1
"""


def tenant_tables() -> list[tuple[str, bool, bool, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(TENANT_TABLES)
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_every_table_of_a_workspace_forces_row_security() -> None:
    tables = tenant_tables()
    assert len(tables) > 25
    assert [table for table in tables if table[1:] != (True, True, True)] == []


@pytest.mark.django_db
def test_statistics_of_a_workspaces_table_do_not_wait_for_a_share_of_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relkind = 'r'"
            " AND NOT coalesce(reloptions, '{}') @> '{autovacuum_analyze_scale_factor=0}'",
            [[table for table, *_ in tenant_tables()]],
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_role_is_neither_owner_nor_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class WHERE relowner = r.oid)"
            " FROM pg_roles r WHERE rolname IN ('parcours_web', 'parcours_worker') ORDER BY 1"
        )
        assert cursor.fetchall() == [("parcours_web", False, False, 0), ("parcours_worker", False, False, 0)]


@pytest.mark.django_db
def test_nothing_is_visible_without_a_scope(in_workspace: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.workspace', '', true)")
        for table, *_ in tenant_tables():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            assert cursor.fetchone() == (0,), table


@pytest.mark.django_db
def test_row_of_another_workspace_cannot_be_made_by_moving_one(
    in_workspace: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    mine = List.objects.create(workspace=in_workspace, slug="vip", name="VIP", created_at=now)
    with (
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        cursor.execute(
            "UPDATE contacts_list SET workspace_id = %s WHERE id = %s", [other_workspace.pk, mine.pk]
        )
    assert List.objects.get(pk=mine.pk).workspace_id == in_workspace.pk


@pytest.mark.django_db
def test_partitions_are_out_of_reach() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
            " AND (has_table_privilege('parcours_web', oid, 'SELECT') OR has_table_privilege('parcours_worker', oid, 'SELECT'))"
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_roles_cannot_create_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege('parcours_web', 'public', 'CREATE'),"
            " has_schema_privilege('parcours_worker', 'public', 'CREATE')"
        )
        assert cursor.fetchone() == (False, False)
