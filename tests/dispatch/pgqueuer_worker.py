"""A worker process for the tests: `python pgqueuer_worker.py URL LEASE SECONDS` says what it takes up."""

from __future__ import annotations

import asyncio
import sys

from notifyhub.dispatch import DispatchContext
from notifyhub.dispatch.pgqueuer import PGQUEUER
from notifyhub.testing.desk import Desk


class Talking(Desk):
    """Says each id it is given, and is long about it."""

    async def carry(self, delivery_id: str) -> None:
        print(delivery_id, flush=True)
        await asyncio.sleep(self.length)


async def main(url: str, lease: float, seconds: float) -> None:
    engine = PGQUEUER.build(DispatchContext(ledger_url=url, lease=lease))
    await engine.run(Talking(4, length=seconds))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
