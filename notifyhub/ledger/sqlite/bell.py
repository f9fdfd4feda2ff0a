"""Bell: rung by the writer's thread, heard on event loops."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

__all__ = ["Bell"]


class Bell:
    """Wakes whoever is listening at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listening: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def listen(self) -> asyncio.Event:
        """An event of the running loop that the next ring sets."""
        heard = asyncio.Event()
        with self._lock:
            self._listening.append((asyncio.get_running_loop(), heard))
        return heard

    def leave(self, heard: asyncio.Event) -> None:
        """Listen no longer."""
        with self._lock:
            self._listening = [each for each in self._listening if each[1] is not heard]

    def ring(self) -> None:
        """Wake everybody; from any thread."""
        if not self._listening:
            return
        with self._lock:
            listening, self._listening = self._listening, []
        for loop, heard in listening:
            with suppress(RuntimeError):  # that loop has been closed
                loop.call_soon_threadsafe(heard.set)
