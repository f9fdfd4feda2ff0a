"""Group commit: whatever waits at one moment is one transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from notifyhub.ledger.postgres.connections import Connections
from notifyhub.ledger.postgres.driver import run
from notifyhub.ledger.postgres.faults import contended, passes, told
from notifyhub.ledger.sql.store import Work

__all__ = ["Commits"]

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_MOST = 512
"""Operations to a transaction, at most: more gains nothing, and holds its locks for longer."""

_WORTH_SHARING = 16
"""Operations that one connection does alone sooner than two do their halves."""


class _Waiting:
    """One operation, and who waits for it."""

    __slots__ = ("alone", "answer", "operation", "until", "work")

    def __init__(self, work: Work[Any, Any], operation: Any, answer: asyncio.Future[Any]) -> None:
        self.work = work
        self.operation = operation
        self.answer = answer
        self.until: float | None = None
        """Loop time at which it is given up; set when it first failed with what may pass."""
        self.alone = False
        """Whether it is done in a transaction of its own, because it failed among others."""


class Commits:
    """Commits operations, together where they come together, on up to `writers` connections at once.

    patience: seconds for which what may pass is tried again. prepare: awaited with the connection before
    each transaction. committed: called after each.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        writers: int,
        patience: float,
        prepare: Callable[[Any], Any],
        committed: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._writers = writers
        self._patience = patience
        self._prepare = prepare
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._starting = False

    async def write(self, work: Work[Operation, Answer], operation: Operation) -> Answer:
        """Do one operation; returns when it is committed."""
        waiting = _Waiting(work, operation, self._loop.create_future())
        self._waiting.append(waiting)
        if not self._starting and self._busy < self._writers:
            self._start()
        answer: Answer = await waiting.answer
        return answer

    async def finish(self) -> None:
        """Wait until everything that waits is committed, or has failed."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        self._starting = True
        self._busy += 1
        task = self._loop.create_task(self._drain(), name="notifyhub-commits")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        self._starting = False
        pause = _FIRST_PAUSE
        try:
            while batch := self._take():
                try:
                    passed = await self._commit(batch)
                except BaseException:  # the loop is ending
                    for each in batch:
                        each.answer.cancel()
                    raise
                if passed:
                    pause = _FIRST_PAUSE
                elif self._waiting:
                    # Not all at the same moment: where two were in each other's way they would be again.
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                    pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            self._busy -= 1  # here, not when the task is seen to have ended: what comes now starts another

    def _take(self) -> list[_Waiting]:
        """What is next: all that wait, or one that is to be alone."""
        # Whoever has gone meanwhile does not want it any more, and nothing of it has happened.
        waiting = [each for each in self._waiting if not each.answer.done()]
        if waiting and waiting[0].alone:
            batch = waiting[:1]
        else:
            # Tasks that were answered together ask again together. Shared out, one half of them is at
            # work here while the database works for the other.
            free = 1 + self._writers - self._busy
            fair = len(waiting) if len(waiting) <= _WORTH_SHARING else -(-len(waiting) // free)
            batch = [each for each in waiting[: min(fair, _MOST)] if not each.alone]
        taken = set(map(id, batch))
        self._waiting = [each for each in waiting if id(each) not in taken]
        if self._waiting and not self._starting and self._busy < self._writers:
            self._start()
        return batch

    async def _commit(self, batch: list[_Waiting]) -> bool:
        """Do a batch in one transaction. False if that failed in a way that may pass."""
        works: dict[Work[Any, Any], list[_Waiting]] = {}
        for each in batch:
            works.setdefault(each.work, []).append(each)
        broken = False
        done: list[tuple[list[_Waiting], Sequence[Any]]] = []
        try:
            async with self._connections.one() as connection:
                await self._prepare(connection)
                try:
                    async with connection.transaction():
                        for work, group in sorted(works.items(), key=_rank):
                            done.append((group, await run(connection, work([e.operation for e in group]))))
                except Exception:
                    broken = connection.is_closed()
                    raise
        except Exception as error:  # noqa: BLE001 - each operation's caller is told
            self._failed(batch, error, passing=broken or passes(error))
            return not (broken or passes(error))
        self._committed()
        for group, answers in done:
            for each, answer in zip(group, answers, strict=True):
                if each.answer.done():
                    continue
                if isinstance(answer, Exception):
                    each.answer.set_exception(answer)
                else:
                    each.answer.set_result(answer)
        return True

    def _failed(self, batch: list[_Waiting], error: Exception, *, passing: bool) -> None:
        """Put back what may succeed another time, and tell the others."""
        now = self._loop.time()
        if len(batch) > 1 and (contended(error) or not passing):
            for each in batch:
                each.alone = True
        elif not passing:
            batch[0].until = now
        again: list[_Waiting] = []
        for each in batch:
            if each.until is None and passing:
                each.until = now + self._patience
            if each.until is None or now < each.until:
                again.append(each)
            elif not each.answer.done():
                each.answer.set_exception(told(error))
        # What waits for somebody's lock lets the others go first.
        at = len(self._waiting) if contended(error) else 0
        self._waiting[at:at] = again


def _rank(each: tuple[Work[Any, Any], list[_Waiting]]) -> int:
    """See `Work`."""
    rank: int = getattr(each[0], "rank", 0)
    return rank
