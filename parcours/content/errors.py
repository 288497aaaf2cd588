"""What can be wrong with a template, said to its author. Not here: errors of sending."""

from parcours.kernel.errors import DomainError, NotFound


class TemplateError(DomainError):
    """A template, or what it was given, cannot be used. `line` counts from 1; 0 when it is about no line in
    particular.
    """

    code = "template.invalid"

    def __init__(self, message: str, *, line: int = 0, field: str = "", hint: str = "") -> None:
        super().__init__(message, field=field, hint=hint)
        self.line = line


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
