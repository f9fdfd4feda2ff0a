"""Watchdog: gives up awaits that outlive their deadline, with one timer for all of them.

`asyncio.timeout` arms a timer for each await and leaves it in the loop's heap when it is cancelled; at
thousands of messages a second, nearly all of which end well within theirs, that is the larger part of
what a deadline costs. Here an await is an entry in a set, and the one timer wakes for the earliest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

__all__ = ["Watchdog"]

Result = TypeVar("Result")


class _Watched:
    """One await: whose, until when (loop time), and whether its time was up."""

    __slots__ = ("ends", "overdue", "task")

    def __init__(self, task: asyncio.Task[Any], ends: float) -> None:
        self.task = task
        self.ends = ends
        self.overdue = False


class Watchdog:
    """Limits awaits in any number of tasks, of whatever event loop is running."""

    def __init__(self) -> None:
        self._watched: set[_Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def limit(self, seconds: float, awaitable: Awaitable[Result]) -> Result:
        """Await it for at most so many seconds.

        Raises TimeoutError when they are over. Cancellation from outside goes through as it is.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - a coroutine runs in a task, for the type checker
        watched = _Watched(task, loop.time() + seconds)
        self._watched.add(watched)
        if self._timer is None or loop is not self._loop or watched.ends < self._timer.when():
            self._arm(loop, watched.ends)
        cancelling = task.cancelling()
        try:
            return await awaitable
        except asyncio.CancelledError:
            # Ours only if nobody else has asked for it as well.
            if watched.overdue and task.cancelling() - 1 <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._watched.discard(watched)
            if watched.overdue:
                task.uncancel()

    def _arm(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if loop is not self._loop:
            # The tasks of a loop that is gone cannot be cancelled, and nobody waits for them.
            self._watched = {watched for watched in self._watched if watched.task.get_loop() is loop}
            self._loop = loop
        elif self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        assert self._loop is not None  # noqa: S101 - its timer has just fired, for the type checker
        now = self._loop.time()
        waiting = []
        for watched in self._watched:
            if watched.ends > now:
                waiting.append(watched.ends)
            elif not watched.overdue:
                watched.overdue = True
                watched.task.cancel()
        if waiting:
            self._arm(self._loop, min(waiting))
