"""A gateway that does nothing but accept, in a process of its own: it must not be what is measured."""

from __future__ import annotations

import asyncio
import re

BODY = b'{"code":2,"msg":"ok","smsid":"16842079209571524017"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Accepting(asyncio.Protocol):
    """Answers each POST with the same acceptance."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what has come."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            self.buffer = self.buffer[whole:]
            self.transport.write(ANSWER)


async def main() -> None:
    """Print the port, then serve until terminated."""
    server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
