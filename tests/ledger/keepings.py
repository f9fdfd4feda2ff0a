"""Keepings: the ways a ledger is kept, each able to give any number of holders the same deliveries."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from notifyhub.ledger import Ledger, MemoryLedger
from notifyhub.ledger.sealing import Sealer, new_key
from notifyhub.ledger.sql.migration import migrate
from tests.ledger.deliveries import Clock
from tests.servers.postgres import MISSING, PostgresServer, available, postgres

__all__ = ["KEEPINGS", "LEASE", "Keeping", "kept_by", "ledger_server"]

LEASE = 30.5
"""Seconds; not a whole number, so that no whole number of seconds ends just when a lease does."""
KEEPINGS = ("memory", "sqlite", "sqlite sealed", "postgres sealed")

_KEYS = [new_key("newer"), new_key("older")]
_TABLES = (
    "notifyhub_deliveries, notifyhub_aliases, notifyhub_parked, notifyhub_replies,"
    " notifyhub_tallies, notifyhub_suppressions, notifyhub_health"
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """One place where deliveries are kept. make: another ledger that keeps its deliveries there.

    shared: whether several ledgers can. clear: forget everything.
    """

    name: str
    make: Callable[[Clock], Ledger]
    clear: Callable[[], None]
    shared: bool = True

    def run(
        self, story: Callable[..., Awaitable[None]], holders: int = 1, clock: Clock | None = None
    ) -> None:
        """Run a story that is given so many ledgers on this one keeping, and the clock they share."""
        if holders > 1 and not self.shared:
            pytest.skip("does not apply: what is in memory has one holder, the process")

        async def told() -> None:
            time = clock or Clock()
            ledgers = [self.make(time) for _ in range(holders)]
            try:
                for ledger in ledgers:
                    await ledger.start()
                await story(*ledgers, time)
            finally:
                for ledger in ledgers:
                    await ledger.aclose()

        asyncio.run(told())


@contextmanager
def kept_by(name: str, folder: Path, server: Callable[[], PostgresServer]) -> Iterator[Keeping]:
    """The keeping of this name, empty. server: gives the PostgreSQL server where one is needed."""
    kind, _, sealed = name.partition(" ")
    sealer = Sealer.from_keys(_KEYS) if sealed else Sealer()
    if kind == "memory":
        yield Keeping(name, lambda clock: MemoryLedger(lease=LEASE, clock=clock), lambda: None, shared=False)
    elif kind == "sqlite":
        with _sqlite(name, folder, sealer) as keeping:
            yield keeping
    else:
        yield _postgres(name, server(), sealer)


@contextmanager
def _sqlite(name: str, folder: Path, sealer: Sealer) -> Iterator[Keeping]:
    from notifyhub.ledger.sql.ledger import SqlLedger
    from notifyhub.ledger.sqlite import SqliteStore

    path = folder / "ledger.db"

    def clear() -> None:
        if not path.exists():
            return
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for table in _TABLES.split(", "):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        finally:
            connection.close()

    yield Keeping(
        name,
        lambda clock: SqlLedger(SqliteStore(path, clock=clock, synchronous="NORMAL"), sealer, lease=LEASE),
        clear,
    )


def _postgres(name: str, server: PostgresServer, sealer: Sealer) -> Keeping:
    from notifyhub.ledger.postgres import PostgresStore
    from notifyhub.ledger.sql.ledger import SqlLedger

    def make(clock: Clock) -> Ledger:
        store = PostgresStore(server.url("ledger"), clock=clock, server_time=False)
        return SqlLedger(store, sealer, lease=LEASE)

    def clear() -> None:
        server.execute(f"TRUNCATE {_TABLES}", "ledger")

    clear()
    return Keeping(name, make, clear)


@contextmanager
def ledger_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server whose database `ledger` has the tables."""
    if not available():
        pytest.skip(MISSING)
    with postgres(fsync=False) as server:
        asyncio.run(_migrate(server.create("ledger")))
        yield server


async def _migrate(url: str) -> None:
    import asyncpg

    from notifyhub.ledger.connections import connected
    from notifyhub.ledger.postgres.driver import POSTGRESQL

    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connected(connection).run(migrate(POSTGRESQL))
    finally:
        await connection.close()
