"""The first of two vendors browns out for a while; who carries the messages is measured each second.

    python -m tests.campaigns.brownout [--calm S] [--brown-out S] [--after S] [--rate R]
                                       [--strategy by_health|in_order|weighted] [--svg FILE] [--keep]

Two ihuyi instances, each with a simulator in a process of its own; an application that asks for codes,
alerts and orders in turn; two worker processes on one SQLite ledger. Exits with 1 if a
promise was broken, or the traffic did not move.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifyhub.hub import Hub
from notifyhub.outcome import Delivery
from tests.campaigns.audit import Audit
from tests.campaigns.gateway import ACCOUNTS
from tests.campaigns.plot import Curve, draw
from tests.campaigns.report import Run, show
from tests.campaigns.stage import ROOT, Process, Setting, Stage, steady

WORKERS = 2
FIRST, SPARE = "main", "spare"
SVG = ROOT / "docs" / "explanation" / "brownout.svg"
LEDGER = '[ledger]\nurl = "sqlite:///ledger.db"\n\n[dispatch]\nconcurrency = 64\n'
SMOOTH = 3
"""Seconds over which a share is taken, where it is asked when it has moved."""
MOVED, BACK = 0.90, 0.95
"""The share of the spare one at which traffic has moved, and of the first at which it is back."""


@dataclass(slots=True)
class Second:
    """Submissions that were begun in one second, and how many of them came to nothing certain."""

    begun: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run has come to. Times in seconds; moved, back: after the brown-out began and ended."""

    seconds: list[Second]
    moved: int | None
    back: int | None
    audit: Audit

    @property
    def run_up(self) -> int:
        """Submissions that failed at the first instance, probes included."""
        return sum(second.failed[FIRST] for second in self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Seconds of calm, of the brown-out, and after it; messages a second; seconds for one attempt.

    What the first vendor still answers while it browns out comes after half of that time.
    """

    calm: float = 15.0
    brown_out: float = 45.0
    after: float = 90.0
    rate: float = 40.0
    strategy: str = "by_health"
    timeout: float = 2.0

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.calm + self.brown_out + self.after


def settings(urls: Sequence[str], plan: Plan) -> str:
    """The settings file; what is not in it has its default, the breaker too."""
    tables = [
        f'[providers.{name}]\ntype = "ihuyi"\naccount = "{account}"\napi_key = "{key}"\n'
        f'base_url = "{url}"\ntimeout = {plan.timeout}\n'
        for name, url, (account, key) in zip((FIRST, SPARE), urls, ACCOUNTS.items(), strict=True)
    ]
    route = f'[[routes]]\nproviders = ["{FIRST}", "{SPARE}"]\nstrategy = "{plan.strategy}"\n'
    return "\n".join([LEDGER, route, *tables])


async def open_stage(stage: Stage, plan: Plan) -> Process:
    """Start both vendors, write the settings and make the ledger; returns the first vendor."""
    vendors = [
        stage.spawn(
            "tests.campaigns.gateway",
            "--journal", str(stage.folder / f"{name}.jsonl"), "--late", str(plan.timeout / 2),
            stdout=subprocess.PIPE,
        )
        for name in (FIRST, SPARE)
    ]  # fmt: skip
    # The tables are made while the vendors start: those need no address of theirs.
    stage.config.write_text(LEDGER)
    migrating = stage.spawn("notifyhub", "ledger", "migrate", "--config", str(stage.config))
    urls = []
    for vendor in vendors:
        assert vendor.stdout is not None
        urls.append((await asyncio.to_thread(vendor.stdout.readline)).decode().strip())
        assert urls[-1], f"the gateway did not start: {vendor.last_words()}"
    assert await asyncio.to_thread(migrating.wait) == 0, migrating.last_words()
    stage.config.write_text(settings(urls, plan))
    stage.hub = Hub.from_settings(stage.config)
    return vendors[0]


async def at_work(processes: Sequence[Process]) -> None:
    """Wait until they say that they are."""
    while not all(process.at_work for process in processes):
        assert all(process.poll() is None for process in processes), processes[0].last_words()
        await asyncio.sleep(0.05)


async def play(stage: Stage, plan: Plan) -> Found:
    """Play it through, and find out what became of everything."""
    first = await open_stage(stage, plan)
    workers = [stage.worker() for _ in range(WORKERS)]
    last = int(plan.rate * plan.total)
    asking = stage.application(
        "--last", str(last), "--rate", str(plan.rate), "--categories", "order", "otp", "alert"
    )  # fmt: skip
    await at_work([*workers, asking])
    begun = time.time()
    await asyncio.sleep(plan.calm)
    first.send_signal(signal.SIGUSR1)
    await asyncio.sleep(plan.brown_out)
    first.send_signal(signal.SIGUSR2)
    assert await asyncio.to_thread(asking.wait, plan.after + 60) == 0, asking.last_words()
    assert await stage.until(steady, 60) is not None, "messages still wait, or are being sent"
    for worker in workers:
        stage.end(worker, signal.SIGTERM)
    journals = [stage.folder / f"{name}.jsonl" for name in (FIRST, SPARE)]
    stage.journal.write_text("".join(journal.read_text() for journal in journals))
    seconds = by_second(await stage.deliveries(), begun, int(plan.total))
    ended = int(plan.calm + plan.brown_out)
    return Found(
        seconds=seconds,
        moved=reached(seconds, SPARE, MOVED, int(plan.calm)),
        back=reached(seconds, FIRST, BACK, ended),
        audit=await stage.audit(),
    )


def by_second(deliveries: Sequence[Delivery], begun: float, many: int) -> list[Second]:
    """Every submission, counted in the second in which it was begun."""
    seconds = [Second() for _ in range(many)]
    for attempt in (attempt for delivery in deliveries for attempt in delivery.attempts):
        place = int(attempt.started_at.timestamp() - begun)
        if 0 <= place < many:
            seconds[place].begun[attempt.provider] += 1
            seconds[place].failed[attempt.provider] += attempt.outcome.reason is not None
    return seconds


def share(seconds: Sequence[Second], instance: str) -> float:
    """What part of the submissions went to an instance, 0 to 1; 0 where there were none."""
    total = sum(second.begun.total() for second in seconds)
    return sum(second.begun[instance] for second in seconds) / total if total else 0.0


def reached(seconds: Sequence[Second], instance: str, wanted: float, since: int) -> int | None:
    """Seconds from `since` until an instance has this share, over `SMOOTH` seconds; None if it never has."""
    for place in range(since, len(seconds) - SMOOTH + 1):
        if share(seconds[place : place + SMOOTH], instance) >= wanted:
            return place - since
    return None


def picture(found: Found, plan: Plan) -> str:
    """The plot, as SVG."""
    shares = [100 * share([second], FIRST) for second in found.seconds]
    return draw(
        "Who carries the messages while the first vendor browns out",
        "share of submissions, %",
        [
            Curve("main", shares, "first"),
            Curve("spare", [100 * share([second], SPARE) for second in found.seconds], "second"),
        ],
        band=(plan.calm, plan.calm + plan.brown_out, "main browns out"),
        bars=("failed or uncertain at main, per second", [s.failed[FIRST] for s in found.seconds]),
    )


def told(found: Found, plan: Plan) -> Run:
    """The numbers, and the promises that were broken."""
    run = Run(plan.strategy)
    for name, seconds in (("s until traffic moved", found.moved), ("s until it was back", found.back)):
        run.add({name: "never" if seconds is None else seconds})
    run.add({"submissions that failed at main": found.run_up})
    run.judge(found.audit)
    return run


async def campaign(folder: Path, plan: Plan) -> Found:
    """Set the stage up, play, take it down."""
    async with Stage(folder, Setting(url="")) as stage:
        return await play(stage, plan)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the options say; returns the exit status."""
    plan = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calm", type=float, default=plan.calm)
    parser.add_argument("--brown-out", type=float, default=plan.brown_out)
    parser.add_argument("--after", type=float, default=plan.after)
    parser.add_argument("--rate", type=float, default=plan.rate)
    parser.add_argument("--strategy", choices=("by_health", "in_order", "weighted"), default=plan.strategy)
    parser.add_argument("--svg", type=Path, help=f"by default {SVG.relative_to(ROOT)}, for by_health")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and the ledger")
    options = parser.parse_args(arguments)
    plan = Plan(
        calm=options.calm, brown_out=options.brown_out, after=options.after, rate=options.rate,
        strategy=options.strategy,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="brownout-"))
    try:
        found = asyncio.run(campaign(folder, plan))
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    svg = options.svg or (SVG if plan.strategy == "by_health" else None)
    if svg is not None:
        svg.write_text(picture(found, plan), encoding="utf-8")
        print(f"drawn: {svg}")
    stayed = plan.strategy == "by_health" and found.moved is None
    return show([told(found, plan)]) or int(stayed)


if __name__ == "__main__":
    sys.exit(main())
