"""`parcours receive [RECIPIENT]`: one mail on standard input, as a mail server's pipe hands it over. The status is for that server.

0 the mail is dealt with · 65 it cannot be read · 67 it is for nobody here · 75 try again later (sysexits.h)
"""

import argparse
import json
import logging
import os
import sys

from parcours.delivery.errors import UnknownRecipient, UnreadableMail
from parcours.delivery.incoming import LARGEST
from parcours.delivery.receiving import Receipt, receive
from parcours.kernel import clock

log = logging.getLogger("parcours.receive")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whom the mail is for."""
    parser.add_argument(
        "recipient",
        nargs="?",
        default="",
        help="the address of the envelope; without it the mail's own headers are looked at",
    )
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Take the mail. Whatever fails unexpectedly is to be tried again: the mail server keeps the mail meanwhile."""
    try:
        raw = sys.stdin.buffer.read(LARGEST + 1)
        print(described(receive(raw, now=clock.now(), recipient=options.recipient), as_json=options.json))
    except UnreadableMail as error:
        return _refuse(error.message, os.EX_DATAERR)
    except UnknownRecipient as error:
        return _refuse(error.message, os.EX_NOUSER)
    except Exception as error:
        log.exception("A mail could not be taken")
        return _refuse(f"Try again later ({type(error).__name__}).", os.EX_TEMPFAIL)
    return os.EX_OK


def described(receipt: Receipt, *, as_json: bool) -> str:
    """What the mail was, for programs or in a line for the mail server's log."""
    facts = {
        "kind": receipt.told.kind.value,
        "class": receipt.told.meaning.value,
        "workspace": receipt.workspace_id,
        "message": str(receipt.message_id),
        "repeated": receipt.is_repeated,
        "suppressed": receipt.is_suppressed,
    }
    return json.dumps(facts) if as_json else " ".join(f"{name}={value}" for name, value in facts.items())


def _refuse(why: str, status: int) -> int:
    print(f"parcours receive: {why}", file=sys.stderr)
    return status
