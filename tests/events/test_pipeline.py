"""The steps of intake: what is accepted in which form, what is refused with which code."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.events import errors, pipeline
from parcours.events.pipeline import parse

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


def track(**members: Any) -> bytes:
    return body(**{"userId": "u1", "event": "Order Completed", **members})


def refusal(raw: bytes, kind: str = "track") -> str:
    parsed = parse(kind, raw, NOW)
    assert parsed.accepted == []
    return parsed.refused[0].code


def test_track_is_read_with_its_identities() -> None:
    raw = track(
        anonymousId="a1",
        messageId="m1",
        timestamp="2026-03-09T08:00:00Z",
        properties={"total": 49.9, "email": "A@b.fr"},
    )

    [(_, call)] = parse("track", raw, NOW).accepted

    assert (call.external, call.anonymous, call.email) == ("u1", "a1", "a@b.fr")
    assert (call.name, call.properties["total"], call.at) == (
        "Order Completed",
        49.9,
        datetime(2026, 3, 9, 8, tzinfo=UTC),
    )
    assert call.is_plain


@pytest.mark.parametrize("kind", ["identify", "alias"])
def test_call_about_the_person_alone_is_no_plain_event(kind: str) -> None:
    [(_, call)] = parse(kind, body(userId="u1", previousId="a1"), NOW).accepted

    assert not call.is_plain


def test_identify_may_have_its_traits_in_the_context() -> None:
    """RudderStack's clients send them there."""
    traits = {"email": "a@b.fr", "city": "Lyon"}

    [(_, call)] = parse("identify", body(userId="u1", context={"traits": traits}), NOW).accepted
    [(_, own)] = parse("identify", body(userId="u1", traits={}, context={"traits": traits}), NOW).accepted
    [(_, event)] = parse("track", track(context={"traits": traits}), NOW).accepted

    assert (call.email, call.traits) == ("a@b.fr", traits)
    assert own.traits == {}
    assert (event.email, event.traits) == ("a@b.fr", None)
    assert refusal(body(userId="u1", context={"traits": {"city": "\u0000"}}), "identify") == "event.not_text"


def test_visitors_are_tracked_only_with_consent_where_that_is_needed() -> None:
    def said(**categories: object) -> dict[str, object]:
        return {"consent": {"categoryPreferences": categories}}

    visitor = {"type": "page", "anonymousId": "a1"}
    calls = [
        visitor,
        {**visitor, "context": said(analytics=True)},
        {**visitor, "context": said(analytics=False)},
        {**visitor, "context": said(analytics="yes")},
        {**visitor, "context": said(advertising=True)},
        {**visitor, "context": {"consent": ["analytics"]}},
        {"type": "track", "anonymousId": "a1", "event": "Seen"},
        {"type": "track", "userId": "u1", "event": "Order Completed"},
        {"type": "track", "event": "Order Completed", "properties": {"email": "a@b.fr"}},
        {"type": "track", "userId": "u1", "event": "Seen", "context": said(analytics=False)},
        {"type": "identify", "userId": "u1", "context": said(analytics=False)},
        {"type": "group", "anonymousId": "a1", "groupId": "g1"},
        {"type": "group", "anonymousId": "a1", "groupId": "g1", "context": said(analytics=False)},
        {"type": "group", "userId": "u1", "groupId": "g1", "context": said(analytics=False)},
        {"type": "group", "anonymousId": "a1", "groupId": "g1", "context": said(analytics=True)},
        {"type": "group", "userId": "u1", "groupId": "g1"},
        {"type": "identify", "anonymousId": "a1", "traits": {"city": "Lyon"}},
        {"type": "identify", "anonymousId": "a1", "context": said(analytics=False)},
        {"type": "identify", "anonymousId": "a1", "context": said(analytics=True)},
        {"type": "identify", "anonymousId": "a1", "traits": {"email": "a@b.fr"}},
        {"type": "alias", "previousId": "a1", "userId": "u1"},
    ]
    batch = body(batch=calls)

    asked = parse("batch", batch, NOW, tracking_consent="analytics")

    assert [place for place, _ in asked.accepted] == [1, 7, 8, 10, 14, 15, 18, 19, 20]
    assert {each.code for each in asked.refused} == {"event.no_consent"}
    assert parse("batch", batch, NOW).refused == []
    assert parse("batch", batch, NOW, is_trusted=True, tracking_consent="analytics").refused == []


