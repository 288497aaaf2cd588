"""Intake of Segment's calls: bytes in, accepted calls and typed refusals out. Pure: no database, no HTTP.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/. `STEPS` is what happens to each call, in that
order; a step refuses by raising. An event of a batch that is refused leaves its neighbours alone.
Only `properties` and `traits` are kept, and of `context` language and time zone: never the sender's address or browser.
Not here: whose events they are (`events.intake`), keys, limits of rate.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from parcours.contacts import identities
from parcours.contacts.errors import InvalidIdentity, InvalidLanguage, InvalidTimeZone
from parcours.contacts.types import IdentityKind
from parcours.events import errors, salvage, unreadable
from parcours.events.types import (
    GROUP_JOINED,
    PAGE_VIEWED,
    RESERVED_NAMES,
    SCREEN_VIEWED,
    Incoming,
)
from parcours.kernel.clock import EARLIEST

MAX_EVENT = 32 * 1024
MAX_BATCH = 500 * 1024
MAX_EVENTS = 2500
MAX_DEPTH = 16
MAX_NAME = 200
MAX_MESSAGE_ID = 100
OLDEST_BY_WRITE_KEY = timedelta(days=3 * 366)
"""What a shop's page or till reports has just happened, or waited in a queue. Each month of the log is a partition of its own,
which every question has to consider: nobody makes hundreds of them with a key that anybody can read. History needs an API key."""
LATEST = timedelta(days=1)
NOT_A_SKEW = timedelta(seconds=10)
"""Between sending and receiving; what exceeds it is the sender's clock, not the network."""

Id = str | int
Read = TypeVar("Read")


class _Context(msgspec.Struct):
    traits: dict[str, Any] | None = None
    consent: Any = None
    locale: Any = None
    timezone: Any = None


class Call(msgspec.Struct, rename="camel"):
    """The members of Segment's calls that are read. Others are passed over."""

    type: str = ""
    message_id: str | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    previous_id: Id | None = None
    group_id: Id | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: _Context | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    write_key: str | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    sent_at: datetime | None = None
    write_key: str | None = None


class _Envelope(msgspec.Struct, rename="camel"):
    write_key: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that was not taken in: its place in the batch, why in a code and in words."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a request holds: accepted calls with their places in the batch, and refusals."""

    accepted: list[tuple[int, Incoming]]
    refused: list[Refusal]


class Draft(msgspec.Struct):
    """One call on its way through the steps."""

    raw: bytes | msgspec.Raw
    kind: str
    now: datetime
    sent_at: datetime | None
    call: Call
    key: str
    at: datetime
    name: str = ""
    properties: dict[str, Any] | None = None
    external: str | None = None
    anonymous: str | None = None
    email: str | None = None
    previous: str | None = None
    language: str = ""
    time_zone: str = ""
    earliest: datetime = EARLIEST
    needed_consent: str = ""


_decode_call = msgspec.json.Decoder(Call).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_UNREADABLE = (msgspec.DecodeError, RecursionError, OverflowError, UnicodeDecodeError)


def parse(
    kind: str, body: bytes, now: datetime, *, is_trusted: bool = False, tracking_consent: str = ""
) -> Parsed:
    """The calls of one request. `kind` is the address's last part (`track`, `batch`, …); `is_trusted`: with an API key;
    `tracking_consent`: the category of consent that visitors need to have given, if any.

    Raises Malformed or TooLarge when the request as a whole cannot be read.
    """
    if kind != "batch":
        try:
            call = read(body, kind, now, is_trusted=is_trusted, tracking_consent=tracking_consent)
            return Parsed([(0, call)], [])
        except errors.RefusedEvent as error:
            if isinstance(error, errors.Malformed | errors.TooLarge):
                raise
            return Parsed([], [Refusal(0, error.code, error.message)])
    batch = _batch(body)
    parsed = Parsed([], [])
    for index, raw in enumerate(batch.batch):
        try:
            call = read(raw, "", now, batch.sent_at, is_trusted=is_trusted, tracking_consent=tracking_consent)
            parsed.accepted.append((index, call))
        except errors.RefusedEvent as error:
            parsed.refused.append(Refusal(index, error.code, error.message))
    return parsed


