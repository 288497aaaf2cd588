"""The command line of `./dev`. Each command is a function elsewhere; here are only their names, options and endings."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from develop import operate, run, testing
from develop.checkout import Checkout, find_checkout
from develop.console import prepare_streams, say
from develop.errors import DevelopError

HELP = """\
./dev run [--port N] [--data DIR] [--[no-]demo] set everything up and run Parcours with the demo shop
./dev test [pytest arguments…]                  set everything up, check the sources, pass the tests
./dev check                                     lint, format, types, import contracts, SQL, translations
./dev bench [NAME…] [--json]                    measure, beside the floors that bound each figure
./dev manage [--data DIR] ARGUMENTS…            Django's manage.py, on the database of ./dev run
./dev parcours [--data DIR] ARGUMENTS…          the operators' command, on the database of ./dev run
./dev help                                      this text

DATABASE_URL   use this PostgreSQL (17 or newer) instead of the embedded one
PARCOURS_DATA  where the data lives (default: var/)
"""
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    prepare_streams()
    _hear_signals()
    try:
        return _dispatch(find_checkout(), list(arguments))
    except DevelopError as error:
        say(f"\n{error}")
        return 1
    except PermissionError as error:
        say(
            f"\n{error.filename}: permission denied. Was ./dev started here as another user before? Then be that user,"
        )
        say("or give the checkout to yourself (chown -R), or work in a checkout of your own.")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return INTERRUPTED


def _dispatch(checkout: Checkout, arguments: list[str]) -> int:
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in ("help", "--help", "-h"):
        print(HELP, end="")
        return 0
    if name not in COMMANDS:
        raise DevelopError(f"{HELP}\nThere is no command `{name}`.")
    return COMMANDS[name](checkout, rest)


def _run(checkout: Checkout, arguments: list[str]) -> int:
    return run.run(checkout, _run_options(arguments))


def _check(checkout: Checkout, arguments: list[str]) -> int:
    return testing.check(checkout)


def _run_options(arguments: list[str]) -> run.Options:
    parser = argparse.ArgumentParser(prog="./dev run", description="Set everything up and run Parcours.")
    parser.add_argument(
        "--port", type=int, help="the port of the pages (default: 8000, or the next free one)"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="where the data lives (default: PARCOURS_DATA, or var/)"
    )
    demo = parser.add_mutually_exclusive_group()
    demo.add_argument("--no-demo", action="store_true", help="start without the demo shop")
    demo.add_argument(
        "--demo",
        action="store_true",
        help="load the demo shop also into the database of DATABASE_URL, whatever is in it",
    )
    chosen = parser.parse_args(arguments)
    return run.Options(
        port=chosen.port, data=chosen.data, with_demo=not chosen.no_demo, insists_on_demo=chosen.demo
    )


def _hear_signals() -> None:
    """Make SIGTERM and SIGHUP end us as Ctrl-C does: through every `finally`.

    A shell starts background jobs with SIGINT ignored, but whoever sends it to us means it. `nohup` ignores SIGHUP, and
    means that too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end_like_an_interruption)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end_like_an_interruption)


def _end_like_an_interruption(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


COMMANDS: dict[str, Callable[[Checkout, list[str]], int]] = {
    "run": _run,
    "test": testing.test,
    "check": _check,
    "bench": testing.bench,
    "manage": operate.manage,
    "parcours": operate.parcours,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
