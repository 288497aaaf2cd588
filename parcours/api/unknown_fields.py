"""Turning pydantic's errors into field errors in the caller's language, with a guess at what an unknown field was meant to be."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja.errors import ValidationErrorContext
from pydantic import BaseModel

from parcours.api.problems import FieldError

Location = Sequence[int | str]

# By pydantic's type of error; what is in %(…)s comes from the error's context. Every least length is 1, and the
# one pattern is a slug's: a test keeps it so.
_SENTENCES = {
    "missing": gettext_noop("This field is missing."),
    "string_type": gettext_noop("This must be a text."),
    "string_too_long": gettext_noop("This has more than %(max_length)s characters."),
    "string_too_short": gettext_noop("This must not be empty."),
    "string_pattern_mismatch": gettext_noop(
        "This takes 1 to 60 small letters, digits, “-” and “_”, and begins with a letter or a digit, such as “summer-sale”."
    ),
    "bool_type": gettext_noop("This must be true or false."),
    "bool_parsing": gettext_noop("This must be true or false."),
    "int_type": gettext_noop("This must be a whole number."),
    "int_parsing": gettext_noop("This must be a whole number."),
    "int_from_float": gettext_noop("This must be a whole number."),
    "float_type": gettext_noop("This must be a number."),
    "float_parsing": gettext_noop("This must be a number."),
    "decimal_type": gettext_noop("This must be a number."),
    "decimal_parsing": gettext_noop("This must be a number."),
    "finite_number": gettext_noop("This must be a number."),
    "list_type": gettext_noop("This must be a list."),
    "dict_type": gettext_noop("This must be an object."),
    "model_type": gettext_noop("This must be an object."),
    "model_attributes_type": gettext_noop("This must be an object."),
    "too_long": gettext_noop("This has more than %(max_length)s items."),
    "too_short": gettext_noop("This must not be empty."),
    "literal_error": gettext_noop("This must be one of %(expected)s."),
    "enum": gettext_noop("This must be one of %(expected)s."),
    "uuid_type": gettext_noop("This must be a UUID."),
    "uuid_parsing": gettext_noop("This must be a UUID."),
    "timezone_aware": gettext_noop("This time must say its zone, such as 2026-03-10T10:00:00+01:00."),
    "datetime_type": gettext_noop("This must be a time, such as 2026-03-10T10:00:00+01:00."),
    "datetime_parsing": gettext_noop("This must be a time, such as 2026-03-10T10:00:00+01:00."),
    "datetime_from_date_parsing": gettext_noop("This must be a time, such as 2026-03-10T10:00:00+01:00."),
    "datetime_out_of_range": gettext_noop("This time is out of range."),
    "date_type": gettext_noop("This must be a day, such as 2026-03-10."),
    "date_parsing": gettext_noop("This must be a day, such as 2026-03-10."),
    "date_from_datetime_parsing": gettext_noop("This must be a day, such as 2026-03-10."),
    "greater_than": gettext_noop("This must be more than %(gt)s."),
    "greater_than_equal": gettext_noop("This must be at least %(ge)s."),
    "less_than": gettext_noop("This must be less than %(lt)s."),
    "less_than_equal": gettext_noop("This must be at most %(le)s."),
}


def field_errors(errors: Sequence[Mapping[str, Any]], model: type[BaseModel], skip: int) -> list[FieldError]:
    """The errors of one parameter model; `skip` leading parts of each location are ninja's own."""
    return [FieldError(_path(error["loc"][skip:]), _message(error, model)) for error in errors]


def told(contexts: Sequence[ValidationErrorContext[Any]]) -> list[FieldError]:
    """The errors of all parameters of an operation, with the names as the caller wrote them."""
    found: list[FieldError] = []
    for context in contexts:
        errors = context.pydantic_validation_error.errors(include_url=False, include_input=False)
        model = type(context.model) if not isinstance(context.model, type) else context.model
        is_body = getattr(model, "__read_from_single_attr__", None) is not None
        found += field_errors(errors, model, 1 if is_body else 0)
    return found


def guess(name: str, known: Sequence[str]) -> str:
    """“ Did you mean …?” for a name that nearly fits, else the names that exist."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return " " + _("Did you mean “%(name)s”?") % {"name": close[0]}
    return " " + _("Known: %(known)s.") % {"known": ", ".join(known)} if known else ""


def _message(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    if error["type"] != "extra_forbidden":
        return _sentence(error)
    *place, name = error["loc"]
    return _("There is no field “%(name)s”.") % {"name": name} + guess(str(name), _fields_at(model, place))


def _sentence(error: Mapping[str, Any]) -> str:
    known = _SENTENCES.get(error["type"])
    if known is None:
        return _("This value is not acceptable: %(problem)s.") % {"problem": error["msg"]}
    return str(_(known) % error.get("ctx", {}))


def _path(location: Location) -> str:
    return ".".join(str(part) for part in location)


def _fields_at(model: type[BaseModel], place: Location) -> list[str]:
    """The field names of the model that stands at `place`."""
    found = [model]
    for part in place:
        if isinstance(part, str):
            fields = [one.model_fields[part] for one in found if part in one.model_fields]
            found = [inner for field in fields for inner in _models_in(field.annotation)]
    return [name for one in found for name in one.model_fields]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
