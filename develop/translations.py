"""`python -m develop.translations`: collect what the product says, keep the French catalogue, compile it.

Sources are English texts in Python (`gettext`, `_`, `gettext_noop`, …), in templates (`{% trans %}`, `{% blocktrans %}`), and the
first sentence of an error's docstring, which is its title (a class with a `code`). The catalogue is
`locale/fr/LC_MESSAGES/django.po`; the compiled `.mo` beside it is not committed. Needs the virtualenv.

    (nothing)   update the catalogue and compile it
    --check     change nothing; fail when a text lacks its French, or the catalogue is not what the sources say
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib
from babel.messages.extract import extract
from django.conf import settings
from django.utils.translation.template import templatize

from parcours.kernel.errors import first_sentence

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"
WORDS = {
    "gettext": None,
    "gettext_noop": None,
    "gettext_lazy": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
}
WRAP = 110
HEADER = {
    "Project-Id-Version": "parcours",
    "Language": "fr",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=2; plural=(n > 1);",
}
Key = tuple[str, str]


@dataclass
class Text:
    """A text of the product, and the files that say it. `plural` is '' when it has none."""

    msgid: str
    plural: str = ""
    context: str = ""
    files: set[str] = field(default_factory=set)


def texts() -> dict[Key, Text]:
    """Everything that the sources say, by context and msgid."""
    found: dict[Key, Text] = {}
    for path in sources():
        for msgid, plural, context in said_in(path):
            text = found.setdefault((context, msgid), Text(msgid, plural, context))
            text.plural = text.plural or plural
            text.files.add(path.relative_to(ROOT).as_posix())
    return found


def sources() -> Iterator[Path]:
    """Python and templates of the product, in a fixed order."""
    files = [*ROOT.glob("parcours/**/*.py"), *ROOT.glob("parcours/**/templates/**/*.*")]
    return (path for path in sorted(files) if path.suffix in (".py", ".html", ".txt", ".mjml"))


def said_in(path: Path) -> Iterator[tuple[str, str, str]]:
    """The texts of one file: msgid, plural, context."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Django turns a template into lines with calls of gettext; without indentation they pass for Python.
        source = "\n".join(line.strip() for line in templatize(source, origin=str(path)).splitlines())
    for _line, message, _comments, context in extract("python", io.BytesIO(source.encode()), WORDS):
        parts = message if isinstance(message, tuple) else (message, "")
        if parts[0]:
            yield parts[0], parts[1] or "", context or ""
    if path.suffix == ".py":
        yield from ((title, "", "") for title in titles_in(source))


def titles_in(source: str) -> Iterator[str]:
    """The titles of the errors that a module defines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and (text := ast.get_docstring(node)) and is_error(node):
            yield first_sentence(text)


def is_error(node: ast.ClassDef) -> bool:
    """Whether a class has a code of its own, written as a text, as every kind of DomainError does."""
    return any(
        isinstance(line, ast.Assign)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
        and any(isinstance(target, ast.Name) and target.id == "code" for target in line.targets)
        for line in node.body
    )


def updated(known: polib.POFile, wanted: dict[Key, Text]) -> polib.POFile:
    """The catalogue for these texts, with the French that is known already; texts that nobody says any more are left out."""
    catalogue = polib.POFile(wrapwidth=WRAP)
    catalogue.metadata = dict(HEADER)
    before = {(entry.msgctxt or "", entry.msgid): entry for entry in known}
    for key, text in sorted(wanted.items(), key=lambda item: (item[0][1].lower(), item[0])):
        catalogue.append(entry_of(text, before.get(key)))
    return catalogue


def entry_of(text: Text, known: polib.POEntry | None) -> polib.POEntry:
    """One entry. A text that has gained or lost its plural is translated anew."""
    entry = polib.POEntry(
        msgid=text.msgid,
        msgid_plural=text.plural,
        msgctxt=text.context or None,
        occurrences=[(name, "") for name in sorted(text.files)],
    )
    is_formatted = "%(" in text.msgid or "%(" in text.plural
    entry.flags = ["python-format"] if is_formatted else []
    if text.plural:
        plural = known.msgstr_plural if known else {}
        entry.msgstr_plural = {0: plural.get(0, ""), 1: plural.get(1, "")}
    else:
        entry.msgstr = known.msgstr if known else ""
    return entry


def missing(catalogue: polib.POFile) -> list[str]:
    """The texts that have no French, or whose French lacks a placeholder."""
    return [entry.msgid for entry in catalogue if not is_translated(entry)]


def is_translated(entry: polib.POEntry) -> bool:
    """Whether every form is there, with the placeholders of the English one (the singular may leave the number out)."""
    if entry.msgid_plural:
        forms = [entry.msgstr_plural.get(0, ""), entry.msgstr_plural.get(1, "")]
        return all(forms) and placeholders(forms[1]) == placeholders(entry.msgid_plural)
    return bool(entry.msgstr) and placeholders(entry.msgstr) == placeholders(entry.msgid)


def placeholders(text: str) -> set[str]:
    """The names between %( and )."""
    return {part.split(")", 1)[0] for part in text.split("%(")[1:] if ")" in part}


def main(arguments: list[str] | None = None) -> int:
    """Update and compile, or check."""
    parser = argparse.ArgumentParser(prog="python -m develop.translations", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when French is missing")
    is_check = parser.parse_args(arguments).check
    settings.configure(USE_I18N=True)
    known = polib.pofile(str(CATALOGUE), wrapwidth=WRAP) if CATALOGUE.is_file() else polib.POFile()
    catalogue = updated(known, texts())
    absent = missing(catalogue)
    if is_check:
        return report(absent, is_current=str(catalogue) == str(known))
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    print(f"{len(catalogue)} texts, {len(absent)} without French")
    return 0


def report(absent: list[str], *, is_current: bool) -> int:
    """Say what is missing; the exit status."""
    for msgid in absent:
        print(f"no French (or other placeholders): {msgid!r}", file=sys.stderr)
    if not is_current:
        print("the catalogue is not current: run python -m develop.translations", file=sys.stderr)
    return 1 if absent or not is_current else 0


if __name__ == "__main__":
    sys.exit(main())
