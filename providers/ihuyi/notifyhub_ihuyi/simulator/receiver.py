"""A tiny HTTP server for the customer's side: it takes pushes and hands each to a handler."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import parse_qsl

from .replies import Answer
from .wire import Connection, Listener

__all__ = ["Handler", "PushReceiver", "ReceivedPush", "acknowledge"]

Handler = Callable[[str, dict[str, str], bytes], Awaitable[tuple[int, str]]]
"""(method, headers by lower-case name, body) → (HTTP status, body)."""

_IDLE = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class ReceivedPush:
    """One request that the receiver got, and what it answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer: str

    @property
    def fields(self) -> dict[str, str]:
        """The form fields of the body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def __repr__(self) -> str:
        return f"<ReceivedPush {self.method} fields={sorted(self.fields)} answered={self.status}>"


async def acknowledge(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    """The handler that is content with everything: ``success``."""
    return 200, "success"


class PushReceiver:
    """Async context manager: listens on loopback while it is open.

    A handler that raises is answered for with 500 (so that the gateway pushes again), and its error is logged
    and kept in `errors`.
    """

    def __init__(self, handler: Handler = acknowledge, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.received: list[ReceivedPush] = []
        self.errors: list[Exception] = []
        self._handler = handler
        self._host = host
        self._port = port
        self._url: str | None = None
        self._listener = Listener(self._serve, time.time)

    @property
    def url(self) -> str:
        """Where to push to. Raises RuntimeError before the receiver is opened."""
        if self._url is None:
            raise RuntimeError("the receiver is not open: use it with `async with`")
        return self._url

    async def __aenter__(self) -> Self:
        port = await self._listener.start(self._host, self._port)
        self._url = f"http://{self._host}:{port}/push"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and end what is under way."""
        await self._listener.stop()

    async def _serve(self, connection: Connection) -> None:
        while (request := await connection.receive(_IDLE)) is not None:
            try:
                status, body = await self._handler(request.verb, dict(request.headers), request.body)
            except Exception as error:  # noqa: BLE001 - the handler is somebody else's; the pusher must get an answer
                _log.exception("the handler of the push receiver failed")
                self.errors.append(error)
                status, body = 500, "error"
            self.received.append(
                ReceivedPush(
                    method=request.verb,
                    path=request.target,
                    headers=MappingProxyType(request.headers),
                    body=request.body,
                    status=status,
                    answer=body,
                )
            )
            await connection.send(
                Answer(status=status, content_type="text/plain; charset=utf-8", body=body.encode())
            )