def write_key(body: bytes) -> str | None:
    """The key that a browser puts into the body, or None. Raises Malformed when the body cannot be read."""
    try:
        return _whole(_decode_envelope, body).write_key
    except _UNREADABLE as error:
        saved = _salvaged(body)
        if saved is None:
            raise errors.Malformed(f"This is not a Segment call: {unreadable.why(body, error)}") from None
        return saved.write_key


def read(
    raw: bytes | msgspec.Raw,
    kind: str,
    now: datetime,
    sent_at: datetime | None = None,
    *,
    is_trusted: bool = False,
    tracking_consent: str = "",
) -> Incoming:
    """One call through all steps. Raises RefusedEvent."""
    draft = _decoded(raw, kind, now, sent_at)
    if not is_trusted:
        draft.earliest, draft.needed_consent = now - OLDEST_BY_WRITE_KEY, tracking_consent
    for step in STEPS:
        step(draft)
    return Incoming(
        kind=draft.kind,
        key=draft.key,
        at=draft.at,
        name=draft.name,
        properties=draft.properties or {},
        external=draft.external,
        anonymous=draft.anonymous,
        email=draft.email,
        previous=draft.previous,
        traits=draft.call.traits if draft.kind == "identify" else None,
        seen_language=draft.language,
        seen_time_zone=draft.time_zone,
        is_trusted=is_trusted,
    )


def _batch(body: bytes) -> _Batch:
    if len(body) > MAX_BATCH:
        raise errors.TooLarge(f"A batch has at most {MAX_BATCH} bytes; this one has {len(body)}.")
    try:
        batch = _whole(_decode_batch, body)
    except _UNREADABLE as error:
        saved = _salvaged(body)
        if saved is None:
            raise errors.Malformed(
                f"This is not a batch: {unreadable.why(body, error)}",
                hint='Send {"batch": [{"type": "track", …}]}.',
            ) from None
        batch = saved
    if len(batch.batch) > MAX_EVENTS:
        raise errors.TooLarge(f"A batch has at most {MAX_EVENTS} events; this one has {len(batch.batch)}.")
    return batch


def _salvaged(body: bytes) -> _Batch | None:
    """A batch of whose events one cannot be read: that one will be refused by itself."""
    try:
        envelope, events = salvage.apart(body)
        batch = _decode_batch(envelope)
    except (ValueError, *_UNREADABLE):
        return None
    batch.batch = [msgspec.Raw(event) for event in events]
    return batch


def _whole(decode: Callable[[bytes | msgspec.Raw], Read], raw: bytes | msgspec.Raw) -> Read:
    """What `decode` reads, also when a text in it holds half a character."""
    try:
        return decode(raw)
    except msgspec.DecodeError:
        mended = salvage.without_halves(bytes(raw))
        if mended == bytes(raw):
            raise
        return decode(mended)


def _decoded(raw: bytes | msgspec.Raw, kind: str, now: datetime, sent_at: datetime | None) -> Draft:
    """The call as it was sent. Raises TooLarge, Malformed or BadDate."""
    size = len(memoryview(raw))
    if size > MAX_EVENT:
        raise errors.TooLarge(f"An event has at most {MAX_EVENT} bytes; this one has {size}.")
    try:
        call = _whole(_decode_call, raw)
    except RecursionError:
        raise errors.TooDeep("The event is nested too deeply.") from None
    except _UNREADABLE as error:
        if (
            "`$.timestamp`" in str(error)
            or "`$.sentAt`" in str(error)
            or "`$.originalTimestamp`" in str(error)
        ):
            raise errors.BadDate(f"A time is written as 2026-03-10T10:00:00Z: {error}") from None
        raise errors.Malformed(f"This is not a Segment call: {unreadable.why(bytes(raw), error)}") from None
    kind = kind or call.type
    if kind == "identify" and call.traits is None and call.context is not None:
        call.traits = call.context.traits  # where RudderStack's clients put them
    return Draft(raw, kind, now, sent_at or call.sent_at, call, "", now)


