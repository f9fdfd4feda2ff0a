"""A worker with a provider that does nothing, in a process of its own: `drainer.py URL ENGINE CONCURRENCY`.

It says `ready`, waits for a line on standard input, drains the queue, and prints as JSON how many
deliveries it carried, in how many seconds, and its resident memory (KiB) every 10,000 of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import contenders

from notifyhub import Hub, hookimpl

EVERY = 10_000


class Scales:
    """Weighs the process as deliveries come to rest."""

    def __init__(self) -> None:
        self.count = 0
        self.kib: list[int] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Any) -> None:
        """Count one."""
        self.count += 1
        if self.count % EVERY == 0:
            self.kib.append(resident())


def resident() -> int:
    """This process's resident memory, KiB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


async def main(url: str, engine: str, concurrency: int) -> None:
    """Drain."""
    settings = {"ledger": {"url": url}, "dispatch": {"engine": engine, "concurrency": concurrency}}
    async with Hub(settings, providers={"sms": contenders.nothing}) as hub:
        scales = Scales()
        hub.plugins.register(scales, "scales")
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        started = time.perf_counter()
        counts = await hub.run_worker(drain=True)
        took = time.perf_counter() - started
    print(json.dumps({"carried": counts.total, "seconds": took, "kib": scales.kib}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
