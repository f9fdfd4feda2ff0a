"""StopSignals: SIGTERM and Ctrl-C for a command that runs on and has something to finish."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopSignals"]


class StopSignals:
    """While entered, the first SIGTERM or SIGINT asks to stop, and the second ends the process at once.

    A process ended at once exits with 128 + the signal, as one would that handles none. Handlers of
    Python's own, because a signal may come before there is an event loop, and after it.

    leave: called right before the process is ended so, to put the terminal in order.
    """

    def __init__(self, leave: Callable[[], None] = lambda: None) -> None:
        self._leave = leave
        self._received: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] = lambda: None
        self._former: dict[int, Any] = {}
        self._limit: threading.Timer | None = None

    @property
    def received(self) -> bool:
        """Whether one has come."""
        return self._received is not None

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._former[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._limit is not None:
            self._limit.cancel()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def then(self, stop: Callable[[], None]) -> None:
        """From now on call `stop` on the running loop for the first signal; at once if that has come."""
        self._loop, self._stop = asyncio.get_running_loop(), stop
        if self.received:
            stop()

    def end_within(self, seconds: float) -> None:
        """End the process, as by a second signal, unless the block is left within so many seconds.

        For what no event loop can end: a thread that hangs, a database that does not answer.
        """
        if self._limit is None:
            self._limit = threading.Timer(seconds, self._end, (self._received or signal.SIGTERM,))
            self._limit.daemon = True
            self._limit.start()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            self._end(number)
        self._received = number
        if self._loop is not None and not self._loop.is_closed():
            # Not called here: a signal comes between any two instructions.
            self._loop.call_soon_threadsafe(self._stop)

    def _end(self, number: int) -> None:
        self._leave()
        os._exit(128 + number)
