"""A code behind 50,000 marketing messages that a worker is draining: how long until the gateway has it.

    python -m tests.campaigns.priority [--backlog 50000] [--codes 48] [--ledger …] [--engine …] [--all]

The time is from the call of `enqueue` in one process to the gateway's own word in another. Exits with 1
where the 95th percentile is above 500 ms, or the backlog ran out before the last code.
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

from notifyhub.hub import Hub
from tests.campaigns.application import mobile_of
from tests.campaigns.audit import journal
from tests.campaigns.databases import LEDGERS, database, place
from tests.campaigns.report import Run, show
from tests.campaigns.stage import Setting, Stage

WITHIN = 0.5
"""Seconds, at the 95th percentile."""
TOGETHER = 64
"""Enqueues at a time while the backlog is built up."""
CODES_FROM = 13_800_000_000
ALL = (("sqlite", "embedded"), ("postgresql", "embedded"), ("postgresql", "pgqueuer"))


async def pile_up(hub: Hub, backlog: int) -> float:
    """Enqueue the marketing; seconds that took."""
    begun = time.monotonic()
    for first in range(0, backlog, TOGETHER):
        numbers = range(first, min(first + TOGETHER, backlog))
        await asyncio.gather(*(
            hub.enqueue(text=f"新品上市第{n}期", to=mobile_of(n), category="marketing") for n in numbers
        ))  # fmt: skip
    return time.monotonic() - begun


async def campaign(stage: Stage, options: argparse.Namespace, run: Run) -> None:
    """Pile up, drain, and ask for codes meanwhile."""
    await stage.open()
    rng = random.Random(options.seed)
    async with stage.hub as hub:
        piled = await pile_up(hub, options.backlog)
        worker = stage.worker()
        assert await stage.until(lambda b: b.sending > 0, 60) is not None, worker.last_words()
        await asyncio.sleep(1.0)
        before = len(journal(stage.journal))
        begun, asked = time.monotonic(), {}
        for code in range(options.codes):
            await asyncio.sleep(rng.uniform(0.1, 0.4))
            mobile = str(CODES_FROM + code)
            asked[mobile] = time.time()
            await hub.enqueue(text=f"您的验证码是{code:06d}", to=mobile, category="otp")
        took = time.monotonic() - begun
        backlog = await stage.backlog()
        await asyncio.sleep(2.0)
        drained = len(journal(stage.journal)) - before
        stage.end(worker, signal.SIGTERM)
    copies = [copy for copy in journal(stage.journal) if copy.mobile in asked]
    waited = sorted(copy.at - asked[copy.mobile] for copy in copies)
    assert waited, "no code came through"
    run.add({
        "enqueued a second": f"{options.backlog / piled:.0f}",
        "delivered a second meanwhile": f"{drained / (took + 2):.0f}",
        "codes": len(asked), "p50": f"{waited[len(waited) // 2] * 1e3:.0f} ms",
    })  # fmt: skip
    p95 = waited[min(len(waited) - 1, int(len(waited) * 0.95))]
    run.hold(f"p95 (≤ {WITHIN * 1e3:.0f} ms)", f"{p95 * 1e3:.0f} ms", p95 <= WITHIN)
    run.add({"longest": f"{waited[-1] * 1e3:.0f} ms"})
    run.hold(
        "codes submitted once each",
        str(len(copies)),
        len(copies) == len({c.mobile for c in copies}) == len(asked),
    )
    left = backlog.ready if backlog is not None else 0
    run.hold("marketing still waiting at the last code (≥ 1)", str(left), left > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the options ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backlog", type=int, default=50_000)
    parser.add_argument("--codes", type=int, default=48)
    parser.add_argument("--ledger", choices=LEDGERS, default="sqlite")
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--all", action="store_true", help="every ledger and engine, one after the other")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    runs = []
    for ledger, engine in ALL if options.all else [(options.ledger, options.engine)]:
        runs.append(Run(f"{ledger} {engine}"))

        async def played(folder: Path, setting: Setting, run: Run) -> None:
            async with Stage(folder, setting) as stage:
                await campaign(stage, options, run)

        with place(runs[-1].title) as folder, database(ledger, folder) as kept:
            setting = Setting(url=kept.url, engine=engine, lease=30.0, timeout=10.0)
            asyncio.run(played(folder, setting, runs[-1]))
    return show(runs)


if __name__ == "__main__":
    sys.exit(main())
