"""JSON as people and programs write it, read strictly: no key twice, no NaN. What is wrong is said with its place, in the reader's
language. Not here: what a value may be for whoever asked for it.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from parcours.kernel.errors import Malformed


def read(text: str) -> Any:
    """The value of a JSON text. Raises Malformed."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise Malformed(_("This is not JSON: look at line %(line)d, column %(column)d.") % place) from error
    except RecursionError as error:
        raise Malformed(_("This is nested too deeply.")) from error
    except ValueError as error:  # Python reads no integer of thousands of digits
        raise Malformed(_("A number has too many digits.")) from error


def _object(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise Malformed(_("The key “%(key)s” stands twice.") % {"key": _shown(key)}, field=_shown(key))
        found[key] = value
    return found


def _shown(key: str) -> str:
    """A key as it can be told: JSON may spell characters that no text holds."""
    return key[:60].encode("utf-8", "replace").decode()


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(_("JSON has no number “%(name)s”.") % {"name": name})
