"""A worker that drains what is due, in a process of its own; what it sends, it writes to a file.

python -m tests.policies.drain SETTINGS JOURNAL
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from notifyhub import Hub, Message, Outcome
from notifyhub.settings import load_settings
from tests.policies.messages import Vendor


class Journal(Vendor):
    """Writes a line for each message: when, by whom, to whom. It accepts everything, after a moment."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name, parts=2)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    async def send(self, message: Message) -> Outcome:
        """Keep it, and accept it."""
        os.write(self._file, f"{time.time():.6f} {self.name} {message.to} {message.text}\n".encode())
        await asyncio.sleep(0.002)
        return Outcome.accepted(message.id, parts=2)


async def drain(settings: Path, journal: Path) -> None:
    """Until nothing is due any more."""
    providers = {name: Journal(name, journal) for name in ("a", "b")}
    async with Hub(load_settings(settings), providers=providers) as hub:
        await hub.run_worker(drain=True)


if __name__ == "__main__":
    asyncio.run(drain(Path(sys.argv[1]), Path(sys.argv[2])))
