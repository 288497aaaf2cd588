"""What a user can set, type or meet is documented: settings, commands, error codes, event names."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import parcours
from parcours.cli.main import COMMANDS
from parcours.delivery.types import Reason
from parcours.kernel.errors import DomainError
from tests.architecture.test_rooms import ROOT


def text(*paths: str) -> str:
    return "\n".join((ROOT / path).read_text(encoding="utf-8") for path in paths)


def test_settings_are_documented() -> None:
    read = set(re.findall(r'environ\.get\("(\w+)"', text("config/environment.py")))
    assert {name for name in read if f"`{name}`" not in text("docs/operate/settings.md")} == set()


def test_commands_are_documented() -> None:
    assert {name for name in COMMANDS if f"`parcours {name}" not in text("docs/operate/commands.md")} == set()


def errors() -> set[type[DomainError]]:
    for module in pkgutil.walk_packages(parcours.__path__, "parcours."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, waiting = set(), [DomainError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting.extend(error.__subclasses__())
    return {error for error in found if error.__module__.startswith("parcours.")}


def test_error_codes_are_documented() -> None:
    documented = text("docs/api/errors.md")
    assert {error.code for error in errors() if f"`{error.code}`" not in documented} == set()


def spoken_codes(room: str) -> Iterator[str]:
    """The codes that a room's answers name by themselves, without an error that has them."""
    for module in (ROOT / "parcours" / room).rglob("*.py"):
        for each in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            called = each.func if isinstance(each, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if isinstance(each, ast.Call) and name in ("problem", "_problem", "refuse"):
                texts = [one.value for one in each.args if isinstance(one, ast.Constant)]
                yield from [text for text in texts if isinstance(text, str)][:1]


def test_codes_of_answers_without_an_error_are_documented() -> None:
    documented = text("docs/api/errors.md")
    codes = {*spoken_codes("api"), *spoken_codes("public")}
    assert codes > {"no_such_call", "method_not_allowed", "unavailable", "internal", "not_found"}
    assert {code for code in codes if f"`{code}`" not in documented} == set()


def test_event_names_are_documented() -> None:
    from parcours.events.types import RESERVED_NAMES

    documented = text("docs/concepts/events.md")
    assert {name for name in RESERVED_NAMES if f"`{name}`" not in documented} == set()


def test_reasons_of_the_gate_are_documented() -> None:
    documented = text("docs/concepts/gate.md")
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in documented] == []


def test_signature_is_checked_as_the_document_shows() -> None:
    """The program in the document accepts what we sign, also while two secrets do, and nothing else."""
    from parcours.integrations import signing

    [shown] = re.findall(r"```python\n(.*?)```", text("docs/api/webhooks.md"), re.DOTALL)
    program: dict[str, Any] = {}
    exec(shown, program)
    new, former = signing.new_secret(), signing.new_secret()
    headers = signing.headers("7", 1_773_136_800, b'{"type": "x"}', [new, former])
    for secret in (new, former):
        assert program["is_ours"](headers, b'{"type": "x"}', signing.spelled(secret))
        assert not program["is_ours"](headers, b'{"type": "y"}', signing.spelled(secret))
    assert not program["is_ours"](headers, b'{"type": "x"}', signing.spelled(signing.new_secret()))


def test_links_between_documents_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (page.relative_to(ROOT).as_posix(), link)
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > 20
    assert [(page, link) for page, link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
