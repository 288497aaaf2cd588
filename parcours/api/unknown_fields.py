"""Turning pydantic's errors into field errors, with a guess at what an unknown field was meant to be."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from parcours.api.problems import FieldError

Location = Sequence[int | str]


def field_errors(errors: Sequence[Mapping[str, Any]], model: type[BaseModel], skip: int) -> list[FieldError]:
    """The errors of one parameter model; `skip` leading parts of each location are ninja's own."""
    return [FieldError(_path(error["loc"][skip:]), _message(error, model)) for error in errors]


def guess(name: str, known: Sequence[str]) -> str:
    """“ Did you mean …?” for a name that nearly fits, else the names that exist."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f" Did you mean “{close[0]}”?"
    return f" Known: {', '.join(known)}." if known else ""


def _message(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    if error["type"] != "extra_forbidden":
        return str(error["msg"])
    *place, name = error["loc"]
    return f"There is no field “{name}”." + guess(str(name), _fields_at(model, place))


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
