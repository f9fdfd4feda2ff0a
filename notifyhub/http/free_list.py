"""FreeList: httpx's transport without its pool. Imports httpx; imported when a client first sends."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["FreeList"]


@dataclass(slots=True, eq=False)
class _Lane:
    """One transport with at most one connection, and when it was last put back (the loop's clock)."""

    transport: httpx.AsyncHTTPTransport
    idle_since: float = 0.0
    socket: Any = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """What httpcore calls as it goes along. It loses the socket when cancelled in the TLS handshake."""
        if event == "connection.connect_tcp.complete":
            self.socket = info["return_value"]

    async def aclose(self) -> None:
        await self.transport.aclose()
        if self.socket is not None:
            await self.socket.aclose()


class FreeList(httpx.AsyncBaseTransport):
    """A transport that takes a one-connection transport for each request and puts it back afterwards.

    The last one put back is the first one taken, so that few connections serve a light load and the rest
    grow old and are closed. After any fault a lane is closed and dropped.

    tls: how certificates are verified. keepalive: seconds a connection may stay idle.
    max_connections: requests at once; those beyond wait for as long as the request's `pool` timeout says,
    then fail with PoolTimeout.
    """

    def __init__(self, tls: ssl.SSLContext, *, keepalive: float, max_connections: int) -> None:
        self._keepalive = keepalive
        self._tls = tls
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=keepalive
        )
        self._idle: deque[_Lane] = deque()
        self._busy: set[_Lane] = set()
        self._room = asyncio.Semaphore(max_connections)
        self._sweeper: asyncio.Task[None] | None = None
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a lane of its own; the lane comes back when the answer's stream is closed."""
        if self._room.locked():
            await self._wait_for_room(request)
        else:
            await self._room.acquire()
        lane = self._take()
        if request.url.scheme == "https":
            request.extensions = {**request.extensions, "trace": lane.trace}
        try:
            response = await lane.transport.handle_async_request(request)
        except BaseException:  # cancellation too: a connection left in the middle must not be used again
            await self.drop(lane)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 — narrows httpx's own union
        response.stream = _LaneStream(response.stream, self, lane)
        return response

    async def aclose(self) -> None:
        """Close every connection, the busy ones too."""
        self.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        lanes = [*self._idle, *self._busy]
        self._idle.clear()
        self._busy.clear()
        for lane in lanes:
            await lane.aclose()

    async def _wait_for_room(self, request: httpx.Request) -> None:
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("pool")):
                await self._room.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("no connection became free", request=request) from error

    def _take(self) -> _Lane:
        if self._idle:
            lane = self._idle.pop()
        else:
            lane = _Lane(httpx.AsyncHTTPTransport(verify=self._tls, limits=self._limits, retries=0))
        self._busy.add(lane)
        return lane

    def put_back(self, lane: _Lane) -> None:
        """Take back a lane whose answer was read to its end."""
        self._busy.discard(lane)
        self._room.release()
        loop = asyncio.get_running_loop()
        lane.idle_since = loop.time()
        self._idle.append(lane)
        if self._sweeper is None:
            self._sweeper = loop.create_task(self._sweep())

    async def drop(self, lane: _Lane) -> None:
        """Close a lane that is not to be used again."""
        self._busy.discard(lane)
        self._room.release()
        await lane.aclose()

    async def _sweep(self) -> None:
        """Close what has been idle for too long; else it would stay half open until the next request."""
        loop = asyncio.get_running_loop()
        while self._idle:
            rest = self._idle[0].idle_since + self._keepalive - loop.time()
            if rest > 0:
                await asyncio.sleep(rest)
            else:
                await self._idle.popleft().aclose()
        self._sweeper = None


class _LaneStream(httpx.AsyncByteStream):
    """An answer's body; its end decides what becomes of the lane."""

    def __init__(self, stream: httpx.AsyncByteStream, owner: FreeList, lane: _Lane) -> None:
        self._stream = stream
        self._owner: FreeList | None = owner
        self._lane = lane
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._whole = True

    async def aclose(self) -> None:
        owner, self._owner = self._owner, None
        if owner is None:
            return
        if not self._whole or owner.closed or _has_surplus(self._lane):
            await owner.drop(self._lane)
            return
        try:
            await self._stream.aclose()
        except BaseException:  # as above
            await owner.drop(self._lane)
            raise
        owner.put_back(self._lane)


def _has_surplus(lane: _Lane) -> bool:
    """Whether more came than one answer: h11 would give the rest to the next request as *its* answer.

    httpx shows this nowhere, so the private parts are looked at. Should they ever move, every lane counts
    as spoilt: slower, never wrong; the tests of connection reuse will tell.
    """
    try:
        connections: Any = lane.transport._pool.connections
        return any(connection._connection._h11_state.trailing_data[0] for connection in connections)
    except AttributeError:
        return True
