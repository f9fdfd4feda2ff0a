"""HTTP/1.1 on loopback sockets: h11 for the protocol, asyncio for the bytes, and every way to break both."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate

import h11

from .faults import page
from .replies import Answer, Manner

__all__ = ["MAX_BODY", "Connection", "Listener", "RawRequest", "join_headers"]

MAX_BODY = 1024 * 1024
"""Bytes of a request body that are read before 413 is the answer."""
_CHUNK = 65536
_Sendable = h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage


@dataclass(frozen=True, slots=True, repr=False)
class RawRequest:
    """A request as h11 hands it over."""

    verb: str
    target: str
    headers: dict[str, str]
    body: bytes


class _TooLarge(Exception):
    """The body went on beyond MAX_BODY."""


class Connection:
    """One TCP connection of a client: receive, send, receive, …"""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        clock: Callable[[], float],
    ) -> None:
        self.number = number
        peer = writer.get_extra_info("peername")
        self.client = str(peer[0]) if peer else ""
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._h11 = h11.Connection(h11.SERVER)
        self._verb = ""

    async def receive(self, idle: float) -> RawRequest | None:
        """The next request; None when the client has gone or was silent for `idle` seconds."""
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        if self._h11.our_state is not h11.IDLE:
            return None
        try:
            async with asyncio.timeout(idle):
                return await self._read_request()
        except (TimeoutError, ConnectionError):
            return None
        except h11.RemoteProtocolError as error:
            await self._complain(error.error_status_hint)
        except _TooLarge:
            await self._complain(413)
        return None

    async def send(self, answer: Answer) -> None:
        """Put an answer on the wire in its manner. A client that has gone meanwhile is no error."""
        with contextlib.suppress(ConnectionError):  # the client may give up at any byte; that is its right
            match answer.manner:
                case Manner.SILENCE:
                    while await self._reader.read(_CHUNK):
                        pass
                case Manner.RESET:
                    self.reset()
                case Manner.CLOSE:
                    pass
                case Manner.WHOLE:
                    await self._send_head(answer)
                    if self._verb != "HEAD":
                        await self._write(h11.Data(data=answer.body))
                    await self._write(h11.EndOfMessage())
                case Manner.SHORT:
                    await self._send_head(answer)
                    await self._write(h11.Data(data=answer.body[: len(answer.body) // 2]))
                case Manner.DRIP:
                    await self._send_head(answer)
                    for byte in answer.body:
                        await asyncio.sleep(answer.interval)
                        await self._write(h11.Data(data=bytes([byte])))
                    await self._write(h11.EndOfMessage())

    def reset(self) -> None:
        """End the connection with RST: what lingers is thrown away instead of sent."""
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._writer.transport.abort()

    def abort(self) -> None:
        """End the connection without sending what is still in the buffer."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection in good order."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):  # reset by either side: closed all the same
            await self._writer.wait_closed()

    async def _read_request(self) -> RawRequest | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                if self._h11.they_are_waiting_for_100_continue:
                    await self._write(h11.InformationalResponse(status_code=100, headers=[]))
                self._h11.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                head, self._verb = event, event.method.decode("ascii")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise _TooLarge
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return RawRequest(
                    self._verb,
                    head.target.decode("latin-1"),
                    join_headers(head.headers),
                    bytes(body),
                )
            else:
                return None  # ConnectionClosed: nothing more will come

    async def _complain(self, status: int) -> None:
        """Answer what was no request, as far as the client still listens."""
        if self._h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self.send(page(status))

    async def _send_head(self, answer: Answer) -> None:
        headers = [
            ("Date", formatdate(self._clock(), usegmt=True)),
            ("Server", "notifyhub-ihuyi-simulator"),
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers,
        ]
        await self._write(h11.Response(status_code=answer.status, headers=headers))

    async def _write(self, event: _Sendable) -> None:
        self._writer.write(self._h11.send(event) or b"")
        await self._writer.drain()


def join_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; a name that came twice has its values joined with a comma."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


class Listener:
    """A listening socket that owns its connections: `stop` ends every one of them."""

    def __init__(self, serve: Callable[[Connection], Awaitable[None]], clock: Callable[[], float]) -> None:
        self.opened = 0
        """TCP connections ever opened."""
        self._serve = serve
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._connected, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():
            writer.transport.abort()  # came in while the listener was being stopped
            return
        self.opened += 1
        connection = Connection(reader, writer, self.opened, self._clock)
        task = asyncio.get_running_loop().create_task(self._run(connection))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _run(self, connection: Connection) -> None:
        try:
            await self._serve(connection)
        except asyncio.CancelledError:
            connection.abort()  # a client that does not read must not hold up the stop
            raise
        finally:
            await connection.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A fault of the simulator itself must be loud: the client only sees a closed connection.
            task.get_loop().call_exception_handler(
                {"message": "the simulator failed on a connection", "exception": error, "task": task}
            )
