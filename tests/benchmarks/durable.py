"""What keeping every delivery on disk costs: beside raw group commit, through a gateway, and as it grows."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import contenders
from raw import OURS, RawLedger

from notifyhub import Hub

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.postgres import PostgresServer, postgres

AT_A_TIME = 64


async def many(count: int, life: Callable[[], Awaitable[object]]) -> float:
    """Seconds for each of so many lives, `AT_A_TIME` of them at a time."""
    left = iter(range(count))

    async def task() -> None:
        for _ in left:
            await life()

    started = time.perf_counter()
    await asyncio.gather(*(task() for _ in range(AT_A_TIME)))
    return (time.perf_counter() - started) / count


async def send(hub: Hub) -> None:
    """What the other benchmarks send; it must be accepted."""
    delivery = await hub.send("login/code", to=contenders.NUMBER, data=contenders.DATA)
    assert delivery.ok, delivery.explain()


async def migrated(url: str) -> str:
    """The same URL, its tables made."""
    from notifyhub.ledger.postgres import PostgresStore

    store = PostgresStore(url)
    try:
        await store.migrate()
    finally:
        await store.aclose()
    return url


class Folder:
    """A folder on a real disk, for as long as a bench runs."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def hub(
        self, url: str, provider: object = contenders.nothing, *, policies: Any = None, **more: Any
    ) -> Hub:
        """A hub on this ledger, closed with the bench."""
        settings = {"ledger": {"url": url, **more}, "policies": policies or {}}
        return await self.stack.enter_async_context(Hub(settings, providers={"sms": provider}))  # type: ignore[dict-item]

    async def postgres(self) -> PostgresServer:
        """A server of its own, with fsync on as in production."""
        opened = postgres()
        server = await asyncio.to_thread(opened.__enter__)
        self.stack.push_async_callback(asyncio.to_thread, opened.__exit__, None, None, None)
        return server


class Ledgers(Folder):
    """A provider that does nothing, with each ledger, against raw fused group commit."""

    MESSAGES = 3000

    async def __aenter__(self) -> Self:
        self.raw = await self.stack.enter_async_context(RawLedger(self.folder / "raw.db"))
        self.same = await self.stack.enter_async_context(RawLedger(self.folder / "same.db", OURS))
        self.hubs = {
            "hub, memory": await self.hub("memory://"),
            "hub, SQLite": await self.hub(f"sqlite:///{self.folder}/ledger.db"),
            "hub, SQLite NORMAL": await self.hub(f"sqlite:///{self.folder}/normal.db", synchronous="NORMAL"),
        }
        server = await self.postgres()
        url = await migrated(await asyncio.to_thread(server.create, "bench"))
        self.hubs["hub, PostgreSQL"] = await self.hub(url)
        return self

    async def round(self) -> dict[str, float]:
        """Seconds per message of each."""
        took = {
            "raw, a table with a key": await many(self.MESSAGES, self.raw.life),
            "raw, the ledger's table": await many(self.MESSAGES, self.same.life),
        }
        for name, hub in self.hubs.items():
            took[name] = await many(self.MESSAGES, lambda hub=hub: send(hub))
        return took


class DurablePosting(contenders.Posting):
    """Hub and ledger through the loopback gateway, against bare httpx without any ledger."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.box = Folder()
        server = await self.box.postgres()
        url = await migrated(await asyncio.to_thread(server.create, "bench"))
        self.hubs = {
            "SQLite": Hub(
                {"ledger": {"url": f"sqlite:///{self.box.folder}/l.db"}}, providers={"sms": self.fast}
            ),
            "PostgreSQL": Hub({"ledger": {"url": url}}, providers={"sms": self.fast}),
        }
        return self

    async def __aexit__(self, *exited: object) -> None:
        await super().__aexit__(*exited)
        await self.box.stack.aclose()

    async def round(self) -> dict[str, float]:
        """Seconds per message of each."""
        took = {
            f"bare httpx, {name} transport": await self._all(lambda client=client: self._post(client))
            for name, client in self.clients.items()
            if name != "pooled"
        }
        for name, hub in self.hubs.items():
            took[f"hub and ihuyi, {name}"] = await self._all(lambda hub=hub: send(hub))
        return took


class Growing(Folder):
    """The cost of a delivery with ever more deliveries in the ledger."""

    MESSAGES = 3000

    def __init__(self, sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)) -> None:
        super().__init__()
        self.sizes = sizes

    async def __aenter__(self) -> Self:
        self.hubs = {}
        for size in self.sizes:
            file = self.folder / f"{size}.db"
            hub = await self.hub(f"sqlite:///{file}")
            await send(hub)
            await asyncio.to_thread(fill, file, size)
            self.hubs[f"{size:,} rows"] = hub
        return self

    async def round(self) -> dict[str, float]:
        """Seconds per message of each."""
        return {name: await many(self.MESSAGES, lambda hub=hub: send(hub)) for name, hub in self.hubs.items()}


def fill(file: Path, rows: int) -> None:
    """Copy the first delivery so many times, spread over the last thirty days, each with its own ids."""
    db = sqlite3.connect(file, timeout=60)
    columns = [row[1] for row in db.execute("PRAGMA table_info(notifyhub_deliveries)")]
    step = 30 * 86400 * 1_000_000 // rows
    new = {
        "id": f"printf('%012x', (created - n * {step}) / 1000) || lower(hex(randomblob(10)))",
        "created": f"created - n * {step}",
        "search": "lower(hex(randomblob(16)))",
        "vendor_id": "lower(hex(randomblob(8)))",
    }
    values = ", ".join(new.get(column, column) for column in columns)
    with db:
        db.execute(
            # Column names and whole numbers of our own.
            f"WITH RECURSIVE numbers(n) AS (SELECT {rows} UNION ALL SELECT n - 1 FROM numbers WHERE n > 1) "  # noqa: S608
            f"INSERT INTO notifyhub_deliveries ({', '.join(columns)}) SELECT {values} FROM numbers, "
            "(SELECT * FROM notifyhub_deliveries LIMIT 1) AS first ORDER BY n DESC"
        )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
