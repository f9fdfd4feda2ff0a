"""What the vendor pushes to the customer's URL: receipts, replies, template reviews (API manual v3.3).

A push is a POST with form fields, one event each. The answer must be exactly ``success``; otherwise it is
pushed again, at most three times, after 60, 120 and 180 s. A time scale makes those gaps short.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import h11

from .records import mask_number

__all__ = ["ANSWER_TIMEOUT", "FIRST_GAP", "REPEATS", "Push", "Pusher", "check_url", "post_form", "shanghai"]

REPEATS = 3
FIRST_GAP = 60.0
"""Seconds before the first repeat; each later gap is as much longer."""
ANSWER_TIMEOUT = 5.0
"""Seconds that the customer has for an answer. Not in the vendor's documents."""
_MAX_ANSWER = 65536
_SHANGHAI = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Push:
    """One attempt to push one event."""

    kind: str
    """``receipt``, ``reply``, ``review`` or ``custom``."""
    fields: Mapping[str, str]
    attempt: int
    """0 for the first, 1 to 3 for the repeats."""
    status: int | None
    """The HTTP status of the answer; None when there was none."""
    answer: str
    """The body of the answer, or the name of what went wrong."""

    @property
    def acknowledged(self) -> bool:
        """Whether the customer answered exactly ``success``."""
        return self.status == 200 and self.answer == "success"

    def __repr__(self) -> str:
        number = mask_number(self.fields.get("mobilephone", ""))
        return f"<Push {self.kind} for {number} attempt={self.attempt} acknowledged={self.acknowledged}>"


def shanghai(unix: float) -> str:
    """Vendor time: ``2017-08-02 14:31:51`` in Asia/Shanghai, which has no summer time, without saying so."""
    return datetime.fromtimestamp(unix, UTC).astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


class Pusher:
    """Makes pushes and owns their tasks."""

    def __init__(self, address: Callable[[], str | None], *, time_scale: float) -> None:
        self.made: list[Push] = []
        """Every attempt, in order."""
        self._address = address
        self._time_scale = time_scale
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that pushes; `drain` waits for it and `stop` cancels it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def push(self, kind: str, fields: Mapping[str, str]) -> Push | None:
        """Push now; repeats follow in the background. None when there is nowhere to push to."""
        first = await self._attempt(kind, fields, 0)
        if first is not None and not first.acknowledged:
            self.start(self._repeat(kind, fields))
        return first

    async def drain(self) -> None:
        """Wait until every push that is due, and every repeat, has been made."""
        while self._tasks:
            done, _ = await asyncio.wait(set(self._tasks))
            for task in done:
                task.result()

    async def stop(self) -> None:
        """Cancel what has not been pushed yet."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, kind: str, fields: Mapping[str, str]) -> None:
        for attempt in range(1, REPEATS + 1):
            await asyncio.sleep(FIRST_GAP * attempt * self._time_scale)
            made = await self._attempt(kind, fields, attempt)
            if made is None or made.acknowledged:
                return

    async def _attempt(self, kind: str, fields: Mapping[str, str], attempt: int) -> Push | None:
        url = self._address()
        if url is None:
            return None
        status: int | None = None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                status, answer = await post_form(url, fields)
        except (OSError, h11.RemoteProtocolError) as error:  # TimeoutError is an OSError
            answer = type(error).__name__
        made = Push(
            kind=kind, fields=MappingProxyType(dict(fields)), attempt=attempt, status=status, answer=answer
        )
        self.made.append(made)
        return made


def check_url(url: str) -> SplitResult:
    """The parts of a URL that can be pushed to. Raises ValueError for anything but ``http://host…``."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise ValueError("the simulator pushes to http:// URLs only")
    return parts


async def post_form(url: str, fields: Mapping[str, str]) -> tuple[int, str]:
    """POST form fields over a connection of their own; returns status and body.

    Raises ValueError for anything but an http URL, OSError for the network, h11.RemoteProtocolError for an
    answer that is none.
    """
    parts = check_url(url)
    body = urlencode(fields).encode("ascii")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = h11.Request(
        method="POST",
        target=target,
        headers=[
            ("Host", parts.netloc.rpartition("@")[2]),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
    )
    client = h11.Connection(h11.CLIENT)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(client.send(event) or b"")
        await writer.drain()
        return await _read_answer(client, reader)
    finally:
        writer.transport.abort()  # the answer is in hand or has failed: there is nothing to flush


async def _read_answer(client: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, str]:
    status = 0
    body = bytearray()
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(await reader.read(_MAX_ANSWER))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data[: _MAX_ANSWER - len(body)]
        elif isinstance(event, h11.EndOfMessage):
            return status, body.decode("utf-8", "replace")
        elif isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("closed without an answer")
