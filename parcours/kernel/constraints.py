"""Conditions that tables of every room put on their columns. Not here: which table has which (each room's `models`)."""

from enum import StrEnum

from django.db.models import Q


def one_of(field: str, kinds: type[StrEnum]) -> Q:
    """The condition that `field` holds a value of the enumeration."""
    return Q(**{f"{field}__in": [kind.value for kind in kinds]})