def test_same_message_id_gives_the_same_key() -> None:
    keys = [
        parse("track", track(messageId=each), NOW).accepted[0][1].key for each in ("m1", "m1", "m2", "", "")
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_page_screen_and_group_have_names_of_their_own() -> None:
    [(_, page)] = parse("page", body(anonymousId="a", name="Home", properties={"url": "/"}), NOW).accepted
    [(_, group)] = parse("group", body(userId="u", groupId="acme", traits={"name": "Acme"}), NOW).accepted

    assert (page.name, page.properties) == ("Page Viewed", {"url": "/", "name": "Home"})
    assert (group.name, group.properties) == (
        "Group Joined",
        {"group_id": "acme", "traits": {"name": "Acme"}},
    )


def test_clock_of_the_sender_is_corrected() -> None:
    hour = timedelta(hours=1)
    raw = track(timestamp=(NOW + hour - timedelta(minutes=5)).isoformat(), sentAt=(NOW + hour).isoformat())

    [(_, call)] = parse("track", raw, NOW).accepted

    assert call.at == NOW - timedelta(minutes=5)


def test_network_delay_is_not_a_skew() -> None:
    raw = track(timestamp="2026-03-10T09:59:00Z", sentAt=(NOW - timedelta(seconds=3)).isoformat())

    assert parse("track", raw, NOW).accepted[0][1].at == datetime(2026, 3, 10, 9, 59, tzinfo=UTC)


def test_time_without_zone_is_utc() -> None:
    assert parse("track", track(timestamp="2026-03-10T09:00:00"), NOW).accepted[0][1].at.tzinfo is UTC


@pytest.mark.parametrize(
    "when", ["1999-12-31T23:59:59Z", "2026-03-11T10:00:01Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
)
def test_times_outside_the_years_that_are_kept_are_refused(when: str) -> None:
    assert refusal(track(timestamp=when)) == "event.bad_date"


@pytest.mark.parametrize("offset", ["-05:00", "+14:00", "Z"])
def test_instant_is_kept_in_utc(offset: str) -> None:
    [(_, call)] = parse("track", track(timestamp=f"2026-02-28T23:30:00{offset}"), NOW).accepted
    assert call.at == datetime.fromisoformat(f"2026-02-28T23:30:00{offset}")
    assert call.at.tzinfo is UTC


def test_skew_that_leaves_the_calendar_is_refused() -> None:
    assert refusal(track(timestamp="9999-12-31T23:59:59Z", sentAt="2000-01-01T00:00:00Z")) == "event.bad_date"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (track(timestamp="yesterday"), "event.bad_date"),
        (track(timestamp="2026-02-30T00:00:00Z"), "event.bad_date"),
        (track(event=""), "event.bad_name"),
        (track(event="x" * 201), "event.bad_name"),
        (track(event="a\u0000b"), "event.bad_name"),
        (track(event=None), "event.bad_name"),
        (track(event="Email Opened"), "event.reserved_name"),
        (track(event=" contact created "), "event.reserved_name"),
        (track(properties={"a": "x\u0000y"}), "event.not_text"),
        (track(properties={"a\u0000": 1}), "event.not_text"),
        (track(properties={"n": 10**301}), "event.not_text"),
        (track(messageId="m" * 100), "event.bad_message_id"),
        (track(userId="u\u0000"), "event.bad_identity"),
        (track(userId="u" * 255), "event.bad_identity"),
        (body(event="Seen"), "event.no_identity"),
        (body(event="Seen", userId=""), "event.no_identity"),
    ],
)
def test_track_that_cannot_be_stored_is_refused_with_a_code(raw: bytes, code: str) -> None:
    try:
        assert refusal(raw) == code
    except errors.RefusedEvent as error:
        assert error.code == code  # noqa: PT017 - either way of refusing is fine here


@pytest.mark.parametrize("kind", ["page", "screen"])
@pytest.mark.parametrize("member", ["name", "category"])
def test_page_whose_name_cannot_be_stored_is_refused(kind: str, member: str) -> None:
    assert refusal(body(anonymousId="a1", **{member: "a\u0000b"}), kind) == "event.not_text"
    assert parse(kind, body(anonymousId="a1", **{member: "a\u00e9b"}), NOW).refused == []


def test_wrong_address_refuses_identify_and_is_passed_over_in_track() -> None:
    assert refusal(body(userId="u1", traits={"email": "nobody"}), "identify") == "event.bad_identity"
    assert parse("track", track(properties={"email": "nobody"}), NOW).accepted[0][1].email is None


def test_deep_json_is_refused() -> None:
    nested: Any = 1
    for _ in range(30):
        nested = [nested]
    assert refusal(track(properties={"a": nested})) == "event.too_deep"
    deeper = b'{"userId":"u","event":"x","properties":{"a":' + b"[" * 9000 + b"]" * 9000 + b"}}"
    assert refusal(deeper) == "event.too_deep"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"userId": []}',
        b"\xff",
        b'{"userId":"u","properties":{"a":1e400}}',
    ],
)
def test_what_is_not_json_of_the_right_shape_is_malformed(raw: bytes) -> None:
    with pytest.raises(errors.Malformed):
        parse("track", raw, NOW)


def test_limits_of_size() -> None:
    with pytest.raises(errors.TooLarge):
        parse("track", track(properties={"a": "x" * 33_000}), NOW)
    with pytest.raises(errors.TooLarge):
        parse("batch", body(batch=[{"type": "track", "properties": {"a": "x" * 30_000}}] * 20), NOW)
    with pytest.raises(errors.TooLarge):
        parse("batch", b'{"batch":[' + b",".join([b"{}"] * 2501) + b"]}", NOW)