_PLAIN_NAMES = {"page": PAGE_VIEWED, "screen": SCREEN_VIEWED, "group": GROUP_JOINED}
_KINDS = frozenset({"identify", "track", "page", "screen", "group", "alias"})
_LONGEST_NUMBER = 300
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_HUGE_NUMBER = b"0" * _LONGEST_NUMBER
_RESERVED = frozenset(name.casefold() for name in RESERVED_NAMES)


def know_the_kind(draft: Draft) -> None:
    """Refuse what is not one of the six calls."""
    if draft.kind not in _KINDS:
        raise errors.UnknownKind(
            f"“{identities.shown(draft.kind)}” is not a call.",
            field="type",
            hint="track, identify, page, screen, group, alias",
        )


def store_only_plain_data(draft: Draft) -> None:
    """Refuse NUL characters, numbers beyond a double and deep nesting. Looks closer only where the bytes raise a doubt."""
    raw = bytes(draft.raw)
    is_doubtful = (
        b"\\u00" in raw
        or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH
        or (len(raw) > _LONGEST_NUMBER and _HUGE_NUMBER in raw.translate(_DIGITS))
    )
    if is_doubtful:
        call = draft.call
        for stored in (call.properties, call.traits, call.name, call.category):
            _check_plain(stored, MAX_DEPTH)


