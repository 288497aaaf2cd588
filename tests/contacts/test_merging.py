"""Merging reaches every room: whoever keeps something about a contact is in the wiring's list."""

from datetime import datetime

import pytest
from django.db import connection

from config.wiring import MERGE_HOLDERS
from parcours.accounts.models import Workspace
from parcours.contacts import actions, merging, queries
from parcours.contacts.types import IdentityKind, Person
from parcours.events import people
from parcours.events import queries as events


def test_every_room_with_rows_about_contacts_is_listed(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT split_part(c.relname, '_', 1) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE a.attname = 'contact_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND c.relnamespace = 'public'::regnamespace"
        )
        rooms = {row[0] for row in cursor.fetchall()}

    assert rooms - {"contacts"} <= {holder.__name__.split(".")[1] for holder in MERGE_HOLDERS}  # type: ignore[attr-defined]  # modules


def test_merge_moves_events_and_tells_it(in_workspace: Workspace, now: datetime) -> None:
    shop = in_workspace.id
    [kept] = people.save_people(shop, [Person(email="k@example.org")], now=now)
    [dropped] = people.save_people(shop, [Person(identities=((IdentityKind.EXTERNAL, "u1"),))], now=now)

    people.merge(shop, kept.contact_id, dropped.contact_id, now=now)

    names = [entry.name for entry in events.timeline(shop, kept.contact_id)]
    assert names == ["Contacts Merged", "Contact Created", "Contact Created"]
    assert events.timeline(shop, dropped.contact_id) == []
    assert queries.count_contacts(shop) == 1


def test_merging_before_the_wiring_is_refused(
    in_workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging._Holders, "listed", None)
    pair = [Person(email="a@example.org"), Person(email="b@example.org")]
    one, two = actions.save_people(in_workspace.id, pair, now=now)

    with pytest.raises(RuntimeError, match="wiring"):
        actions.merge(in_workspace.id, one.contact_id, two.contact_id, now=now)
