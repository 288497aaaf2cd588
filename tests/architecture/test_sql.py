"""Every named statement: it parses, it can be prepared, it keeps to its room's tables and to one workspace."""

import re
from pathlib import Path
from typing import Any

import pglast
import psycopg
import pytest
from django.db import connection
from pglast import ast as nodes
from pglast.visitors import Visitor

from parcours.kernel.sql import Statement, numbered, parse
from tests.architecture.test_rooms import LEVEL, ROOT

STATEMENTS = [
    (path.parent.parent.name, statement)
    for path in sorted((ROOT / "parcours").glob("*/sql/*.sql"))
    for statement in parse(path.read_text(encoding="utf-8"), path.name)
]
IDS = [f"{room}.{statement.name}" for room, statement in STATEMENTS]


class Tables(Visitor):
    """Collects which tables a statement reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.named: set[str] = set()

    def visit_CommonTableExpr(self, _: Any, node: nodes.CommonTableExpr) -> None:
        self.named.add(node.ctename)

    def visit_RangeVar(self, ancestors: Any, node: nodes.RangeVar) -> None:
        parent = ancestors.node
        is_target = isinstance(
            parent, nodes.InsertStmt | nodes.UpdateStmt | nodes.DeleteStmt | nodes.MergeStmt
        ) and (parent.relation is node)
        (self.written if is_target else self.read).add(node.relname)


def tables(statement: Statement) -> Tables:
    found = Tables()
    found(pglast.parse_sql(numbered(statement.text)[0]))
    found.read -= found.named
    return found


def room_of(table: str) -> str | None:
    prefix = table.split("_", maxsplit=1)[0]
    return prefix if prefix in LEVEL else None


@pytest.mark.parametrize(("room", "statement"), STATEMENTS, ids=IDS)
def test_statement_keeps_to_its_room(room: str, statement: Statement) -> None:
    found = tables(statement)
    assert {table for table in found.written if room_of(table) not in {room, None}} == set()
    above = {
        table
        for table in found.read
        if (other := room_of(table)) and other != room and LEVEL[other] <= LEVEL[room]
    }
    assert above == set()


@pytest.mark.parametrize(("room", "statement"), STATEMENTS, ids=IDS)
def test_statement_is_of_one_workspace_and_takes_the_clock(room: str, statement: Statement) -> None:
    if any(room_of(table) for table in tables(statement).read | tables(statement).written):
        assert "workspace_id" in statement.parameters
    without_comments = re.sub(r"--.*", "", statement.text)
    assert not re.search(
        r"\b(now\s*\(\)|current_timestamp|current_date|localtime)", without_comments, re.IGNORECASE
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("room", "statement"), STATEMENTS, ids=IDS)
def test_statement_can_be_prepared(room: str, statement: Statement) -> None:
    connection.ensure_connection()
    raw = connection.connection
    assert isinstance(raw, psycopg.Connection)
    with raw.cursor() as cursor:
        cursor.execute(f"PREPARE checked AS {numbered(statement.text)[0]}".encode())
        cursor.execute("DEALLOCATE checked")


LOADED = re.compile(r'^(\w+) = sql\.load\("parcours\.(\w+)"\)', re.MULTILINE)
CALLED = re.compile(r"\b(\w*statements)\.(\w+)")


def called(path: Path) -> set[str]:
    """The statements that a module names, each with its room: its own, or the one that the module loads them of."""
    source = path.read_text(encoding="utf-8")
    rooms, own = dict(LOADED.findall(source)), path.relative_to(ROOT / "parcours").parts[0]
    return {f"{rooms.get(variable, own)}.{name}" for variable, name in CALLED.findall(source)}


def test_every_statement_is_named_and_called() -> None:
    found = set().union(*(called(path) for path in (ROOT / "parcours").rglob("*.py")))
    assert [name for name in IDS if name not in found] == []
