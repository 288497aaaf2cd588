"""What can be wrong with a template, said to its author. Not here: errors of sending."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from parcours.kernel.errors import DomainError, NotFound


class TemplateError(DomainError):
    """A template, or what it was given, cannot be used. `line` counts from 1; 0 when it is about no line in
    particular. `statement` is the `{{ … }}` or `{% … %}` that failed, when known.
    """

    code = "template.invalid"

    def __init__(self, message: str, *, line: int = 0, field: str = "", hint: str = "") -> None:
        super().__init__(message, field=field, hint=hint)
        self.line = line
        self.statement = ""

    @property
    def located(self) -> str:
        """What is wrong, and in which text at which line, on one line."""
        if not self.field:
            return self.message
        if not self.line:
            return _("%(field)s: %(problem)s") % {"field": self.field, "problem": self.message}
        place = {"field": self.field, "line": self.line, "problem": self.message}
        return _("%(field)s, line %(line)d: %(problem)s") % place


class TemplateSyntax(TemplateError):
    """The Liquid or MJML is not well formed, or uses what is not offered."""

    code = "template.syntax"


class TemplateLimit(TemplateError):
    """The template would take too long, or too much room. It was stopped."""

    code = "template.limit"


class UnknownVariable(TemplateError):
    """The template uses a name that this person's data do not have."""

    code = "template.unknown_variable"

    def __init__(self, message: str, *, name: str, line: int = 0, field: str = "", hint: str = "") -> None:
        super().__init__(message, line=line, field=field, hint=hint)
        self.name = name


class UnsafeLink(TemplateError):
    """A link leads to something other than a web page, an address or a telephone number."""

    code = "template.unsafe_link"


class UnknownTemplate(NotFound):
    """There is no such template here."""

    code = "template.unknown"


@contextmanager
def told_of(language: str) -> Iterator[None]:
    """Whatever is wrong inside names the language with the field: `fr.mjml`."""
    try:
        yield
    except TemplateError as error:
        if error.field and not error.field.startswith(f"{language}."):
            error.field = f"{language}.{error.field}"
        raise
