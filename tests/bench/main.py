"""`./dev bench`: `python -m tests.bench.main [NAME…] [--json]` runs benchmarks on a database of their own, and prints figures with floors.

A benchmark is a function of a module beside this one that takes nothing and gives a list of results: {name, figure, unit, floor,
ratio, setting}. The floor is measured in the same run.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import django
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

BENCHES = {
    "crash": "tests.bench.crash:bench_crash",
    "ingest.single": "tests.bench.ingest:bench_ingest_single",
    "ingest.batch": "tests.bench.ingest:bench_ingest_batch",
    "feedback.pixel": "tests.bench.feedback:bench_feedback_pixel",
    "feedback.click": "tests.bench.feedback:bench_feedback_click",
    "journey.tick": "tests.bench.journeys:bench_journey_tick",
    "journey.growth": "tests.bench.journeys:bench_journey_growth",
    "segment.incremental": "tests.bench.segments:bench_segment_incremental",
    "segment.full": "tests.bench.segments:bench_segment_full",
    "gate.batch": "tests.bench.sending:bench_gate_batch",
    "send.signed": "tests.bench.sending:bench_send_signed",
    "send.unsigned": "tests.bench.sending:bench_send_unsigned",
    "plans.growth": "tests.bench.plans:bench_plans_growth",
}


def main() -> int:
    """Run the named benchmarks, all without a name."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Figures, each beside its floor.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="print a list of results")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"There is no benchmark {', '.join(unknown)}.")
    with database():
        results = []
        for name in options.names or BENCHES:
            module, _, function = BENCHES[name].partition(":")
            for result in getattr(import_module(module), function)():
                results.append(result)
                if not options.json:
                    print(line(result), flush=True)
    if options.json:
        print(json.dumps(results))
    return 0


def line(result: dict[str, Any]) -> str:
    """A result for people."""
    return (
        f"{result['name']:<24}{result['figure']:>12,} {result['unit']:<16} "
        f"× {result['ratio']:<8} of {result['floor']:>10,}   {result['setting']}"
    )


@contextmanager
def database() -> Iterator[None]:
    """A migrated database on the server of DATABASE_URL, for this run only, with Django set up on it as the workers."""
    given = os.environ["DATABASE_URL"]
    name = f"parcours_bench_{os.getpid()}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        os.environ["DATABASE_URL"] = make_conninfo(given, dbname=name)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ["PARCOURS_SECRET_KEY"] = secrets.token_hex(32)
        os.environ["PARCOURS_DATABASE_ROLE"] = ""
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        os.environ["PARCOURS_DATABASE_ROLE"] = "parcours_worker"
        django.setup()
        yield
    finally:
        django.db.connections.close_all()
        with psycopg.connect(given, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


if __name__ == "__main__":
    sys.exit(main())
