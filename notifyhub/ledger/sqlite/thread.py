"""Thread: one connection on a thread of its own, to which work is handed in batches."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar

from notifyhub.ledger.sql.script import Batch, Script

__all__ = ["ConnectionThread", "Order", "Perform", "run"]

Answer = TypeVar("Answer")


Order: TypeAlias = tuple[Any, Any, asyncio.Future[Any]]
"""Of what kind, what it is about, and the future that is told the answer. What has one kind can be done
together. A plain tuple: two are made for each delivery."""
Results: TypeAlias = Sequence[Any]
"""An answer, or an exception to raise, for each order."""
Perform: TypeAlias = Callable[[sqlite3.Connection, Sequence[Order]], Results]


class ConnectionThread:
    """Takes all that waits, does it, tells everybody at once, and looks again.

    What an event loop orders in one turn is handed over at the turn's end, in one go. A thread that was
    woken by the first order would only compete for the interpreter with those who give the others.

    connect: opens the connection, on this thread, when first needed. perform: does a batch. pause: called
    with the connection after so many seconds without work, and once before it is closed.

    The thread is a daemon, started by the first order and ended by `stop`; another order starts another.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        perform: Perform,
        pause: Callable[[sqlite3.Connection], None] | None = None,
        idle: float = 30.0,
    ) -> None:
        self._name = name
        self._connect = connect
        self._perform = perform
        self._pause = pause
        self._idle = idle
        self._lock = threading.Lock()
        self._given: dict[asyncio.AbstractEventLoop, list[Order]] = {}
        self._orders: SimpleQueue[list[Order] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, kind: Any, what: Any) -> asyncio.Future[Any]:
        """Hand in an order from an event loop; the future is done on that loop."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        order = (kind, what, future)
        with self._lock:
            given = self._given.get(loop)
            if given is None:
                self._given[loop] = [order]
                loop.call_soon(self._hand_over, loop)
            else:
                given.append(order)
        return future

    def stop(self, timeout: float | None = None) -> None:
        """Do what waits, close the connection and end the thread; returns when that is done."""
        for loop in list(self._given):
            self._hand_over(loop)
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._orders.put(None)
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the thread what this loop has ordered, unless `stop` has done so."""
        with self._lock:
            given = self._given.pop(loop, None)
            if given is None:
                return
            self._orders.put(given)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while True:
                batch, last = self._waiting()
                if batch:
                    try:
                        if connection is None:
                            connection = self._connect()
                        results = self._perform(connection, batch)
                    except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it was
                        results = [error] * len(batch)
                    _tell(batch, results)
                elif connection is not None and self._pause is not None:
                    self._pause(connection)
                if last:
                    return
        finally:
            if connection is not None:
                if self._pause is not None:
                    self._pause(connection)
                connection.close()

    def _waiting(self) -> tuple[list[Order], bool]:
        """All orders that are waiting, none when it is time for a pause; and whether they are the last."""
        batch: list[Order] = []
        with suppress(Empty):
            given = self._orders.get(timeout=self._idle)
            while given is not None:
                batch += given
                given = self._orders.get_nowait()
            return batch, True
        return batch, False


def run(connection: sqlite3.Connection, script: Script[Answer]) -> Answer:
    """Run a script on a connection, within the transaction that is open there."""
    try:
        request = next(script)
        while True:
            if isinstance(request, Batch):
                cursor = connection.executemany(request.sql, request.rows)
                request = script.send(((cursor.rowcount,),))
            else:
                cursor = connection.execute(request.sql, request.parameters)
                request = script.send(cursor.fetchall())
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    finally:
        script.close()


def _tell(batch: Sequence[Order], results: Results) -> None:
    """Tell each event loop its answers in one go: waking it is what costs."""
    answered = [(future, result) for (_, _, future), result in zip(batch, results, strict=True)]
    for loop in {future.get_loop() for future, _ in answered}:
        mine = [each for each in answered if each[0].get_loop() is loop]
        with suppress(RuntimeError):  # it has been closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, mine)


def _settle(answered: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answered:
        if future.done():
            continue  # cancelled meanwhile; what it asked for has been done
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
