"""Digests under many workers: as few messages as must be, and each notification in exactly one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from notifyhub import Hub
from notifyhub.testing import RecordingProvider
from tests.digests import NUMBER, OTHER, notices, tables, texts
from tests.ledger.deliveries import Clock
from tests.ledger.keepings import Keeping

WORKERS, NOTIFICATIONS, MOST = 8, 1000, 30
WINDOW = 5.0
"""Seconds; a busy machine takes two or three for all of them."""


class Now(Clock):
    """The machine's own clock."""

    def __call__(self) -> float:
        return time.time()


def test_eight_workers(keeping: Keeping, tmp_path: Path) -> None:
    """1,000 notifications to two numbers and 8 workers at once: 34 messages, and the items add up."""
    if not keeping.shared:
        pytest.skip("does not apply: what is in memory has one holder, the process")
    vendor = RecordingProvider("vendor")
    folder = notices(tmp_path)

    async def run() -> None:
        hubs = [
            Hub(
                tables(WINDOW, MOST),
                providers={"vendor": vendor},
                ledger=keeping.make(Now()),
                templates=[folder],
            )
            for _ in range(WORKERS)
        ]
        try:
            started = time.monotonic()
            numbers = (NUMBER, OTHER)
            await asyncio.gather(
                *(
                    hubs[0].enqueue("disk", to=numbers[n % 2], data={"host": str(n)})
                    for n in range(NOTIFICATIONS)
                )
            )
            assert time.monotonic() - started < WINDOW, (
                "too slow a machine: the window was over before all were in"
            )
            await asyncio.sleep(WINDOW + 0.5)
            await asyncio.gather(*(hub.run_worker(drain=True) for hub in hubs))
        finally:
            for hub in hubs:
                await hub.aclose()

    asyncio.run(asyncio.wait_for(run(), 120))
    said = [item for text in texts(vendor) for item in text.partition(":")[2].split()]
    assert sorted(said, key=int) == [str(n) for n in range(NOTIFICATIONS)]
    assert len(vendor.messages) == 2 * -(-NOTIFICATIONS // 2 // MOST)
