"""What a write key can never do, whatever is said in whatever order. The stories are in `test_saving` and `events/test_intake`."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as any_of

from parcours.contacts.matching import Draft, Matching, Stated
from parcours.contacts.types import Identity, IdentityKind

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
EMAILS = any_of.sampled_from(["a@shop.example", "b@shop.example", "c@shop.example"])
IDS = any_of.sampled_from("123")


@any_of.composite
def said(draw: any_of.DrawFn, *, is_trusted: bool) -> Stated:
    """Anything that the intake may be told about one person."""
    email = draw(any_of.none() | EMAILS)
    kinds = any_of.sampled_from([IdentityKind.EXTERNAL, IdentityKind.ANONYMOUS])
    known: list[Identity] = draw(any_of.lists(any_of.tuples(kinds, IDS), min_size=not email, max_size=3))
    if email:
        known.append((IdentityKind.EMAIL, email))
    return Stated(
        email=email,
        possible_email=draw(any_of.none() | EMAILS),
        identities=tuple(dict.fromkeys(known)),
        is_alias=draw(any_of.booleans()),
        is_trusted=is_trusted,
        language="",
        time_zone="",
        source="",
        attributes={},
    )


def named(matching: Matching) -> dict[Draft, str | None]:
    """The contacts that have an address or an id of their own, with where they are written to."""
    return {draft: draft.address for draft in matching.drafts() if draft.is_named}


@given(any_of.lists(said(is_trusted=True), max_size=6), any_of.lists(said(is_trusted=False), max_size=6))
def test_write_key_never_merges_two_who_are_known_nor_redirects_mail(
    before: list[Stated], attack: list[Stated]
) -> None:
    matching = Matching([], NOW)
    for each in before:
        matching.place(each)
    for each in attack:
        known = named(matching)

        placed = matching.place(each)

        now_one = [draft.settled() for draft in known]
        assert len(set(now_one)) == len(known)
        assert all(draft.settled().address == address for draft, address in known.items() if address)
        assert placed.draft.settled() is placed.draft
        told = {kind for kind, _ in placed.refused}
        if each.email and placed.draft.address != each.email:
            assert IdentityKind.EMAIL in told  # whatever was left out is told


@given(any_of.lists(said(is_trusted=True), max_size=8))
def test_what_a_trusted_source_states_is_never_refused(people: list[Stated]) -> None:
    matching = Matching([], NOW)
    for each in people:
        placed = matching.place(each)
        assert placed.refused == ()
        assert not each.email or placed.draft.address == each.email
