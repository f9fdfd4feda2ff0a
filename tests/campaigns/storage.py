"""What the disk can do to a SQLite ledger: somebody else holds it for seconds, and it is full.

    python -m tests.campaigns.storage [locked] [full] [--n 300] [--seed N]

locked: a process holds the write lock for 3 s, five times, while 16 at a time enqueue, others send
directly and workers deliver. full: the same on a tmpfs of a few megabytes that is filled up for seconds
(mounting it takes root; else it says that it was not run). Exits with 1 if anything was lost or doubled,
or an error was not clear.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.campaigns.databases import place
from tests.campaigns.disk import MISSING, disk
from tests.campaigns.report import Run, show
from tests.campaigns.stage import Process, Setting, Stage, steady

HELD = 3.0
"""Seconds that the locker holds the file each time."""
TIMES = 5
FULL = 4.0
"""Seconds for which there is no room."""
CLEAR = ("full", "space", "room", "disk")
"""Words, one of which an error about a full disk has."""


def hold(file: Path, seconds: float, times: int) -> None:
    """Hold the write lock again and again; run in a process of its own."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=30)
    for _ in range(times):
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
        time.sleep(1.0)
    connection.close()


class Flow:
    """Workers and applications at work; who ends by itself is started again."""

    def __init__(self, stage: Stage, n: int, seconds: float) -> None:
        self._stage = stage
        direct = n // 4
        self._commands: list[Callable[[], Process]] = [
            stage.worker,
            stage.worker,
            lambda: stage.application("--last", str(direct), "--send", "--rate", str(direct / seconds)),
            lambda: stage.application(
                "--first", str(direct), "--last", str(n), "--rate", str((n - direct) / seconds)
            ),
        ]  # fmt: skip
        self.processes = [command() for command in self._commands]
        self.again = 0

    async def go_on(self, seconds: float) -> None:
        """Let it flow for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._stand_up()
            await asyncio.sleep(0.05)

    async def end(self, run: Run) -> None:
        """Let the applications come to their end and the queue be emptied."""
        while any(process.poll() is None for process in self.processes[2:]):
            await self.go_on(0.1)
        left = await self._stage.until(steady, 120)
        run.hold("everything ended", "never" if left is None else "yes", left is not None)
        for worker in self.processes[:2]:
            self._stage.end(worker, signal.SIGTERM)
        answers = self._stage.answers()
        run.add({
            "processes that ended by themselves": self.again,
            "asked": len({line["number"] for line in answers}),
            "enqueues and sends that raised": sum(line["event"] == "raised" for line in answers),
            "given up": sum(line["event"] == "gave up" for line in answers),
        })  # fmt: skip
        run.judge(await self._stage.audit())

    def _stand_up(self) -> None:
        for place_, process in enumerate(self.processes):
            status = process.poll()
            if status is not None and (place_ < 2 or status):
                self.again += 1
                self.processes[place_] = self._commands[place_]()


async def locked(folder: Path, options: argparse.Namespace, run: Run) -> None:
    """Somebody else holds the file."""
    setting = Setting(url=f"sqlite:///{folder / 'ledger.db'}")
    async with Stage(folder, setting) as stage:
        await stage.open("--manner", "crash", "--seed", str(options.seed))
        seconds = TIMES * (HELD + 1.0)
        flow = Flow(stage, options.n, seconds)
        await flow.go_on(1.5)
        locker = stage.spawn("tests.campaigns.storage", "--hold", str(folder / "ledger.db"))
        await flow.go_on(seconds)
        assert await asyncio.to_thread(locker.wait) == 0, locker.last_words()
        await flow.end(run)
        run.add({"held": f"{TIMES} × {HELD:g} s"})


async def full(folder: Path, options: argparse.Namespace, run: Run) -> None:
    """There is no room on the disk."""
    with disk(folder) as where:
        if where is None:
            run.add({"disk": MISSING})
            return
        run.add({"disk": where.kind})
        setting = Setting(url=f"sqlite:///{where.folder / 'ledger.db'}")
        async with Stage(folder, setting) as stage:
            await stage.open("--manner", "crash", "--seed", str(options.seed))
            flow = Flow(stage, options.n, 12.0)
            await flow.go_on(3.0)
            where.fill()
            filled = time.time()
            await flow.go_on(FULL)
            where.free()
            freed = time.time()
            await flow.end(run)
            answers = stage.answers()
            said = sorted({str(line["error"]) for line in answers if line["event"] == "raised"})
            during = [
                line for line in answers if line["event"] == "raised" and filled < _at(line) < freed + 1
            ]
            after = [line for line in answers if line["event"] == "promised" and _at(line) > freed]
            run.hold("raised while there was no room (≥ 1)", str(len(during)), len(during) > 0)
            run.hold("promised once there was room (≥ 1)", str(len(after)), len(after) > 0)
            unclear = [words for words in said if not any(word in words for word in CLEAR)]
            run.hold("errors that are not clear", str(len(unclear)), not unclear)
            run.broken += [f"unclear: {words}" for words in unclear]
            for words in said:
                print(f"  it said: {words}")


def _at(line: dict[str, object]) -> float:
    at = line["at"]
    assert isinstance(at, float)
    return at


KINDS = {"locked": locked, "full": full}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the options ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []])
    parser.add_argument("--n", type=int, default=300, help="messages")
    parser.add_argument("--hold", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--keep", action="store_true", help="keep the folder of each run, logs and all")
    options = parser.parse_args(arguments)
    if options.hold is not None:
        hold(options.hold, HELD, TIMES)
        return 0
    print(f"seed {options.seed}", flush=True)
    runs = []
    for kind in options.kinds or KINDS:
        runs.append(Run(kind))
        with place(kind, keep=options.keep) as folder:
            asyncio.run(KINDS[kind](folder, options, runs[-1]))
    return show(runs)


if __name__ == "__main__":
    sys.exit(main())