def test_refused_event_of_a_batch_leaves_its_neighbours() -> None:
    good = {"type": "track", "userId": "u1", "event": "Seen"}
    events = [
        good,
        {"type": "track", "userId": "u1"},
        {"type": "dance", "userId": "u1"},
        7,
        {**good, "timestamp": "?"},
        good,
    ]

    parsed = parse("batch", body(batch=events), NOW)

    assert [index for index, _ in parsed.accepted] == [0, 5]
    assert [(each.index, each.code) for each in parsed.refused] == [
        (1, "event.bad_name"),
        (2, "event.unknown_type"),
        (3, "event.malformed"),
        (4, "event.bad_date"),
    ]


def test_half_a_character_is_shown_as_browsers_do() -> None:
    """JavaScript cuts an emoji in two, and sends half of it as an escape."""
    texts = {r"Party \ud83c": "Party \ufffd", r"\ude00\ud83d\ude00": "\ufffd😀", r"\\ud83c \"": r'\ud83c "'}
    for sent, stored in texts.items():
        call = track(type="track", properties={"name": "?"}).replace(b"?", sent.encode())
        for kind, raw in (("track", call), ("batch", b'{"batch": [%b, %b]}' % (call, track(type="track")))):
            parsed = parse(kind, raw, NOW)
            assert parsed.refused == []
            assert parsed.accepted[0][1].properties == {"name": stored}
        assert pipeline.write_key(call[:-1] + b', "writeKey": "wk_1"}') == "wk_1"


@pytest.mark.parametrize(
    ("poison", "code"),
    [
        (b'{"type": "track", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "event.too_deep"),
        (b'{"type": "track", "userId": "x", "event": "caf\xe9"}', "event.malformed"),
        (b'{"type": "track", "a": 01, "b": ["]", {"batch": [1, 2]}]}', "event.malformed"),
        (b"nonsense", "event.malformed"),
    ],
)
def test_event_that_cannot_be_read_leaves_its_neighbours(poison: bytes, code: str) -> None:
    good = track(type="track", properties={"batch": ["[,", '"', "\\"]})
    raw = (
        b'{"writeKey": "wk_1", "x": ["batch", []], "batch" : [%b, %b,%b] , "sentAt": "2026-03-10T10:00:00Z"}'
        % (
            good,
            poison,
            good,
        )
    )
    parsed = parse("batch", raw, NOW)
    assert [index for index, _ in parsed.accepted] == [0, 2]
    assert [(each.index, each.code) for each in parsed.refused] == [(1, code)]
    assert pipeline.write_key(raw) == "wk_1"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"batch": [{"a": 1}, 01',
        b'{"batch": [{"a": 1},]}',
        b'{"batch": [01]',
        b'{"batch": [01]} nonsense',
        b'{"batch": 01}',
        b'["batch", [01]]',
        b'{"batch": ["' + b'\\"' * 200_000,
    ],
)
def test_what_is_no_batch_cannot_be_saved(raw: bytes) -> None:
    with pytest.raises(errors.Malformed):
        parse("batch", raw, NOW)


@given(st.binary(max_size=200) | st.text(alphabet='{}[],":\\batch01', max_size=60).map(str.encode))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    for body_ in (raw, b'{"batch": [' + raw + b"]}"):
        with contextlib.suppress(errors.RefusedEvent):
            parse("batch", body_, NOW)
        with contextlib.suppress(errors.RefusedEvent):
            parse("track", body_, NOW)
        with contextlib.suppress(errors.RefusedEvent):
            pipeline.write_key(body_)


def test_every_step_is_listed_once() -> None:
    assert [step.__name__ for step in pipeline.STEPS] == [
        "know_the_kind",
        "store_only_plain_data",
        "tell_repeats_apart",
        "tell_the_time",
        "name_it",
        "say_whose_it_is",
        "ask_for_consent",
        "see_where_they_are",
    ]


def test_key_in_the_body_is_found() -> None:
    assert pipeline.write_key(b'{"writeKey":"wk_1","batch":[{"type":1}]}') == "wk_1"
    with pytest.raises(errors.Malformed):
        pipeline.write_key(b"{")


def test_write_key_reports_the_last_years_only_and_an_api_key_history() -> None:
    """Each month is a partition: a key that anybody can read makes few of them."""
    years = [
        track(timestamp=(NOW - timedelta(days=365 * years)).isoformat()).decode() for years in (2, 4, 20)
    ]
    batch = ('{"batch": [' + ",".join(years).replace("{", '{"type": "track", ', 3) + "]}").encode()

    public = parse("batch", batch, NOW)
    server = parse("batch", batch, NOW, is_trusted=True)

    assert [index for index, _ in public.accepted] == [0]
    assert [(each.index, each.code) for each in public.refused] == [
        (1, "event.bad_date"),
        (2, "event.bad_date"),
    ]
    assert len(server.accepted) == 3
    assert refusal(track(timestamp="1999-12-31T00:00:00Z")) == "event.bad_date"
