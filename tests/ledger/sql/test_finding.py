"""Finding: what was created long ago is found as well as what is new."""

from __future__ import annotations

import asyncio
from pathlib import Path

from notifyhub.category import Category
from notifyhub.ledger.job import Query
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from notifyhub.outcome import Status
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, attempted, queued, receipt, sending

DAY = 24 * 3600.0


def test_receipts_days_later(tmp_path: Path) -> None:
    """A receipt finds its delivery days after it was created: sent at once and told of late, or queued for
    days and told of at once.
    """
    clock = Clock()

    async def story() -> None:
        ledger = SqlLedger(SqliteStore(tmp_path / "ledger.db", clock=clock))
        early, waiting = sending(clock), queued(clock, due=5 * DAY, deadline=9 * DAY)
        await ledger.open(early)
        await ledger.open(waiting)
        await ledger.record(attempted(early.delivery, "early"))
        clock.turn(6 * DAY)
        (claimed,) = await ledger.claim(1, submitting=True)
        assert await ledger.receive(receipt("late")) == (None, True)  # parked: it overtook the record
        kept = await ledger.record(attempted(claimed.delivery, "late"))
        assert (kept.id, kept.status) == (waiting.id, Status.DELIVERED)
        after, news = await ledger.receive(receipt("early"))
        assert after is not None
        assert (after.id, after.status, news) == (early.id, Status.DELIVERED, True)
        assert await ledger.find("sms", "late") == await ledger.get(waiting.id)
        await ledger.aclose()

    asyncio.run(story())


def test_search_through_the_days(tmp_path: Path) -> None:
    """A search goes from the newest to the oldest, whatever hours lie between, and each condition counts."""
    clock = Clock()

    async def story() -> None:
        ledger = SqlLedger(SqliteStore(tmp_path / "ledger.db", clock=clock))
        names, codes = [], []
        for number in range(8):
            otp = number % 2 == 0
            job = queued(
                clock,
                address=OTHER_ADDRESS if number == 3 else ADDRESS,
                category=Category.OTP if otp else Category.ORDER,
            )
            await ledger.open(job)
            names.append(job.id)
            codes += [job.id] if otp else []
            clock.turn(0.3 * DAY)
        names.reverse()
        assert [found.id for found in await ledger.search(Query())] == names
        assert [found.id for found in await ledger.search(Query(limit=2))] == names[:2]
        mine = await ledger.search(Query(address=ADDRESS))
        assert [found.id for found in mine] == [name for name in names if name != names[4]]
        assert [found.id for found in await ledger.search(Query(category=Category.OTP))] == codes[::-1]
        since = clock.moment(-1.0 * DAY)
        assert [found.id for found in await ledger.search(Query(address=ADDRESS, since=since))] == names[:3]
        assert not await ledger.search(Query(status=Status.DEAD))
        await ledger.aclose()

    asyncio.run(story())
