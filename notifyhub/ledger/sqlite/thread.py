"""Thread: one connection on a thread of its own, to which work is handed in batches."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeAlias, TypeVar

from notifyhub.ledger.sql.script import Batch, Script

__all__ = ["ConnectionThread", "Order", "Perform", "run"]

Answer = TypeVar("Answer")


class Order(NamedTuple):
    """Something to do, and the future that is told its answer. kind: what can be done together has one."""

    kind: Any
    what: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


Results: TypeAlias = Sequence[Any]
"""An answer, or an exception to raise, for each order."""
Perform: TypeAlias = Callable[[sqlite3.Connection, Sequence[Order]], Results]


class ConnectionThread:
    """Takes all that waits, does it, tells everybody at once, and looks again.

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
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, kind: Any, what: Any) -> asyncio.Future[Any]:
        """Hand in an order from an event loop; the future is done on that loop."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._orders.put(Order(kind, what, loop, future))
        if self._thread is None:
            self._start()
        return future

    def stop(self, timeout: float | None = None) -> None:
        """Do what waits, close the connection and end the thread; returns when that is done."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._orders.put(None)
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
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
            order = self._orders.get(timeout=self._idle)
            while order is not None:
                batch.append(order)
                order = self._orders.get_nowait()
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
    loops = {order.loop for order in batch}
    for loop in loops:
        mine = [(o.future, r) for o, r in zip(batch, results, strict=True) if o.loop is loop]
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
