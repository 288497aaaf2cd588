"""A small IMAP server (RFC 3501) with one mailbox in memory: what a test puts in, and the flags that it bears afterwards."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FETCH = re.compile(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)")
STORE = re.compile(r"(\d+) \+FLAGS\.SILENT \(([^)]*)\)")


@dataclass
class Kept:
    """One mail of the mailbox."""

    raw: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class Mailbox:
    """The server's only folder, and what tests may script: `refuse` gives the commands that are answered NO."""

    user: str = "returns@shop.example"
    password: str = 'se"cret'
    folder: str = "INBOX"
    mails: list[Kept] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    before: Callable[[str], None] = lambda command: None
    commands: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"imap://returns%40shop.example:se%22cret@127.0.0.1:{self.port}/{self.folder}"

    def put(self, *mails: bytes) -> None:
        self.mails += [Kept(raw) for raw in mails]

    def flags(self) -> list[set[str]]:
        return [kept.flags for kept in self.mails]


@contextmanager
def serving(mailbox: Mailbox) -> Iterator[Mailbox]:
    """Serve a mailbox on the loopback for a block."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            Session(self, mailbox).run()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        mailbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join(5)


class Session:
    """One connection."""

    def __init__(self, handler: socketserver.StreamRequestHandler, mailbox: Mailbox) -> None:
        self._in, self._out, self._box = handler.rfile, handler.wfile, mailbox

    def run(self) -> None:
        self._say(b"* OK ready")
        while line := self._in.readline().decode().rstrip("\r\n"):
            tag, command, rest = [*line.split(" ", 2), ""][:3]
            if command == "UID":
                command, _, rest = rest.partition(" ")
            self._box.commands.append(command)
            try:
                self._box.before(command)
            except ConnectionError:
                return
            well = command not in self._box.refuse and getattr(self, f"do_{command.lower()}")(rest)
            self._say(f"{tag} {'OK' if well else 'NO'} {command}".encode())
            if command == "LOGOUT":
                return

    def do_capability(self, _: str) -> bool:
        self._say(b"* CAPABILITY IMAP4rev1")
        return True

    def do_login(self, given: str) -> bool:
        quoted = self._box.password.replace('"', '\\"')
        return given in (f'{self._box.user} "{quoted}"', f'"{self._box.user}" "{quoted}"')

    def do_select(self, folder: str) -> bool:
        self._say(f"* {len(self._box.mails)} EXISTS".encode())
        return folder == f'"{self._box.folder}"'

    def do_search(self, asked: str) -> bool:
        assert asked == "UNSEEN UNDELETED"
        found = [n for n, kept in enumerate(self._box.mails, 1) if not kept.flags & {"\\Seen", "\\Deleted"}]
        self._say(("* SEARCH " + " ".join(map(str, found))).rstrip().encode())
        return True

    def do_fetch(self, asked: str) -> bool:
        match = FETCH.fullmatch(asked)
        assert match
        raw = self._box.mails[int(match[1]) - 1].raw[: int(match[2])]
        self._say(f"* {match[1]} FETCH (UID {match[1]} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")")
        return True

    def do_store(self, asked: str) -> bool:
        match = STORE.fullmatch(asked)
        assert match
        self._box.mails[int(match[1]) - 1].flags |= set(match[2].split())
        return True

    def do_logout(self, _: str) -> bool:
        self._say(b"* BYE")
        return True

    def _say(self, line: bytes) -> None:
        self._out.write(line + b"\r\n")
        self._out.flush()
