"""Every text of an error that can reach a person is said through gettext, so that it has French."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]
# Whose errors nobody reads as a sentence of the product, and why.
MACHINES_ONLY = {
    "parcours/cli": "operators at a terminal; the command line speaks English",
    "parcours/workers": "operators, in the log",
    "parcours/events/pipeline.py": "programmers, in the answer of the Segment-compatible intake, whose clients know English only",
    "parcours/delivery/incoming.py": "a mail server, which keeps it in its log",
    "parcours/delivery/receiving.py": "a mail server, which keeps it in its log",
    "parcours/delivery/mailbox.py": "operators, about a setting; the hints are examples of it",
    "parcours/delivery/reports.py": "a mail server, which keeps it in its log",
    "parcours/delivery/smtp.py": "the record of a conversation with a mail server, kept word for word; pages name the fault in words",
}


def sources() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "parcours").rglob("*.py"))
        if "migrations" not in path.parts
    }


def error_names(trees: dict[Path, ast.Module]) -> set[str]:
    """DomainError and everything below it, by the class's name."""
    parents = {
        node.name: {last_part(base) for base in node.bases}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"DomainError"}
    while more := {name for name, bases in parents.items() if bases & found} - found:
        found |= more
    return found


def last_part(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def texts_of(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments that a person reads: the message, which comes first, and the hint."""
    yield from call.args[:1]
    yield from (each.value for each in call.keywords if each.arg in ("message", "hint"))


def has_own_words(text: ast.expr) -> bool:
    """Whether a text holds words that gettext has not seen. Code and addresses to copy are none."""
    match text:
        case ast.Constant(value=str(words)):
            return any(character.isalpha() for character in words) and not words.startswith(("{", "imaps:"))
        case ast.JoinedStr(values=parts):
            return any(has_own_words(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return has_own_words(left) or has_own_words(right)
        case ast.BinOp(left=left):
            return has_own_words(left)
        case ast.IfExp(body=body, orelse=orelse):
            return has_own_words(body) or has_own_words(orelse)
        case _:
            return False


def unspoken(tree: ast.Module, names: set[str]) -> Iterator[int]:
    """The lines on which an error is made with words of its own."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and last_part(node.func) in names
            and any(map(has_own_words, texts_of(node)))
        ):
            yield node.lineno


def test_texts_of_errors_have_french() -> None:
    trees = sources()
    names = error_names(trees)
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in trees.items()
        if not str(path.relative_to(ROOT)).startswith(tuple(MACHINES_ONLY))
        for line in unspoken(tree, names)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ('raise Invalid("No.")', True),
        ('raise errors.Invalid(f"No {name}.")', True),
        ('raise Invalid(_("No."), hint="Say yes.")', True),
        ('raise Invalid("No %(name)s." % {"name": name})', True),
        ('raise Invalid(_("No %(name)s.") % {"name": name}, field="name")', False),
        ("raise Invalid(message, hint=hint)", False),
        ('raise KeyError("no")', False),
    ],
)
def test_this_test_sees_what_it_looks_for(line: str, is_refused: bool) -> None:
    assert bool(list(unspoken(ast.parse(line), {"Invalid"}))) is is_refused


def test_gettext_is_not_hidden_by_a_variable() -> None:
    """`head, _, tail = …` in a function that also says `_("…")` would call a text."""
    found = [
        f"{path.relative_to(ROOT)}:{function.lineno}"
        for path, tree in sources().items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if stores_underscore(function) and calls_underscore(function)
    ]
    assert found == []


def stores_underscore(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store)
        for node in ast.walk(function)
    )


def calls_underscore(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and last_part(node.func) == "_" for node in ast.walk(function))


def test_french_punctuation_never_stands_alone() -> None:
    """A line may not end before « : ; ! ? » or inside guillemets: these take a no-break space."""
    catalogue = polib.pofile(str(ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"))
    loose = re.compile(r"« | »| [;:!?](?=\s|$|[)”])")
    texts = [text for entry in catalogue for text in (entry.msgstr, *entry.msgstr_plural.values())]
    assert [text for text in texts if loose.search(text)] == []


def test_french_says_nothing_twice() -> None:
    """Two branches that are merged line by line can leave a text that repeats itself."""
    catalogue = polib.pofile(str(ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"))
    twice = re.compile(r"(.{8,}?)\1+", re.DOTALL)
    texts = [text for entry in catalogue for text in (entry.msgstr, *entry.msgstr_plural.values())]
    assert [text for text in texts if twice.fullmatch(text)] == []
