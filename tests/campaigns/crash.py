"""Workers and applications are killed with -9 while messages flow; then journal and ledger are compared.

    python -m tests.campaigns.crash [--n 2000] [--kills 20] [--concurrent 16] [--ledger sqlite|postgresql]
                                    [--engine embedded|pgqueuer] [--asking] [--all] [--seed N] [--keep]

The gateway is the ihuyi simulator in a process of its own with a journal of its own; a PostgreSQL ledger
is itself crashed and started again every few seconds. Exits with 1 if any promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.campaigns.databases import LEDGERS, Database, Restarts, database, place
from tests.campaigns.report import Run, show
from tests.campaigns.stage import Process, Setting, Stage, steady

WORKERS = 3
BETWEEN = (0.4, 1.1)
"""Seconds between two kills."""
AHEAD = 2
"""How much faster messages are asked for than the kills would need: whoever is killed has something to do."""
SENT_DIRECTLY = 0.2
"""The share of messages that an application sends itself."""
RECOVERY = 5.0
"""Seconds after a lease's end within which everything is steady again."""
LAST = 32
"""Messages that are asked for after all others, all at once, for the last kill to find something."""
ALL = (("sqlite", "embedded", False), ("sqlite", "embedded", True), ("postgresql", "embedded", False),
       ("postgresql", "pgqueuer", False))  # fmt: skip


class Cast:
    """The processes that are killed, and started again at once."""

    def __init__(self, stage: Stage, options: argparse.Namespace, rng: random.Random) -> None:
        self._stage = stage
        self._rng = rng
        self._concurrent = options.concurrent
        self._direct = int(options.n * SENT_DIRECTLY)
        self._last = options.n
        self._n = options.n - LAST
        flow = options.kills * sum(BETWEEN) / 2 + 1
        self._rate = AHEAD * (self._n - self._direct) / flow
        self._slow_rate = max(self._direct / flow, 0.1)
        self.workers = [self._worker() for _ in range(WORKERS)]
        self.sender = self._sending()
        self.asker = self._asking()
        self.ended_by_themselves = 0

    def _worker(self) -> Process:
        return self._stage.worker()

    def _sending(self) -> Process:
        return self._stage.application(
            "--send", "--last", str(self._direct), "--rate", str(self._slow_rate),
            "--concurrent", str(self._concurrent),
        )  # fmt: skip

    def _asking(self) -> Process:
        return self._stage.application(
            "--first", str(self._direct), "--last", str(self._n), "--rate", str(self._rate),
            "--concurrent", str(self._concurrent),
        )  # fmt: skip

    @property
    def asked_all(self) -> bool:
        """Whether the applications have come to their end."""
        return self.sender.poll() == 0 and self.asker.poll() == 0

    def stand_up(self) -> None:
        """Start again what has ended by itself, as whoever supervises processes does."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.ended_by_themselves += 1
                self.workers[number] = self._worker()
        if self.sender.poll() not in (None, 0):
            self.ended_by_themselves += 1
            self.sender = self._sending()
        if self.asker.poll() not in (None, 0):
            self.ended_by_themselves += 1
            self.asker = self._asking()

    def kill_one(self) -> bool:
        """Kill somebody who is at work, and start it again; False where nobody is yet."""
        ready = [p for p in (*self.workers, *self.workers, self.sender, self.asker)
                 if p.poll() is None and p.at_work]  # fmt: skip
        if not ready:
            return False
        victim = self._rng.choice(ready)
        self._stage.end(victim)
        if victim is self.sender:
            self.sender = self._sending()
        elif victim is self.asker:
            self.asker = self._asking()
        else:
            self.workers[self.workers.index(victim)] = self._worker()
        return True

    def ask_for_the_last(self) -> None:
        """All that is left, as fast as it goes."""
        self._stage.application("--first", str(self._n), "--last", str(self._last))

    def kill_workers(self) -> None:
        """All of them at once, as when a machine goes down."""
        for worker in self.workers:
            worker.send_signal(signal.SIGKILL)
        for worker in self.workers:
            self._stage.end(worker)
        self.workers = [self._worker() for _ in range(WORKERS)]


async def played(stage: Stage, options: argparse.Namespace, restarts: Restarts, run: Run) -> None:
    """Let messages flow, kill, and wait until it is steady."""
    rng = random.Random(options.seed)
    cast = Cast(stage, options, rng)
    kills = in_flight = 0
    while kills < options.kills - WORKERS:
        until = time.monotonic() + rng.uniform(*BETWEEN)
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
            cast.stand_up()
        backlog = await stage.backlog()
        if cast.kill_one():
            kills += 1
            in_flight += backlog is not None and backlog.sending > 0
    while not cast.asked_all:
        await asyncio.sleep(0.05)
        cast.stand_up()
    restarts.stop()
    # The last kill of all, when little is left: from there on nothing but recovery takes its time.
    assert await stage.until(steady, 300) is not None, "the queue does not empty"
    cast.ask_for_the_last()
    assert await stage.until(lambda backlog: backlog.sending >= LAST / 4, 30) is not None, "nobody works"
    backlog = await stage.backlog()
    cast.kill_workers()
    kills += WORKERS
    in_flight += WORKERS * (backlog is not None and backlog.sending > 0)
    took = await stage.until(steady, 120)
    for worker in cast.workers:
        stage.end(worker, signal.SIGTERM)
    run.add({
        "kills": kills, "of them with something being sent": in_flight,
        "restarts of the database": restarts.count,
        "processes that ended by themselves": cast.ended_by_themselves,
        "enqueues that raised": sum(line["event"] == "raised" for line in stage.answers()),
    })  # fmt: skip
    limit = stage.setting.lease + RECOVERY
    run.hold(
        f"steady after the last kill (≤ {limit:g} s)", "never" if took is None else f"{took:.1f} s",
        took is not None and took <= limit,
    )  # fmt: skip


async def campaign(
    kept: Database, setting: Setting, options: argparse.Namespace, folder: Path, run: Run
) -> None:
    """One run; its numbers go to `run`."""
    async with Stage(folder, setting) as stage:
        await stage.open("--manner", "crash", "--slowest", str(options.slowest), "--seed", str(options.seed))
        begun = time.monotonic()
        with Restarts(kept.server) as restarts:
            await played(stage, options, restarts, run)
        run.add({"seconds": f"{time.monotonic() - begun:.0f}"})
        run.judge(await stage.audit())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the options ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=2000, help="messages")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--concurrent", type=int, default=16, help="at a time, in each process")
    parser.add_argument("--ledger", choices=LEDGERS, default="sqlite")
    parser.add_argument("--engine", default="embedded")
    parser.add_argument(
        "--asking", action="store_true", help="with a policy that is asked before each message"
    )
    parser.add_argument("--all", action="store_true", help="every ledger and engine, one after the other")
    parser.add_argument("--lease", type=float, default=3.0)
    parser.add_argument("--slowest", type=float, default=1.0, help="seconds the gateway takes at most")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--keep", action="store_true", help="keep the folder of each run, logs and all")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    runs = []
    for ledger, engine, asking in ALL if options.all else [(options.ledger, options.engine, options.asking)]:
        runs.append(Run(f"{ledger} {engine}{' asking' if asking else ''}"))
        with place(runs[-1].title, keep=options.keep) as folder, database(ledger, folder) as kept:
            setting = Setting(
                url=kept.url,
                engine=engine,
                lease=options.lease,
                concurrency=options.concurrent,
                asking=asking,
            )
            asyncio.run(campaign(kept, setting, options, folder, runs[-1]))
    return show(runs)


if __name__ == "__main__":
    sys.exit(main())
