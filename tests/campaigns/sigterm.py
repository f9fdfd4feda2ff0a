"""SIGTERM to a worker with many messages in flight at a slow gateway, again and again.

    python -m tests.campaigns.sigterm [--rounds 50] [--in-flight 100] [--grace 1] [--ledger …] [--engine …]

Each worker must exit within its grace and a second; afterwards the journal is held against the ledger.
Exits with 1 if any promise was broken.
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

from tests.campaigns.databases import LEDGERS, database, place
from tests.campaigns.report import Run, show
from tests.campaigns.stage import Setting, Stage, steady

SPARE = 1.0
"""Seconds after the grace within which a worker is gone."""


async def told_once(stage: Stage, in_flight: int, rng: random.Random) -> tuple[float, int, int]:
    """One round: seconds from the signal to the exit, messages in flight at the signal, exit status."""
    worker = stage.worker()
    arrived = await stage.until(lambda backlog: backlog.sending >= in_flight, 60)
    assert arrived is not None, f"never {in_flight} in flight: {worker.last_words()}"
    await asyncio.sleep(rng.uniform(0.0, 0.3))
    backlog = await stage.backlog()
    worker.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    status = await asyncio.to_thread(worker.wait, 60)
    took = time.monotonic() - begun
    return took, backlog.sending if backlog is not None else in_flight, status


async def campaign(stage: Stage, options: argparse.Namespace, run: Run) -> None:
    """All rounds, and what is left is carried on to the end."""
    await stage.open("--manner", "slow", "--slowest", str(options.grace * 2), "--seed", str(options.seed))
    rng = random.Random(options.seed)
    rounds: list[tuple[float, int, int]] = []
    asked = 0
    for _ in range(options.rounds):
        # As many again: what the last worker had taken up has ended, or waits to be tried again.
        application = stage.application("--first", str(asked), "--last", str(asked + 2 * options.in_flight))
        asked += 2 * options.in_flight
        assert await asyncio.to_thread(application.wait) == 0, application.last_words()
        rounds.append(await told_once(stage, options.in_flight, rng))
    drain = stage.worker("--drain")
    left = await stage.until(steady, 600)
    assert await asyncio.to_thread(drain.wait, 60) == 0, drain.last_words()
    exits = sorted(took for took, _, _ in rounds)
    run.add({
        "SIGTERMs": len(rounds),
        "in flight at the signal, least": min(flying for _, flying, _ in rounds),
        "exit, median": f"{exits[len(exits) // 2]:.2f} s",
        "exit statuses": " ".join(sorted({str(status) for _, _, status in rounds})),
    })  # fmt: skip
    limit = options.grace + SPARE
    run.hold(f"exit, longest (≤ {limit:g} s)", f"{exits[-1]:.2f} s", exits[-1] <= limit)
    run.hold(
        "exits with another status than 0",
        str(sum(s != 0 for _, _, s in rounds)),
        all(s == 0 for _, _, s in rounds),
    )
    run.hold("everything ended", "never" if left is None else "yes", left is not None)
    run.judge(await stage.audit())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the options ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--grace", type=float, default=1.0, help="seconds")
    parser.add_argument("--ledger", choices=LEDGERS, default="sqlite")
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--keep", action="store_true", help="keep the folder, logs and all")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    run = Run(f"{options.ledger} {options.engine}")

    async def played(folder: Path, url: str) -> None:
        setting = Setting(
            url=url, engine=options.engine, grace=options.grace, concurrency=options.in_flight, timeout=10.0
        )
        async with Stage(folder, setting) as stage:
            await campaign(stage, options, run)

    with place(run.title, keep=options.keep) as folder, database(options.ledger, folder) as kept:
        asyncio.run(played(folder, kept.url))
    return show([run])


if __name__ == "__main__":
    sys.exit(main())
