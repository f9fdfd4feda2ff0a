"""An application that is killed while it asks for notifications; what it was promised stands in its log.

    python -m tests.campaigns.application --config FILE --log FILE --first N --last N [--send]
                                          [--rate R] [--concurrent N] [--categories …]

It writes a line before it asks and another when it has the answer. Started again it asks again, under
the same key, for what it has no answer to. What an enqueue raised is asked for again for every other
message, and given up for the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from notifyhub.errors import LedgerUnavailable
from notifyhub.hub import Hub

CATEGORIES = ("order", "otp", "marketing", "alert")
"""In turn, by the number of the message."""
FIRST_MOBILE = 13_900_000_000
PATIENCE = 60.0
"""Seconds for which one message is asked for again and again."""


def category_of(number: int, categories: Sequence[str] = CATEGORIES) -> str:
    """What the message of this number is for."""
    return categories[number % len(categories)]


def mobile_of(number: int) -> str:
    """Whom it is for: nobody else gets one."""
    return str(FIRST_MOBILE + number)


def key_of(number: int) -> str:
    """Its idempotency key."""
    return f"campaign-{number}"


class Log:
    """Lines that are written whole, one after the other, and stay when the process is killed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, event: str, number: int, **more: Any) -> None:
        """Add a line."""
        line = json.dumps({"event": event, "number": number, "at": time.time(), **more}) + "\n"
        os.write(self._file, line.encode())


def answered(path: Path) -> set[int]:
    """The numbers that need not be asked for any more."""
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["number"] for line in lines if line["event"] in ("promised", "gave up")}


class Application:
    """Asks for messages, some at a time. send: directly, instead of by a queue."""

    def __init__(
        self, hub: Hub, log: Log, *, send: bool, concurrent: int, categories: Sequence[str] = CATEGORIES
    ) -> None:
        self._hub = hub
        self._log = log
        self._send = send
        self._categories = categories
        self._room = asyncio.Semaphore(concurrent)

    async def run(self, numbers: Sequence[int], rate: float) -> None:
        """Ask for all of them, `rate` a second (0: as fast as it goes)."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for place, number in enumerate(numbers):
                ahead = begun + place / rate - time.monotonic() if rate else 0.0
                if ahead > 0:
                    await asyncio.sleep(ahead)
                await self._room.acquire()
                group.create_task(self._one(number))

    async def _one(self, number: int) -> None:
        try:
            await self._asked(number)
        finally:
            self._room.release()

    async def _asked(self, number: int) -> None:
        arguments = {
            "text": f"您的订单{number}已处理",
            "to": mobile_of(number),
            "category": category_of(number, self._categories),
            "key": key_of(number),
        }
        ends = time.monotonic() + PATIENCE
        while True:
            self._log.write("asked", number)
            try:
                delivery = await (self._hub.send if self._send else self._hub.enqueue)(**arguments)
            except LedgerUnavailable as error:
                self._log.write("raised", number, error=str(error))
                if number % 2 or time.monotonic() > ends:
                    self._log.write("gave up", number)
                    return
                await asyncio.sleep(0.2)
                continue
            self._log.write("promised", number, id=delivery.id, status=delivery.status)
            return


async def run(options: argparse.Namespace) -> None:
    """Ask for what has no answer yet."""
    done = answered(options.log)
    numbers = [number for number in range(options.first, options.last) if number not in done]
    log = Log(options.log)
    async with Hub.from_settings(options.config) as hub:
        print("worker_started", file=sys.stderr, flush=True)  # as a worker's log says it
        application = Application(
            hub, log, send=options.send, concurrent=options.concurrent, categories=options.categories
        )
        await application.run(numbers, options.rate)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask as the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, required=True)
    parser.add_argument("--send", action="store_true")
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--concurrent", type=int, default=16)
    parser.add_argument("--categories", nargs="+", choices=CATEGORIES, default=CATEGORIES)
    asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