def _check_plain(value: Any, depth: int) -> None:
    if depth == 0:
        raise errors.TooDeep(f"An event is nested at most {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        if "\0" in value:
            raise errors.NotText("The event holds a NUL character.")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _check_plain(key, depth)
            _check_plain(each, depth - 1)
    elif isinstance(value, Sequence):
        for each in value:
            _check_plain(each, depth - 1)
    elif isinstance(value, int) and abs(value) >= 10**_LONGEST_NUMBER:
        raise errors.NotText("The event holds a number out of range.")


def tell_repeats_apart(draft: Draft) -> None:
    """The key under which this message counts once: its messageId's BLAKE2b, or a random one."""
    message_id = draft.call.message_id
    if not message_id:
        draft.key = os.urandom(16).hex()
        return
    if len(message_id) >= MAX_MESSAGE_ID:
        raise errors.BadMessageId(
            f"A messageId has fewer than {MAX_MESSAGE_ID} characters.", field="messageId"
        )
    draft.key = hashlib.blake2b(message_id.encode(), digest_size=16).hexdigest()


def tell_the_time(draft: Draft) -> None:
    """When it happened: its timestamp, corrected by the sender's clock skew (sentAt against now), within bounds."""
    stated = draft.call.original_timestamp or draft.call.timestamp
    if stated is None:
        return
    at = _aware(stated)
    if draft.sent_at is not None:
        skew = draft.now - _aware(draft.sent_at)
        if abs(skew) > NOT_A_SKEW:
            at = _moved(at, skew)
    if at > draft.now + LATEST or at < EARLIEST:
        raise errors.BadDate("An event happens between 2000 and tomorrow.", field="timestamp")
    if at < draft.earliest:
        raise errors.BadDate(
            "With a write key, an event is at most three years old.",
            field="timestamp",
            hint="Send history with an API key.",
        )
    draft.at = at.astimezone(UTC)


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def _moved(at: datetime, skew: timedelta) -> datetime:
    try:
        return at + skew
    except OverflowError:
        raise errors.BadDate("An event happens between 2000 and tomorrow.", field="timestamp") from None


def name_it(draft: Draft) -> None:
    """The event's name; identify and alias have none, page, screen and group a fixed one."""
    call = draft.call
    draft.properties = call.properties
    if draft.kind == "track":
        draft.name = _name(call.event)
    elif draft.kind in _PLAIN_NAMES:
        draft.name = _PLAIN_NAMES[draft.kind]
        extra = {"name": call.name, "category": call.category} if draft.kind != "group" else _group(call)
        draft.properties = {**(call.properties or {}), **{key: each for key, each in extra.items() if each}}


def _name(given: str | None) -> str:
    name = (given or "").strip()
    if not 1 <= len(name) <= MAX_NAME or identities.has_control_characters(name):
        raise errors.BadName(f"An event's name has 1 to {MAX_NAME} plain characters.", field="event")
    if name.casefold() in _RESERVED:
        raise errors.ReservedName(
            f"“{name}” is written by Parcours itself.", field="event", hint="Choose another name."
        )
    return name


def _group(call: Call) -> dict[str, Any]:
    if call.group_id is None:
        raise errors.NoIdentity("A group call needs its groupId.", field="groupId")
    return {"group_id": _id(call.group_id, "groupId"), "traits": call.traits}


def say_whose_it_is(draft: Draft) -> None:
    """userId, anonymousId and the e-mail address that traits or properties hold. At least one is needed."""
    call = draft.call
    draft.external = _id(call.user_id, "userId")
    draft.anonymous = _id(call.anonymous_id, "anonymousId")
    draft.email = _email(call, draft.kind)
    if draft.kind == "alias":
        draft.previous = _id(call.previous_id, "previousId")
        if draft.previous is None or draft.external is None:
            raise errors.NoIdentity("An alias call needs previousId and userId.", field="previousId")
        if draft.previous == draft.external:  # says nothing new
            draft.previous = None
    if draft.external is None and draft.anonymous is None and draft.email is None:
        raise errors.NoIdentity(
            "Nothing says whose event this is.", field="userId", hint="Give userId or anonymousId."
        )


def _id(given: Id | None, field: str) -> str | None:
    if given is None or given == "":
        return None
    try:
        return identities.identity(IdentityKind.EXTERNAL, str(given))[1]
    except (InvalidIdentity, ValueError):
        raise errors.BadIdentity(
            f"{field} is plain text of at most {identities.MAX_LENGTH} characters.", field=field
        ) from None


def _email(call: Call, kind: str) -> str | None:
    """The address stated by the traits, else seen in the properties. A wrong one refuses only a call that states it."""
    traits = call.traits if kind == "identify" else call.context.traits if call.context else None
    given = (traits or {}).get("email") or (call.properties or {}).get("email")
    if not given:
        return None
    try:
        return identities.email(given) if isinstance(given, str) else _not_an_email(given)
    except InvalidIdentity as error:
        if kind == "identify" or (call.user_id is None and call.anonymous_id is None):
            raise errors.BadIdentity(error.message, field="email") from None
        return None


def _not_an_email(given: object) -> str:
    raise InvalidIdentity(f"An e-mail address is text, not {type(given).__name__}.", field="email")


_TRACKING = frozenset({"page", "screen", "track", "group"})


def ask_for_consent(draft: Draft) -> None:
    """Where visitors need to consent to be tracked: refuse what tells of a visitor without a name unless they said yes, and what
    anybody does who said no. A shop's server says so with an API key, or tells whose the event is: an order needs no such consent.
    """
    if not draft.needed_consent:
        return
    said = _consent(draft.call.context, draft.needed_consent)
    is_nameless = draft.external is None and draft.email is None
    if (said is False and draft.kind in _TRACKING) or (is_nameless and said is not True):
        raise errors.NoConsent(
            "This visitor did not consent to be tracked.",
            field=f"context.consent.categoryPreferences.{draft.needed_consent}",
        )


def _consent(context: _Context | None, category: str) -> object:
    """What the visitor said, in Segment's words (`context.consent.categoryPreferences`); None when they said nothing."""
    consent = context.consent if context is not None else None
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    return preferences.get(category) if isinstance(preferences, dict) else None


def see_where_they_are(draft: Draft) -> None:
    """Language and time zone of the browser or telephone. Nobody stated them, so what makes no sense is passed over."""
    context = draft.call.context
    if context is None:
        return
    if isinstance(context.locale, str):
        draft.language = _seen_language(context.locale)
    if isinstance(context.timezone, str):
        draft.time_zone = _seen_time_zone(context.timezone)


@lru_cache(maxsize=1000)
def _seen_language(text: str) -> str:
    try:
        return identities.language(text)
    except InvalidLanguage:
        return ""


@lru_cache(maxsize=1000)
def _seen_time_zone(text: str) -> str:
    try:
        return identities.time_zone(text)
    except InvalidTimeZone:
        return ""


Step = Callable[[Draft], None]
STEPS: tuple[Step, ...] = (
    know_the_kind,
    store_only_plain_data,
    tell_repeats_apart,
    tell_the_time,
    name_it,
    say_whose_it_is,
    ask_for_consent,
    see_where_they_are,
)
