"""How fast queues are emptied, by how many workers, and what a worker weighs while it does that."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import contenders
from durable import Folder, many

from notifyhub import Hub
from notifyhub.registry import dispatch_context, dispatcher_type
from notifyhub.settings import settings_from

DRAINER = Path(__file__).with_name("drainer.py")
CONCURRENCY = 64
PAID = {"order_no": "20261122001", "amount": "128.00"}


class Draining(Folder):
    """Deliveries a second out of one queue by 1, 2 and 4 worker processes, with a do-nothing provider."""

    def __init__(self, engine: str, messages: int = 8000) -> None:
        super().__init__()
        self.engine = engine
        self.messages = messages

    async def __aenter__(self) -> Draining:
        server = await self.postgres()
        self.url = await asyncio.to_thread(server.create, "bench")
        await migrate(self.url, self.engine)
        self.producer = await self.stack.enter_async_context(
            Hub(
                {"ledger": {"url": self.url}, "dispatch": {"engine": self.engine}},
                providers={"sms": contenders.nothing},
            )
        )
        return self

    async def drained(self, workers: int) -> float:
        """Seconds for each delivery, from the word to begin until the queue is empty."""
        await queue(self.producer, self.messages)
        processes = [await drainer(self.url, self.engine) for _ in range(workers)]
        for process in processes:
            await process.stdout.readline()
        started = time.perf_counter()
        answers = await asyncio.gather(*(finish(process) for process in processes))
        carried = sum(answer["carried"] for answer in answers)
        assert carried == self.messages, f"{carried} of {self.messages} carried"
        return (time.perf_counter() - started) / self.messages


async def weigh(messages: int = 100_000) -> list[int]:
    """A worker's resident memory (KiB) every 10,000 deliveries of one queue on SQLite."""
    async with Folder() as box:
        url = f"sqlite:///{box.folder}/ledger.db"
        producer = await box.hub(url)
        await queue(producer, messages)
        process = await drainer(url, "embedded")
        await process.stdout.readline()
        answer = await finish(process)
        assert answer["carried"] == messages
        kib: list[int] = answer["kib"]
        return kib


async def migrate(url: str, engine: str) -> None:
    """What `notifyhub ledger migrate` does."""
    from durable import migrated

    from notifyhub.plugins import Plugins

    await migrated(url)
    settings = settings_from({"ledger": {"url": url}, "dispatch": {"engine": engine}})
    kind = dispatcher_type(settings, Plugins().dispatcher_types())
    if kind.migrate is not None:
        await kind.migrate(dispatch_context(settings))


async def queue(hub: Hub, messages: int) -> None:
    """Enqueue so many order notices."""
    await many(messages, lambda: hub.enqueue("order/paid", to=contenders.NUMBER, data=PAID))


async def drainer(url: str, engine: str) -> Any:
    """A worker process that waits for the word to begin."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, str(DRAINER), url, engine, str(CONCURRENCY), stdin=pipe, stdout=pipe
    )


async def finish(process: Any) -> dict[str, Any]:
    """Give the word, and wait for what it reports."""
    process.stdin.write(b"go\n")
    await process.stdin.drain()
    report, _ = await process.communicate()
    answer: dict[str, Any] = json.loads(report)
    return answer
