"""Readers for the pieces of a graph's JSON: each takes a value and its place, and says exactly what is wrong there.

Not here: what a kind of node means (its own module).
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from difflib import get_close_matches

from django.utils.translation import gettext as _

from parcours.journeys.errors import GraphInvalid

_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=3660)


def mapping(value: object, position: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise GraphInvalid(_("%(place)s must be an object.") % {"place": position}, field=position)
    return value


def only(value: Mapping[str, object], allowed: Collection[str], position: str) -> None:
    """Refuse every other key, with the nearest that is allowed."""
    for key in value:
        if key not in allowed:
            raise GraphInvalid(
                _("%(place)s has an unknown key “%(key)s”.") % {"place": position, "key": key[:60]},
                field=f"{position}.{key[:60]}",
                hint=nearest(key, allowed),
            )


def text(value: object, position: str, *, longest: int = 60) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest or "\x00" in value:
        message = _("%(place)s must be a text of 1 to %(longest)s characters.")
        raise GraphInvalid(message % {"place": position, "longest": longest}, field=position)
    return value


def optional_text(value: object, position: str) -> str | None:
    """A text, or nothing at all."""
    return None if value is None else text(value, position)


def duration(value: object, position: str) -> timedelta:
    """A duration such as `30m`, `7d` or `2w`; at most ten years."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if length is None or length > _LONGEST:
        raise GraphInvalid(
            _("%(place)s must be a duration.") % {"place": position},
            field=position,
            hint=_("Write 30m, 12h, 7d or 2w; at most ten years."),
        )
    return length


def known(value: str, names: Collection[str], problem: str, position: str) -> None:
    """Refuse a name that the workspace does not have. `problem` is the translated sentence, with a place for the name."""
    if value not in names:
        raise GraphInvalid(problem % {"name": value}, field=position, hint=nearest(value, names))


def nearest(value: str, names: Collection[str]) -> str:
    """A hint: the name that was probably meant, or all of them when they are few."""
    close = get_close_matches(value[:200], names, n=1)
    if close:
        return _("Did you mean “%(name)s”?") % {"name": close[0]}
    return _("Known: %(names)s.") % {"names": ", ".join(sorted(names))} if 0 < len(names) <= 12 else ""
