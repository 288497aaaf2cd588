"""What the import linter cannot see: string foreign keys, documentation of every module, empty files."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parents[2]
ORDER = [
    {"web", "api", "public", "cli", "workers"},
    {"insights"},
    {"journeys", "campaigns"},
    {"delivery", "integrations"},
    {"content"},
    {"audiences"},
    {"catalogue"},
    {"events"},
    {"consent"},
    {"contacts"},
    {"accounts"},
    {"kernel"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
MODULES = sorted(
    path
    for folder in ("parcours", "config", "develop", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts and "node_modules" not in path.parts
)


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("parcours.")]


def test_foreign_keys_point_down_and_leave_no_way_back() -> None:
    wrong = []
    for model in ours():
        for field in model._meta.get_fields():
            if not isinstance(field, models.ForeignKey) or field.related_model is None:
                continue
            here, there = model._meta.app_label, field.related_model._meta.app_label
            if here != there and there in LEVEL:
                if LEVEL[there] <= LEVEL[here]:
                    wrong.append(f"{model.__name__}.{field.name} points up to {there}")
                if not field.remote_field.hidden:
                    wrong.append(f"{model.__name__}.{field.name} needs related_name='+'")
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_belongs_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.strip(), "no file is created empty"
    assert ast.get_docstring(ast.parse(text)), "a module opens with what belongs in it"


def test_every_room_has_its_level() -> None:
    rooms = {path.parent.name for path in (ROOT / "parcours").glob("*/__init__.py")}
    assert rooms == set(LEVEL)
