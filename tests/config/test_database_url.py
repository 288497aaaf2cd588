"""DATABASE_URL reaches libpq whole."""

from dataclasses import replace

import pytest

from config import settings

PLANS = "-c max_parallel_workers_per_gather=0 -c enable_memoize=off"


def settings_of(url: str, role: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    environment = replace(settings.ENVIRONMENT, database_url=url, database_role=role)
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)
    return settings.database_settings()


def test_parameters_are_passed_on_beside_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    url = (
        "postgresql://ada:s%40cret@db.example:6432/shop"
        "?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=5&options=-c%20statement_timeout%3D0"
    )
    found = settings_of(url, "parcours_web", monkeypatch)
    place = {name: found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")}
    assert place == {
        "USER": "ada",
        "PASSWORD": "s@cret",
        "HOST": "db.example",
        "PORT": "6432",
        "NAME": "shop",
    }
    assert found["OPTIONS"] == {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
        "connect_timeout": "5",
        "options": f"{PLANS} -c statement_timeout=0 -c role=parcours_web",
        "prepare_threshold": 3,
    }


def test_socket_of_the_machine_needs_no_more_than_its_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings_of("postgresql:///shop?host=/run/postgresql", "", monkeypatch)
    assert (found["NAME"], found["HOST"], found["PORT"]) == ("shop", "/run/postgresql", "")
    assert found["OPTIONS"] == {"options": PLANS, "prepare_threshold": 3}
