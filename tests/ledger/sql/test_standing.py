"""What the policies count, in a database: sealed, found under any key, swept, and refused when it is away."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Suppression
from notifyhub.ledger.sealing import Sealer, new_key
from notifyhub.ledger.sql.admitting import SWEEP_AFTER
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from tests.ledger.contract.test_admission import question, recipient
from tests.ledger.deliveries import ADDRESS, Clock

CLOCK = Clock()


def told(path: Path, story: Callable[[SqlLedger, Clock], Awaitable[None]], *keys: str) -> None:
    """Run a story about a ledger in this file, under these keys."""

    async def run() -> None:
        clock = Clock()
        ledger = SqlLedger(SqliteStore(path, clock=clock), Sealer.from_keys(keys))
        try:
            await story(ledger, clock)
        finally:
            await ledger.aclose()

    asyncio.run(run())


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    """All that is in a table."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a name of ours


def test_listed_under_any_key(tmp_path: Path) -> None:
    """Who was put on the list in clear, or under a former key, stays on it, and is not put there again."""
    path, older, newer = tmp_path / "ledger.db", new_key("older"), new_key("newer")
    entry = Suppression(ADDRESS, "opted out", "reply", CLOCK.moment())
    ids = set()

    async def story(ledger: SqlLedger, clock: Clock) -> None:
        kept = await ledger.suppress(entry)
        ids.add(kept.id)
        assert (await ledger.admit(question(address=ADDRESS))).listed == kept
        assert await ledger.suppressions(address=ADDRESS) == [kept]

    for keys in ((), (older,), (newer, older)):
        told(path, story, *keys)
    assert len(ids) == 1


def test_no_address_is_stored(tmp_path: Path) -> None:
    """Neither a tally nor a sealed entry of the suppression list shows an address."""
    path = tmp_path / "ledger.db"

    async def story(ledger: SqlLedger, clock: Clock) -> None:
        await ledger.suppress(Suppression(ADDRESS, "opted out", "reply", clock.moment()))
        await ledger.admit(question(recipient()))

    told(path, story, new_key())
    kept = [*rows(path, "notifyhub_tallies"), *rows(path, "notifyhub_suppressions")]
    assert len(kept) == 2
    assert ADDRESS not in repr(kept)


def test_swept_along_the_way(tmp_path: Path) -> None:
    """Tallies that mean nothing any more go as new ones come, without a purge."""
    path = tmp_path / "ledger.db"

    async def story(ledger: SqlLedger, clock: Clock) -> None:
        for generation in range(12):
            addresses = [f"+86138{generation:02}{n:06}" for n in range(SWEEP_AFTER)]
            await asyncio.gather(*(ledger.admit(question(recipient(address=each))) for each in addresses))
            clock.turn(2 * 3600)
        await ledger.admit(question(recipient(address=ADDRESS)))

    told(path, story)
    assert len(rows(path, "notifyhub_tallies")) < 4 * SWEEP_AFTER


def test_nothing_is_admitted_without_a_database(tmp_path: Path) -> None:
    """Where the ledger cannot be used nobody is told that they may send."""

    async def story(ledger: SqlLedger, clock: Clock) -> None:
        with pytest.raises(LedgerUnavailable):
            await ledger.admit(question(recipient()))
        with pytest.raises(LedgerUnavailable):
            await ledger.suppressions()

    told(tmp_path / "no folder" / "ledger.db", story)
