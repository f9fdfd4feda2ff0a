"""Connector: aiohttp's, which never hands out a spoilt connection. Imports aiohttp."""

from __future__ import annotations

from asyncio import BaseTransport, WriteTransport
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = ["Connector"]


class Connector(aiohttp.TCPConnector):
    """A TCPConnector that closes an idle connection on which bytes have arrived unasked.

    By itself aiohttp looks for them when a connection is put back, not when it is taken out again; what
    came in between would be read as the answer to the next request.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The connections handed out so far, by their transports.
        self._known: WeakSet[BaseTransport] = WeakSet()

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection for the request: a kept one that is clean, or a new one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                return connection
            if transport not in self._known:
                # A new one may have an answer already, of a server that refuses before it reads.
                self._known.add(transport)
                return connection
            if not protocol.should_close:
                return connection
            connection.close()

    def close(self, **options: Any) -> Coroutine[Any, Any, None]:
        """Close every connection; those that were closed with bytes still to send do not wait for that."""
        for transport in self._known:
            if transport.is_closing() and isinstance(transport, WriteTransport):
                transport.abort()
        return super().close(**options)
