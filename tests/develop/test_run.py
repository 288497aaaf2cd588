"""`./dev run` without its processes: ports, the secret key, one run for each data directory, `demo.json`."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from develop import children, run
from develop.checkout import Checkout
from develop.errors import DevelopError
from develop.locks import Lock


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_taken_port_is_replaced_by_the_next_free_one(taken_port: int) -> None:
    assert not children.is_free(taken_port)
    assert taken_port < children.free_port(taken_port) < taken_port + 100


def test_ports_are_remembered_and_differ(tmp_path: Path) -> None:
    ports = run.choose_ports(tmp_path, None)
    assert len(set(ports.values())) == 3
    assert run.choose_ports(tmp_path, None) == ports


def test_remembered_port_that_is_taken_is_replaced_and_said(
    tmp_path: Path, taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"web": taken_port}))
    ports = run.choose_ports(tmp_path, None)
    assert ports["web"] > taken_port
    assert f"Port {taken_port} is taken: using {ports['web']} instead." in capsys.readouterr().err


def test_wanted_port_that_is_taken_is_an_error(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(DevelopError, match=f"Port {taken_port} is taken"):
        run.choose_ports(tmp_path, taken_port)


def test_port_that_does_not_exist_or_is_not_ours_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DevelopError, match=r"no port 99999: choose one from 1024 to 65535"):
        run.choose_ports(tmp_path, 99999)
    monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(DevelopError, match="this user may not listen there"):
        run.choose_ports(tmp_path, 80)


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
    monkeypatch.setattr(run, "has_workspace", lambda _running: False)
    running = run.Running(Checkout(tmp_path), tmp_path, {"web": 8123, "inbox": 8124, "smtp": 8125})
    run.announce(running, run.Options(data="my data", with_demo=False))
    assert not (tmp_path / "demo.json").exists()
    command = "./dev parcours --data 'my data' workspace my-shop --name 'My shop' --language en \\\n"
    assert command in capsys.readouterr().out

    monkeypatch.setattr(run, "has_workspace", lambda _running: True)
    run.announce(running, run.Options(with_demo=False))
    assert "There is no workspace yet" not in capsys.readouterr().out
