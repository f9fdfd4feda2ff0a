"""ProgressLine: what a worker does, in one line at the foot of a terminal that is drawn again and again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from notifyhub.errors import LedgerUnavailable

if TYPE_CHECKING:
    from types import TracebackType

    from rich.text import Text

    from notifyhub.ledger import Backlog, Ledger
    from notifyhub.worker import Worker, WorkerCounts

__all__ = ["ProgressLine", "counted", "put_in_order"]

_EVERY = 0.25
"""Seconds between two drawings."""
_WINDOW = 5.0
"""Seconds over which deliveries per second are told."""
_SHARE = 0.02
"""Of its time it looks at the queue at most so much: counting a long one costs the database something."""


class ProgressLine:
    """While entered (asynchronously), draws the line on standard error; what else is written goes above it.

    Only for a terminal. On one that cannot move its cursor nothing is drawn.
    """

    def __init__(self, worker: Worker, ledger: Ledger) -> None:
        from rich.console import Console
        from rich.live import Live

        self._worker = worker
        self._ledger = ledger
        self._waiting = "looking at the queue"
        self._done: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        console = Console(stderr=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._draws = console.is_terminal and not console.is_dumb_terminal
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        if self._draws:
            self._live.start()
            self._tasks = [asyncio.create_task(self._draw()), asyncio.create_task(self._look())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._live.stop()

    async def _draw(self) -> None:
        while True:
            self._live.update(self._line(time.monotonic()), refresh=True)
            await asyncio.sleep(_EVERY)

    async def _look(self) -> None:
        while True:
            before = time.monotonic()
            try:
                self._waiting = _waiting(await self._ledger.backlog())
            except LedgerUnavailable:
                self._waiting = "the ledger cannot be read now"
            await asyncio.sleep(max(4 * _EVERY, (time.monotonic() - before) / _SHARE))

    def _line(self, now: float) -> Text:
        from rich.text import Text

        counts, done = self._worker.counts, self._done
        done.append((now, counts.total))
        while len(done) > 2 and done[1][0] <= now - _WINDOW:
            done.popleft()
        spent = now - done[0][0]
        rate = (counts.total - done[0][1]) / spent if spent > 0 else 0.0
        words = [
            "stopping" if self._worker.stopping.is_set() else "",
            self._waiting,
            f"under way {counts.under_way}",
            counted(counts) or "nothing carried yet",
            f"{rate:.1f}/s" if rate < 10 else f"{rate:.0f}/s",
        ]
        return Text(" · ".join(word for word in words if word), no_wrap=True, overflow="ellipsis")


def counted(counts: WorkerCounts) -> str:
    """What a worker's deliveries have come to, the most first: `10 accepted, 2 unknown`."""
    by_status = sorted(counts.by_status.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {status}" for status, count in by_status)


def put_in_order() -> None:
    """Show the cursor again, from a line of its own: for a process that is ended while the line stands."""
    os.write(2, b"\x1b[?25h\n")


def _waiting(backlog: Backlog) -> str:
    return f"ready {backlog.ready} · later {backlog.later}"
