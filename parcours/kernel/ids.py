"""Identifiers that sort by time and cannot be guessed (RFC 9562, UUID version 7), and numbers for who needs numbers."""

import os
import time
from uuid import UUID

from django.db.models import BigIntegerField, Func, UUIDField, Value


def uuid7() -> UUID:
    """A new version 7 UUID: 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


class NewId(Func):
    """The same made by the database, for rows that a statement inserts in sets."""

    function = "kernel_uuid7"
    output_field = UUIDField()


class NextNumber(Func):
    """The next number of a sequence, given by the database when a row is inserted."""

    function = "nextval"
    output_field = BigIntegerField()

    def __init__(self, sequence: str) -> None:
        super().__init__(Value(sequence))
