"""Stamps: what makes a step fresh, stale, or to be done again after an interruption."""

import importlib.util
from pathlib import Path

import pytest

from develop import environment
from develop.checkout import Checkout, python_version
from develop.console import Step, run_quietly, tail
from develop.environment import Stamp, fingerprint
from develop.errors import DevelopError


def test_fingerprint_changes_with_name_content_and_text(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("same")
    other.write_text("same")
    prints = [
        fingerprint(["a"], [one]),
        fingerprint(["b"], [one]),
        fingerprint(["a"], [other]),
        fingerprint(["a"], [one, other]),
    ]
    one.write_text("changed")
    prints.append(fingerprint(["a"], [one]))
    assert len(set(prints)) == 5


def test_stamp_is_fresh_only_after_the_work_has_succeeded(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "stamp", "inputs")
    assert not stamp.is_fresh()
    with stamp.renewed():
        assert not stamp.is_fresh()
    assert stamp.is_fresh()
    assert not Stamp(tmp_path / "stamp", "other inputs").is_fresh()
    with pytest.raises(KeyboardInterrupt), stamp.renewed():
        raise KeyboardInterrupt
    assert not stamp.is_fresh()


def test_missing_venv_module_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Checkout(tmp_path)
    environment.make_var(checkout)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DevelopError, match="ensurepip is missing"):
        environment.make_virtualenv(checkout)


def test_venv_package_of_another_python_than_the_default_is_named_by_its_version(tmp_path: Path) -> None:
    ours, other = f"python{python_version()}", "python3.99"
    for name in (ours, other):
        (tmp_path / name).touch()
    python3 = tmp_path / "python3"
    python3.symlink_to(ours)
    assert environment.venv_package(python3) == "python3-venv"
    python3.unlink()
    python3.symlink_to(other)
    assert environment.venv_package(python3) == f"{ours}-venv"
    assert environment.venv_package(tmp_path / "none") == f"{ours}-venv"


def test_checkout_without_a_front_end_needs_none(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    environment.make_var(checkout)
    environment.build_front_end(checkout)
    environment.compile_translations(checkout)
    assert list(checkout.stamps.iterdir()) == []


def test_failure_shows_the_end_of_the_output(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "seq 1 100; exit 3"]
    with pytest.raises(DevelopError) as caught, Step("Counting") as step:
        run_quietly(step, command, cwd=tmp_path, environment={})
    assert "Counting: `sh -c seq 1 100; exit 3` ended with 3." in str(caught.value)
    assert str(caught.value).endswith("    99\n    100")
    assert "\n    1\n" in str(caught.value)
    assert "… 40 more lines …" in str(caught.value)
    assert "\n    50\n" not in str(caught.value)


def test_tail_of_nothing_is_nothing() -> None:
    assert tail("\n\n") == ""
