"""Raw fused group commit: the least that keeping a life durable can cost, without a hub and without rules.

A row a delivery, two writes a life (the intent, the outcome), and one thread that commits for everybody
waiting; the rows are made beforehand. Once into a table with nothing but a key, and once into the
ledger's own table with the indexes that people and receipts need.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, NamedTuple, Self

from notifyhub.ledger.sql.migration import migrations
from notifyhub.ledger.sql.rows import INSERT
from notifyhub.message import new_id

BODY = (
    '{"text":"您的订单 20261122001 已支付，金额 128.00 元。","variables":'
    '{"order_no":"20261122001","amount":"128.00"},"bindings":{}}'
)
FACTS = '{"category":"order","channel":"sms","notice":"order/paid","locale":"zh"}'
BEGUN = '{"at":1795276800000000,"status":"sending","steps":["notice: order/paid in zh (asked for zh), category order","variables: order_no, amount checked"]}\n'  # noqa: E501
ENDED = '{"at":1795276800000000,"status":"accepted","steps":["route: default, in_order: sms",{"attempt":1,"provider":"sms","type":"FunctionProvider","started":1795276800000000,"ms":0.02,"allowed":"done","outcome":"accepted","id":"1"}]}\n'  # noqa: E501
NOW = 1795276800000000


class Writes(NamedTuple):
    """The two writes of a life. intent: its row, by the id; outcome too."""

    schema: str
    insert: str
    update: str

    def intent(self, name: str) -> tuple[Any, ...]:
        """The parameters of the first write."""
        if self is PLAIN:
            return (name, "sending", FACTS, BODY, BEGUN)
        return (
            name, "sending", 2, None, NOW, NOW, None, None, name[::-1], None, None, None, "sms",
            "0123456789abcdef", 1, NOW, 0, 0, FACTS, "+8613800138000", BODY, None, BEGUN,
        )  # fmt: skip

    def outcome(self, name: str) -> tuple[Any, ...]:
        """The parameters of the second."""
        return ("accepted", ENDED, name) if self is PLAIN else ("accepted", "sms", name[::-1], ENDED, name)


PLAIN = Writes(
    "CREATE TABLE raw(id TEXT PRIMARY KEY, status TEXT, facts TEXT, body TEXT, history TEXT)",
    "INSERT INTO raw VALUES(?,?,?,?,?)",
    "UPDATE raw SET status=?, history=history||? WHERE id=?",
)
OURS = Writes(
    ";\n".join(statement for migration in migrations("sqlite") for statement in migration.statements),
    INSERT,
    "UPDATE notifyhub_deliveries SET status=?, provider=?, vendor_id=?, history=history||?, owner=NULL,"
    " lease=NULL WHERE id=?",
)


class RawLedger:
    """An INSERT and an UPDATE by primary key, committed together with whatever else waits."""

    def __init__(self, path: Path, writes: Writes = PLAIN) -> None:
        self._writes = writes
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(writes.schema)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: list[tuple[bool, tuple[Any, ...], asyncio.Future[None]]] = []
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join)
        self._db.close()

    async def life(self) -> None:
        """One delivery, from its intent to its outcome."""
        name = new_id()
        await self._put(True, self._writes.intent(name))
        await self._put(False, self._writes.outcome(name))

    async def _put(self, new: bool, row: tuple[Any, ...]) -> None:
        done = self._loop.create_future()
        with self._lock:
            self._waiting.append((new, row, done))
        self._wake.set()
        await done

    def _write(self) -> None:
        while not self._ended:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                batch, self._waiting = self._waiting, []
            if not batch:
                continue
            self._db.execute("BEGIN IMMEDIATE")
            new = [row for is_new, row, _ in batch if is_new]
            if new:
                self._db.executemany(self._writes.insert, new)
            ended = [row for is_new, row, _ in batch if not is_new]
            if ended:
                self._db.executemany(self._writes.update, ended)
            self._db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_resolve, [done for _, _, done in batch])


def _resolve(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)
