"""The ports of `./dev run`: free ones, remembered, and never those of another run on this machine."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from develop import ports
from develop.children import random_port
from develop.errors import DevelopError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory that remembers ports which other tests do not take at the same time."""
    numbers = {name: random_port() for name in ports.FIRST_PORTS}
    (tmp_path / "ports.json").write_text(json.dumps(numbers))
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_runs_that_start_together_take_different_ports(tmp_path: Path) -> None:
    """Long before the first of them listens."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with ports.held(one, None) as first:
        hold = "import sys; from pathlib import Path; from develop import ports\nwith ports.held(Path(sys.argv[1]), None): pass"
        subprocess.run([sys.executable, "-c", hold, str(other)], check=True, capture_output=True)
        second = ports.remembered(other)
        assert len({*first.values(), *second.values()}) == 6


def test_ports_are_remembered(data: Path) -> None:
    before = ports.remembered(data)
    with ports.held(data, None) as chosen:
        assert chosen == before
    (data / "ports.json").unlink()
    with ports.held(data, None) as chosen:
        assert len(set(chosen.values())) == 3
        assert ports.remembered(data) == chosen


def test_remembered_port_that_is_taken_is_replaced_and_said(
    tmp_path: Path, taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"web": taken_port}))
    with ports.held(tmp_path, None) as chosen:
        assert taken_port < chosen["web"] < taken_port + 100
    assert f"Port {taken_port} is taken: using {chosen['web']} instead." in capsys.readouterr().err


def test_wanted_port_that_is_taken_is_an_error(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(DevelopError, match=f"Port {taken_port} is taken"), ports.held(tmp_path, taken_port):
        pass
    assert ports.remembered(tmp_path) == {}


def test_port_that_does_not_exist_or_is_not_ours_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DevelopError, match=r"no port 99999: choose one from 1024 to 65535"):
        ports.check(99999)
    monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(DevelopError, match="this user may not listen there"):
        ports.check(80)


def test_port_that_another_program_took_while_we_loaded_is_said(data: Path) -> None:
    with ports.held(data, None) as chosen:
        ports.check_free(chosen)
        with socket.create_server(("127.0.0.1", chosen["smtp"])):
            with pytest.raises(DevelopError, match=f"has taken port {chosen['smtp']} meanwhile"):
                ports.check_free(chosen)


def test_ports_are_written_whole_or_not_at_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ports.remembered(data)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), ports.held(data, random_port()):
        pass
    assert ports.remembered(data) == before
