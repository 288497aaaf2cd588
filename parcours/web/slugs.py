"""The part of an address that a new thing has from its name. Not here: what is allowed in one (each room says that of its own)."""

from collections.abc import Mapping
from itertools import count

from django.utils.text import slugify

LONGEST = 50


def slug_for(name: str, known: Mapping[str, str], *, otherwise: str) -> str:
    """A slug for a thing of this name. `known` maps the slugs of its kind to their names.

    `otherwise` is for a name without Latin letters. Another's slug is passed over, with a number behind; that of the same name
    is given again, for the room to refuse.
    """
    same = next((slug for slug, each in known.items() if each.casefold() == name.casefold()), None)
    if same is not None:
        return same
    wanted = slugify(name)[:LONGEST] or otherwise
    numbered = (f"{wanted}-{n}" for n in count(2))
    return wanted if wanted not in known else next(each for each in numbered if each not in known)
