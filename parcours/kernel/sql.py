"""Named SQL statements in `.sql` files beside the Python that calls them.

A file holds one or more statements, each under a line `-- name: claim_due`, followed by comment lines that say its
purpose, parameters, locks and side effects. `load(__package__)` gives them as attributes:

    statements = sql.load(__package__)
    statements.claim_due.rows(Claimed, workspace_id=1, now=now)

Not here: SQL composed at run time (the rule compiler composes with `psycopg.sql`, bound parameters only).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
from django.db import connection
from psycopg import sql as composition
from psycopg.rows import class_row, dict_row, tuple_row
from psycopg.types.json import JsonbLoader

Row = TypeVar("Row")
Query = str | composition.Composed | composition.SQL
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_PARAMETER = re.compile(r"%\((\w+)\)s")


@contextmanager
def cursor(row_factory: Any = tuple_row) -> Iterator[psycopg.Cursor[Any]]:
    """A psycopg cursor on Django's connection: parameters bound on the server, statements prepared when repeated."""
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection, row_factory=row_factory) as opened,
    ):
        opened.adapters.register_loader("jsonb", JsonbLoader)  # Django's connection leaves jsonb as text
        yield opened


def run(query: Query, parameters: Mapping[str, Any]) -> int:
    """Execute, and return the number of rows that it touched."""
    with cursor() as opened:
        return opened.execute(_as_query(query), parameters).rowcount


def rows(query: Query, parameters: Mapping[str, Any], into: type[Row]) -> list[Row]:
    """Execute, and return each row as `into(column=value, …)`. A named tuple is the cheapest: use one where rows are many."""
    with cursor(_maker(into)) as opened:
        return opened.execute(_as_query(query), parameters).fetchall()


def _maker(into: type[Row]) -> Callable[[psycopg.Cursor[Any]], Callable[[Sequence[Any]], Row]]:
    """Rows of a class; of a named tuple whose fields are the columns in their order, by position."""

    def for_cursor(opened: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
        columns = [column.name for column in opened.description or ()]
        if list(getattr(into, "_fields", ())) == columns:
            make: Callable[[Sequence[Any]], Row] = into._make  # type: ignore[attr-defined]  # a named tuple has it
            return make
        return class_row(into)(opened)

    return for_cursor


@contextmanager
def over_everything() -> Iterator[None]:
    """For statements over whole tables, inside a transaction: no nested loops.

    Where the planner takes a hundred thousand rows for one, a nested loop goes on for hours; hashing is never far from the best.
    """
    scalar("SELECT set_config('enable_nestloop', 'off', true)", {})
    yield
    scalar("SELECT set_config('enable_nestloop', 'on', true)", {})


def document(rows: Sequence[Any]) -> str:
    """Rows (dictionaries or dataclasses) as one JSON parameter, for `json_to_recordset`: several times cheaper than arrays."""
    return msgspec.json.encode(rows).decode()


def uuids(ids: Iterable[UUID]) -> str:
    """Ids as one parameter, for `%(ids)s::uuid[]`. psycopg writes a list value by value, which costs more than the statement."""
    return "{" + ",".join(map(str, ids)) + "}"


def records(query: Query, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Execute, and return each row as a dictionary, for shapes that are not known beforehand."""
    with cursor(dict_row) as opened:
        return opened.execute(_as_query(query), parameters).fetchall()


def scalar(query: Query, parameters: Mapping[str, Any]) -> Any:
    """Execute, and return the first column of the first row, or None."""
    with cursor() as opened:
        row = opened.execute(_as_query(query), parameters).fetchone()
    return None if row is None else row[0]


def written_out(composed: composition.Composed) -> composition.SQL:
    """A composed statement as its text, for one that is run again and again: writing it costs more than many a run."""
    return composition.SQL(composed.as_string(None))


def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with $1, $2 … for its parameters, and their names in that order: as the server knows it."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    return _PARAMETER.sub(lambda found: places[found[1]], text).replace("%%", "%"), names


def _as_query(query: Query) -> composition.Composed | composition.SQL:
    return composition.SQL(query) if isinstance(query, str) else query


@dataclass(frozen=True)
class Statement:
    """One named statement. `parameters` are the names that it binds."""

    name: str
    text: str

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(_PARAMETER.findall(self.text))

    def run(self, **parameters: Any) -> int:
        """Execute, and return the number of rows that it touched."""
        return run(self.text, parameters)

    def rows(self, into: type[Row], **parameters: Any) -> list[Row]:
        """Execute, and return each row as `into(column=value, …)`."""
        return rows(self.text, parameters, into)

    def row(self, into: type[Row], **parameters: Any) -> Row | None:
        """Execute, and return the first row, or None."""
        found = rows(self.text, parameters, into)
        return found[0] if found else None

    def records(self, **parameters: Any) -> list[dict[str, Any]]:
        """Execute, and return each row as a dictionary."""
        return records(self.text, parameters)

    def scalar(self, **parameters: Any) -> Any:
        """Execute, and return the first column of the first row, or None."""
        return scalar(self.text, parameters)


class Statements:
    """The statements of one package, as attributes."""

    def __init__(self, found: dict[str, Statement]) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._found[name]
        except KeyError:
            raise AttributeError(f"no statement is named {name!r}") from None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self._found.values())


@cache
def load(package: str) -> Statements:
    """The statements of `package`'s `sql` folder. Raises ValueError when a name is given twice or before any name."""
    found: dict[str, Statement] = {}
    folder = resources.files(package) / "sql"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            for statement in parse(file.read_text(encoding="utf-8"), file.name):
                if statement.name in found:
                    raise ValueError(f"{package}: two statements are named {statement.name}")
                found[statement.name] = statement
    return Statements(found)


def parse(text: str, source: str) -> Iterator[Statement]:
    """The statements of one file's text."""
    parts = _NAME.split(text)
    if len(parts) < 3:
        raise ValueError(f"{source}: no line '-- name: …'")
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        yield Statement(name, body.strip().rstrip(";"))
