"""A mail server that accepts everything and keeps nothing: the other end of the sending benchmark, in a process of its own.

python -m tests.bench.sink      prints its port, and serves until its standard input ends
"""

import asyncio
import sys


class Sink(asyncio.Protocol):
    """One session; answers whatever has come in at once, as a pipelining server does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = bytearray()
        self.is_text = False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers = b""
        while True:
            end = self.buffer.find(b"\r\n.\r\n" if self.is_text else b"\r\n")
            if end < 0:
                break
            line = bytes(self.buffer[:4]).upper()
            del self.buffer[: end + (5 if self.is_text else 2)]
            if self.is_text:
                self.is_text = False
                answers += b"250 2.0.0 taken\r\n"
            else:
                answers += self.answer(line)
        if answers:
            self.transport.write(answers)

    def answer(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"DATA":
            self.is_text = True
            return b"354 go on\r\n"
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n"


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
