"""SqliteStore: one file, one writer that commits for everybody waiting, and a reader beside it."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sql.store import Work
from notifyhub.ledger.sqlite.bell import Bell
from notifyhub.ledger.sqlite.file import Synchronous, check_place, check_version
from notifyhub.ledger.sqlite.reader import Reader
from notifyhub.ledger.sqlite.thread import ConnectionThread
from notifyhub.ledger.sqlite.writer import DIALECT, Writer

__all__ = ["SqliteStore"]

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

POLL = 0.025
"""Seconds between two looks at whether another process has written; each is a read of shared memory."""
PATIENCE = 5.0
"""Seconds that the end of a program waits for a store that was not closed."""


class SqliteStore:
    """A SQLite file in WAL mode, made with its tables where there is none; see `Store`.

    synchronous: FULL keeps what was committed through a power failure; NORMAL may then lose the last
    moments (never after a mere crash of the process) and commits several times as fast.
    clock: seconds since the epoch. busy_timeout: seconds to wait for another process that is writing.

    Nothing is opened before it is used, and it may be used again after `aclose`, on another event loop too.
    """

    dialect = DIALECT

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Synchronous = "FULL",
        clock: Callable[[], float] = time.time,
        busy_timeout: float = 10.0,
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._started = False
        self._bell = Bell()
        self._version: int | None = None
        writer = Writer(self.path, synchronous, busy_timeout, self._bell)
        reader = Reader(self.path, busy_timeout)
        self._writer = ConnectionThread(
            "notifyhub-ledger-writer", writer.connect, writer.perform, writer.pause
        )
        self._reader = ConnectionThread("notifyhub-ledger-reader", reader.connect, reader.perform)
        # Whoever forgets to close it leaves nothing behind: neither a thread nor an open file.
        self._forgotten = weakref.finalize(self, _stop, self._writer, self._reader, PATIENCE)

    def now(self) -> int:
        """See `Store.now`."""
        return int(self._clock() * 1_000_000)

    async def start(self) -> None:
        """See `Store.start`."""
        if not self._started:
            check_version()
            check_place(self.path)
            await self._writer.put(_nothing, None)
            self._started = True

    def read(self, script: Script[Answer]) -> Awaitable[Answer]:
        """See `Store.read`."""
        return self._reader.put(None, script)

    def write(self, work: Work[Operation, Answer], operation: Operation) -> Awaitable[Answer]:
        """See `Store.write`."""
        return self._writer.put(work, operation)

    async def changed(self, seconds: float) -> None:
        """See `Store.changed`."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        heard = self._bell.listen()
        try:
            # What was committed between the last call and this one counts: somebody may have looked in vain.
            seen, self._version = self._version, await self._reader.put(None, None)
            while self._version == seen and not heard.is_set() and (left := ends_at - loop.time()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), min(POLL, left))
                self._version = await self._reader.put(None, None)
        finally:
            self._bell.leave(heard)

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        self._started = False
        await asyncio.to_thread(_stop, self._writer, self._reader)


def _nothing(operations: Sequence[None]) -> Script[Sequence[None]]:
    """What a start has to write, once the connection is open and its tables are found to fit."""
    yield from ()
    return operations


def _stop(writer: ConnectionThread, reader: ConnectionThread, patience: float | None = None) -> None:
    reader.stop(patience)
    writer.stop(patience)
