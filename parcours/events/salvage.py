"""What can be saved of a body that JSON's reader refuses, so that one event does not cost its neighbours.

Programs cut texts in the middle of a character (`"🎉".slice(0, 1)`), and then send half of it as an escape.
Not here: reading calls (`pipeline`).
"""

import re

_HEX = rb"[0-9a-fA-F]{2}"
_ESCAPE = re.compile(
    rb"(?P<pair>\\u[dD][89abAB]%b\\u[dD][c-fC-F]%b)|(?P<half>\\u[dD][89a-fA-F]%b)|\\." % (_HEX, _HEX, _HEX),
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"
# A text without an end goes to the end: no second look.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def without_halves(body: bytes) -> bytes:
    """The text with U+FFFD for each half of a surrogate pair (RFC 8259 §8.2), as browsers show it."""
    return _ESCAPE.sub(lambda found: _REPLACEMENT if found["half"] else found[0], body)


def apart(body: bytes) -> tuple[bytes, list[bytes]]:
    """A batch without its events, and they by themselves; what is in them is not read.

    Raises ValueError when no batch is to be seen.
    """
    depth, opened, begun, is_next = 0, 0, 0, False
    events: list[bytes] = []
    for token in _TOKEN.finditer(body):
        mark = token[0]
        if not begun:
            if mark == b"[" and depth == 1 and is_next:
                begun = opened = token.end()
            elif mark[:1] == b'"':
                is_next = mark == b'"batch"' and depth == 1
        elif depth == 2 and mark in b",]":
            events.append(body[begun : token.start()].strip())
            begun = token.end()
            if mark == b"]":
                if not all(events):
                    raise ValueError("an event is missing")
                return body[:opened] + body[token.start() :], events
        depth += (mark in b"[{") - (mark in b"]}")
    raise ValueError("no end of the batch")
