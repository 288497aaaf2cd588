"""The preference page's form as a browser sends it."""

import re
from collections.abc import Sequence
from typing import Any

from django.test import Client

_INPUT = re.compile(r"<input ([^>]+)>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


def as_sent(page: str) -> dict[str, list[str]]:
    """What a browser sends of the page when nothing is touched."""
    sent: dict[str, list[str]] = {}
    for written in _INPUT.findall(page):
        field = dict(_ATTRIBUTE.findall(written))
        if field["type"] == "hidden" or " checked" in written:
            sent.setdefault(field["name"], []).append(field["value"])
    return sent


def save(visitor: Client, link: str, **chosen: str | Sequence[str]) -> Any:
    """Open the page, change these fields of its form, send it; returns the answer."""
    return visitor.post(link, {**as_sent(visitor.get(link).content.decode()), **chosen})
