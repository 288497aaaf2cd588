"""Servers and the client of benchmarks over HTTP: nginx as the floor, the product's server with another application, wrk."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CONNECTIONS = 256
SECONDS = float(os.environ.get("PARCOURS_BENCH_SECONDS", "4"))
ROUNDS = 3
PROCESSES = min(2, os.cpu_count() or 1)

NGINX = """
worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {directory}; proxy_temp_path {directory};
  fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 204; }} }} }}
"""


def program(name: str) -> str:
    """Where a program is; `./dev bench` tells by a variable."""
    found = (
        os.environ.get(f"PARCOURS_{name.upper()}")
        or shutil.which(name)
        or shutil.which(name, path="/usr/sbin")
    )
    if found is None:
        raise SystemExit(f"This benchmark needs {name}: on Debian, apt-get install nginx-light wrk.")
    return found


@contextmanager
def nginx() -> Iterator[str]:
    """The address of an nginx that answers everything with 204."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        Path(directory, "nginx.conf").write_text(NGINX.format(directory=directory, port=port))
        with serving(
            [program("nginx"), "-c", f"{directory}/nginx.conf", "-e", f"{directory}/error.log"], port
        ):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def web() -> Iterator[str]:
    """The address of the product's server."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "parcours.cli.main",
        "web",
        "--port",
        str(port),
        "--processes",
        str(PROCESSES),
    ]
    with serving(command, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def floor(application: str, variables: Mapping[str, str]) -> Iterator[str]:
    """The address of another application under the product's server, in as many processes."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.serve", f"tests.bench.floors:{application}"]
    with serving([*command, str(port), str(PROCESSES)], port, variables):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(command: list[str], port: int, variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a server until the block ends; the block begins when it listens."""
    environment = {**os.environ, "PARCOURS_DATABASE_ROLE": "parcours_web", **(variables or {})}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        _wait_for(port, server)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("A server of the benchmark did not start.")


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def requests_per_second(
    address: str, script: str, *, connections: int = CONNECTIONS, seconds: float = SECONDS
) -> float:
    """What wrk gets answered with 2xx or 3xx, by one thread. `script` is Lua; RUN is a text that is new for each call."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(f'local RUN = "{time.time_ns()}"\n{script}')
        file.flush()
        command = [
            program("wrk"),
            "-t1",
            f"-c{connections}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "30s",
            "-s",
            file.name,
            address,
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if refused := re.search(r"Non-2xx.*|Socket errors.*", told):
        raise SystemExit(f"{address}: {refused[0]}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert found
    return float(found[1])
