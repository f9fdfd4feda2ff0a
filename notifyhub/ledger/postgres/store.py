"""PostgresStore: scripts run on PostgreSQL, for any number of processes on any number of machines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from notifyhub.ledger.postgres.commits import Commits
from notifyhub.ledger.postgres.connections import Connections, need_asyncpg
from notifyhub.ledger.postgres.driver import POSTGRESQL, execute, run
from notifyhub.ledger.postgres.faults import passes, told
from notifyhub.ledger.sql.migration import SchemaStatus, check, migrate, status
from notifyhub.ledger.sql.script import Batch, Rows, Script, Statement
from notifyhub.ledger.sql.store import Dialect, Work

__all__ = ["PostgresStore"]

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

_COMMAND_TIMEOUT, _A_DAY = 30.0, 86_400.0
_MEASURED_FOR = 60.0
"""Seconds after which the server's clock is looked at again."""
_LOOK_EVERY, _LOOK_AT_MOST_EVERY = 0.1, 0.005
"""Seconds between looks at the queue: without a sign, and with a commit of our own as a sign."""
_CLOCK = Statement("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
_READY = (
    "SELECT 1 FROM (VALUES (0), (1), (2), (3), (4)) AS p (priority) WHERE EXISTS ("
    "SELECT 1 FROM notifyhub_deliveries AS d WHERE d.status = 'queued' AND d.priority = p.priority"
    " AND d.due <= ? AND (d.lease IS NULL OR d.lease < ?)) LIMIT 1"
)


class _Loop:
    """What belongs to one event loop."""

    def __init__(self, store: PostgresStore) -> None:
        self.connections = Connections(
            store.dsn, connect_timeout=store.connect_timeout, command_timeout=_COMMAND_TIMEOUT
        )
        self.commits = Commits(
            self.connections,
            writers=store.writers,
            patience=store.patience,
            prepare=store.keep_time,
            committed=self.wake,
        )
        self.reading = asyncio.Semaphore(store.readers)
        self.starting = asyncio.Lock()
        self.sign = asyncio.Event()

    def wake(self) -> None:
        """Something was committed here."""
        self.sign.set()


class PostgresStore:
    """One PostgreSQL database. Connects when first used; may be used from several event loops, each
    of which has its own connections, and after a fork.

    dsn: `postgresql://user:password@host/database`, never shown. clock: this machine's, seconds since
        the epoch. server_time: correct it by the server's, so that all machines share one (False is for
        tests that turn the clock). patience: seconds for which an operation is tried again while the
        server restarts or cannot be reached. writers, readers: connections for each, at most.
        connect_timeout: seconds.

    Raises SettingsError where asyncpg is not installed.
    """

    dialect: Dialect = POSTGRESQL

    def __init__(
        self,
        dsn: str,
        *,
        clock: Callable[[], float] = time.time,
        server_time: bool = True,
        patience: float = 15.0,
        writers: int = 2,
        readers: int = 4,
        connect_timeout: float = 5.0,
    ) -> None:
        need_asyncpg()
        self.dsn = dsn
        self.patience = patience
        self.writers = writers
        self.readers = readers
        self.connect_timeout = connect_timeout
        self._clock = clock
        self._server_time = server_time
        self._offset = 0
        self._measured_at: float | None = None
        self._checked = False
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}

    def __repr__(self) -> str:
        return "<PostgresStore>"

    async def start(self) -> None:
        """See `Store.start`."""
        if self._checked:
            return
        async with self._here().starting:
            if not self._checked:
                await self.read(check(self.dialect))
                self._checked = True

    def now(self) -> int:
        """See `Store.now`."""
        return int(self._clock() * 1_000_000) + self._offset

    async def read(self, script: Script[Answer]) -> Answer:
        """See `Store.read`."""
        # Each statement is read on its own, so that after a broken connection only it is repeated.
        try:
            step = next(script)
            while True:
                step = script.send(await self._rows(step))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def write(self, work: Work[Operation, Answer], operation: Operation) -> Answer:
        """See `Store.write`."""
        return await self._here().commits.write(work, operation)

    async def changed(self, seconds: float) -> None:
        """See `Store.changed`. What others have queued is noticed within a tenth of a second."""
        loop, sign = asyncio.get_running_loop(), self._here().sign
        ends_at = loop.time() + seconds
        while (left := ends_at - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(_LOOK_EVERY, left)):
                    await sign.wait()
                    await asyncio.sleep(_LOOK_AT_MOST_EVERY)
            except TimeoutError:
                if left <= _LOOK_EVERY:
                    return
            sign.clear()
            now = self.now()
            if await self._rows(Statement(_READY, (now, now))):
                return

    async def schema(self) -> SchemaStatus:
        """How far this database has been migrated. Raises LedgerUnavailable, SettingsError."""
        return await self.read(status(self.dialect))

    async def migrate(self) -> tuple[str, ...]:
        """Bring the tables up to date, however long it takes; the names of what was done.

        Raises SchemaError where they are newer than this code, LedgerUnavailable, SettingsError.
        """
        try:
            async with self._here().connections.one() as connection, connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = 0")
                return await run(connection, migrate(self.dialect), timeout=_A_DAY)
        except Exception as error:  # noqa: BLE001 - told in our words, never in the driver's
            raise told(error) from None

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here.commits.finish()
            await here.connections.close()

    async def keep_time(self, connection: Any) -> None:
        """Look at the server's clock, if that was not done lately."""
        measured = self._measured_at
        if not self._server_time or (measured is not None and time.monotonic() - measured < _MEASURED_FOR):
            return
        samples = []
        for _ in range(3):
            before = self._clock()
            ((there,),) = await execute(connection, _CLOCK)
            after = self._clock()
            samples.append((after - before, there - int((before + after) * 500_000)))
        self._offset = min(samples)[1]  # the quickest answer says it best
        self._measured_at = time.monotonic()

    async def _rows(self, step: Statement | Batch) -> Rows:
        here, loop = self._here(), asyncio.get_running_loop()
        until, pause = loop.time() + self.patience, 0.02
        while True:
            broken = False
            try:
                async with here.reading, here.connections.one() as connection:
                    try:
                        await self.keep_time(connection)
                        return await execute(connection, step)
                    except Exception:
                        broken = connection.is_closed()
                        raise
            except Exception as error:  # noqa: BLE001 - told in our words, never in the driver's
                if not (broken or passes(error)) or loop.time() >= until:
                    raise told(error) from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _here(self) -> _Loop:
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            self._loops = {each: its for each, its in self._loops.items() if not each.is_closed()}
            here = self._loops[loop] = _Loop(self)
        return here
