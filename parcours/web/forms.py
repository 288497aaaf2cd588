"""What the domain refuses, put into the form that asked for it. Not here: what single fields check themselves."""

from django.forms import BaseForm
from django.utils.translation import gettext

from parcours.kernel.errors import DomainError


def told(error: DomainError) -> str:
    """What is wrong and how to mend it."""
    return f"{error.message} {error.hint}".strip()


def explained(error: DomainError) -> str:
    """What is wrong, at which line of a text, and how to mend it."""
    line = getattr(error, "line", 0)
    place = gettext("Line %(line)d: ") % {"line": line} if line else ""
    return place + told(error)


def put(form: BaseForm, error: DomainError, *, field: str | None = None, rest: str | None = None) -> None:
    """Show an error beside the field that it is about: the one it names, or `field`.

    What is about no field of the form is shown beside `rest`, with its place in there; without `rest`, above the form.
    """
    about = error.field if field is None else field
    if about in form.fields:
        form.add_error(about, told(error))
    elif rest is not None:
        form.add_error(rest, f"{error.field}: {told(error)}" if error.field else told(error))
    else:
        form.add_error(None, told(error))
