"""Gateway: a real HTTP server on loopback that answers by script, for providers' tests.

Fakes that patch functions prove that the fake works. Everything here goes over real sockets, so what a
transport makes of a reset or a half answer is the transport's own doing.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_plus, urlsplit

from notifyhub.testing.answer import Answer, Conduct

__all__ = ["Gateway", "Request"]

Reaction = Answer | Callable[["Request"], Answer]
_NOBODY = 9
"""The port of `url` before the gateway runs: a real one, that nobody listens on."""
_NOT_READ = frozenset({Conduct.UNREAD})


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request as it came. target: path and query as on the request line. headers: lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        """The query string, as it came."""
        return urlsplit(self.target).query

    def holds(self, words: str) -> bool:
        """Whether target, headers or body hold these words, plain, percent-encoded or as JSON escapes."""
        plain = " ".join((self.target, *self.headers.values(), self.body.decode("utf-8", "replace")))
        escaped = json.dumps(words)[1:-1]
        return words in plain or words in unquote_plus(plain) or escaped in plain

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}, {len(self.body)} bytes>"


class Gateway:
    """A scripted gateway: `async with Gateway(Answer(b"…")) as gateway:`.

    answers: one per request, in order; the last one is for every further request. A function is given
    the Request and returns the Answer. Without any, every request is answered with status 500.

    After the `async with`, `url` stays: there nothing listens any more.
    """

    def __init__(self, *answers: Reaction) -> None:
        self.requests: list[Request] = []
        """Every request that was read to its end, in order."""
        self.connections = 0
        """How many connections were made to it."""
        self.port = _NOBODY
        self._script = list(answers)
        self._taken = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """How many requests were read to their end."""
        return len(self.requests)

    def answer_with(self, *answers: Reaction) -> None:
        """A new script, from the next request on."""
        self._script, self._taken = list(answers), 0

    async def wait_for_requests(self, count: int) -> None:
        """Return once so many requests have been read."""
        while self.count < count:
            self._changed.clear()
            await self._changed.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None  # noqa: S101 - entered before it is left
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # the other side left, or spoke no HTTP: what it makes of that is its test
        except asyncio.CancelledError:
            pass  # the gateway is being closed; asyncio would report a cancelled connection as a fault
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            planned = self._planned()
            if isinstance(planned, Answer) and planned.conduct in _NOT_READ:
                self._taken += 1
                return
            request = await _read(reader)
            planned = self._planned()
            self._taken += 1
            self.requests.append(request)
            self._changed.set()
            answer = planned(request) if callable(planned) else planned
            if not await _give(answer, reader, writer):
                return

    def _planned(self) -> Reaction:
        if not self._script:
            return Answer(status=500)
        return self._script[min(self._taken, len(self._script) - 1)]


async def _give(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Do what the answer says; whether the connection may serve another request."""
    if answer.conduct is Conduct.SILENCE:
        await reader.read()  # until the other side gives up
        return False
    if answer.conduct is Conduct.HANG_UP:
        return False
    if answer.conduct is Conduct.RESET:
        # Lingering for no time makes the kernel send RST instead of FIN.
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False
    if answer.conduct is Conduct.ENDLESS:
        writer.write(answer.head(None))
        while not writer.is_closing():
            writer.write(b"%x\r\n%b\r\n" % (len(answer.body), answer.body))
            await writer.drain()
            await asyncio.sleep(answer.delay)
        return False
    whole = answer.body if answer.conduct is Conduct.RAW else answer.head(len(answer.body)) + answer.body
    if answer.conduct is Conduct.DRIP:
        for byte in whole:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(answer.delay)
        return True
    if answer.conduct is Conduct.CUT:
        whole = whole[: len(whole) - len(answer.body) + answer.at]
    await asyncio.sleep(answer.delay)
    writer.write(whole)
    await writer.drain()
    return answer.conduct is Conduct.WHOLE


async def _read(reader: asyncio.StreamReader) -> Request:
    """One request. Raises IncompleteReadError at the end of the connection, ValueError for no HTTP."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    method, target, version = line.split(" ", 2)
    if not version.startswith("HTTP/"):
        raise ValueError("no HTTP")
    pairs = (header.partition(":") for header in rest if header)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body
