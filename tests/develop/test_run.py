"""`./dev run` without its processes: whose servers answer, the secret key, one run for each data directory, `demo.json`."""

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from develop import children, run
from develop.checkout import Checkout
from develop.errors import DevelopError
from develop.locks import Lock
from develop.main import _run_options
from develop.processes import Child, Service


def listening(tmp_path: Path, *ports: int) -> Child:
    """A child that listens on the ports (none: that only sleeps)."""
    program = (
        "import socket, sys, time; held = [socket.create_server(('127.0.0.1', int(each))) for each in sys.argv[1:]];"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", program, *map(str, ports)]
    log = tmp_path / "log"
    log.touch()
    return Child(Service("child", lambda: children.spawn(command, cwd=tmp_path, environment=os.environ), log))


@contextmanager
def somebody_elses_product(port: int = 0) -> Iterator[int]:
    """Another Parcours, as far as `/healthz` tells."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_start_waits_for_its_own_processes_on_all_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers on our port may be the product of another checkout: its mail is not ours to announce."""
    monkeypatch.setattr(run, "READY_SECONDS", 0.5)
    inbox, smtp = children.random_port(), children.random_port()
    mail, idle = listening(tmp_path, inbox, smtp), listening(tmp_path)
    try:
        with somebody_elses_product() as web:
            running = run.Running(Checkout(tmp_path), tmp_path, {"web": web, "inbox": inbox, "smtp": smtp})
            assert run.is_healthy(running.base_url)
            with pytest.raises(DevelopError, match="Parcours does not answer"):
                run.wait_until_ready(running, mail, idle)
    finally:
        mail.kill()
        idle.kill()


def test_who_listens_is_told_by_session(tmp_path: Path) -> None:
    ours, theirs = children.random_port(), children.random_port()
    child, other = listening(tmp_path, ours), listening(tmp_path, theirs)
    try:
        deadline = time.monotonic() + 20
        while children.is_free(ours) or children.is_free(theirs):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert children.listens(child.process.pid, ours)
        if sys.platform == "linux":
            assert not children.listens(child.process.pid, theirs)
        assert not children.listens(child.process.pid, children.random_port())
    finally:
        child.kill()
        other.kill()


def test_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with run.only_run(tmp_path):
        with pytest.raises(DevelopError, match=rf"already runs .* \(process {os.getpid()}\)"):
            with run.only_run(tmp_path):
                pass
    with run.only_run(tmp_path):
        pass


def test_lock_lasts_as_long_as_a_child_that_inherited_it(tmp_path: Path) -> None:
    ours = Lock(tmp_path / "lock")
    assert ours.take()
    child = children.spawn(["sleep", "60"], cwd=tmp_path, environment=os.environ, inherited=[ours.descriptor])
    ours.release()
    later = Lock(tmp_path / "lock")
    assert not later.take()
    child.kill()
    child.wait()
    assert later.take()
    later.release()


def test_secret_key_is_kept_and_private(tmp_path: Path) -> None:
    key = run.secret_key(tmp_path)
    assert len(key) == 64
    assert run.secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_demo_file_holds_addresses_and_credentials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = {
        "admin_email": "a@example.org",
        "admin_password": "secret",
        "write_key": "w",
        "api_key": "k",
    }
    (tmp_path / "demo-credentials.json").write_text(json.dumps(credentials))
    running = run.Running(Checkout(tmp_path), tmp_path, {"web": 8123, "inbox": 8124, "smtp": 8125})
    run.announce(running, run.Options())
    demo = json.loads((tmp_path / "demo.json").read_text())
    addresses = {"base_url": "http://127.0.0.1:8123", "inbox_url": "http://127.0.0.1:8124"}
    assert demo == {**addresses, **credentials}
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert "http://127.0.0.1:8123" in capsys.readouterr().out


def test_start_without_the_demo_on_fresh_data_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(run, "workspaces", lambda _running: [])
    running = run.Running(Checkout(tmp_path), tmp_path, {"web": 8123, "inbox": 8124, "smtp": 8125})
    run.announce(running, run.Options(data="my data", with_demo=False))
    assert not (tmp_path / "demo.json").exists()
    command = "./dev parcours --data 'my data' workspace my-shop --name 'My shop' --language en \\\n"
    assert command in capsys.readouterr().out

    monkeypatch.setattr(run, "workspaces", lambda _running: [{"slug": "shop", "is_demo": False}])
    run.announce(running, run.Options(with_demo=False))
    assert "There is no workspace yet" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("there", "url", "insists", "follows"),
    [
        ({"own": False}, "postgresql:///own", False, r"\(own\).*--no-demo"),
        ({"own": False}, "postgresql:///own", True, "it is loaded"),
        ({"own": False}, "", False, "it is loaded"),  # our own server, where `--no-demo` came first
        ({}, "postgresql:///own", False, "it is loaded"),
        ({"own": False, "demo": True}, "postgresql:///own", False, "it is loaded"),
    ],
)
def test_demo_comes_into_somebodys_own_database_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, *, there: dict[str, bool], url: str, insists: bool, follows: str
) -> None:
    def load(_running: run.Running) -> None:
        raise DevelopError("it is loaded")

    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(run, "start_database", lambda _running: "")
    monkeypatch.setattr(run, "migrate", lambda _running: None)
    found = [{"slug": slug, "is_demo": is_demo} for slug, is_demo in there.items()]
    monkeypatch.setattr(run, "workspaces", lambda _running: found)
    monkeypatch.setattr(run, "load_demo", load)
    with pytest.raises(DevelopError, match=follows):
        run.start(run.Running(Checkout(Path()), Path(), {}), run.Options(insists_on_demo=insists))


def test_demo_is_wanted_or_not_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run_options(["--demo"]).insists_on_demo
    assert not _run_options(["--no-demo"]).with_demo
    with pytest.raises(SystemExit):
        _run_options(["--demo", "--no-demo"])
