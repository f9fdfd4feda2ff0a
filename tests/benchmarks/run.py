"""The figures notifyhub is held to, as ratios measured side by side in one run.

    python tests/benchmarks/run.py [overhead|gateway|imports|ledgers|durable|growth|drain|weight|policies]
        [--rounds 7]

Each figure is the median over the rounds; in each round every contender runs once, one after the
other, so that a slow minute of the machine meets them all. Absolute numbers are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import contenders
import draining
import durable as durability
import importing
import policing
from table import Row, show

Round = Callable[[], Awaitable[dict[str, float]]]


async def medians(one_round: Round, rounds: int) -> dict[str, float]:
    """The median of each contender's seconds over the rounds; one round before them warms up."""
    await one_round()
    results = [await one_round() for _ in range(rounds)]
    return {name: statistics.median(result[name] for result in results) for name in results[0]}


async def overhead(rounds: int) -> None:
    """What the hub costs around a provider that does nothing."""
    # Short rounds, and many: this machine's speed changes from second to second.
    async with contenders.Overhead() as bench:
        took = await medians(bench.round, rounds * 8)
    floor, apprise, hub = took["floor"], took["apprise"], took["hub"]
    show(
        "hub.send with a do-nothing provider",
        [
            Row("floor: model + render + call", f"{floor * 1e6:.1f} µs", ""),
            Row("hub.send", f"{hub * 1e6:.1f} µs", f"{hub / floor:.2f} × the floor (goal ≤ 2.5)"),
            Row("Apprise notify", f"{apprise * 1e6:.1f} µs", f"{apprise / hub:.2f} × hub.send (goal ≥ 3)"),
        ],
    )


async def gateway(rounds: int) -> None:
    """Sends through ihuyi to a loopback gateway, against bare httpx doing the same posts."""
    for concurrency in (1, 16, 64):
        async with contenders.Posting(concurrency) as bench:
            took = await medians(bench.round, rounds)
        rows = []
        for name, seconds in took.items():
            versus = took.get(name.replace("ihuyi", "httpx"))
            share = f"{versus / seconds:.2f} of bare httpx" if versus and "ihuyi" in name else ""
            goal = " (goal ≥ 0.90)" if share and concurrency == 64 else ""
            rows.append(Row(name, f"{1 / seconds:.0f} /s", share + goal))
        show(f"sends to a loopback gateway, {concurrency} at a time", rows)


async def imports(rounds: int) -> None:
    """What an import costs, each in a fresh interpreter."""
    took = await medians(importing.one_round, rounds)
    base = took["pydantic and one model"]
    show(
        "imports",
        [
            Row(name, f"{seconds * 1e3:.0f} ms", f"{seconds / base:.2f} × pydantic and one model")
            for name, seconds in took.items()
        ],
    )


async def ledgers(rounds: int) -> None:
    """A do-nothing provider with every delivery kept, against the least that keeping it can cost."""
    async with durability.Ledgers() as bench:
        took = await medians(bench.round, rounds)
    plain, same = list(took.values())[:2]
    rows = []
    for name, seconds in took.items():
        ratio = (
            f"{plain / seconds:.2f} of raw, {same / seconds:.2f} of raw with the ledger's table and indexes"
        )
        goal = " (goal ≥ 0.35)" if name == "hub, SQLite" else ""
        rows.append(Row(name, f"{1 / seconds:.0f} /s", ratio + goal if name.startswith("hub") else ""))
    show(f"hub.send with a ledger and a do-nothing provider, {durability.AT_A_TIME} at a time", rows)


async def durable(rounds: int) -> None:
    """Hub and ledger through ihuyi to a loopback gateway, against bare httpx, which keeps nothing."""
    async with durability.DurablePosting(durability.AT_A_TIME) as bench:
        took = await medians(bench.round, rounds)
    fast, default = took["bare httpx, fast transport"], took["bare httpx, default transport"]
    rows = []
    for name, seconds in took.items():
        ratio = (
            f"{fast / seconds:.2f} of httpx on that transport, {default / seconds:.1f} × httpx as it comes"
        )
        goal = " (goals ≥ 0.80, ≥ 4)" if "SQLite" in name else ""
        rows.append(Row(name, f"{1 / seconds:.0f} /s", ratio + goal if "hub" in name else ""))
    show(f"sends to a loopback gateway with a ledger, {durability.AT_A_TIME} at a time, [fast]", rows)


async def growth(rounds: int) -> None:
    """Whether a delivery costs more in a large ledger."""
    async with durability.Growing() as bench:
        took = await medians(bench.round, rounds)
    base = next(iter(took.values()))
    show(
        "hub.send with SQLite and a do-nothing provider, by rows already there",
        [
            Row(name, f"{seconds * 1e6:.0f} µs", f"{seconds / base:.2f} × the smallest (goal ≤ 1.10)")
            for name, seconds in took.items()
        ],
    )


async def drain(rounds: int) -> None:
    """How fast queues on PostgreSQL are emptied by 1, 2 and 4 worker processes."""
    for engine in ("embedded", "pgqueuer"):
        rows = []
        async with draining.Draining(engine) as bench:
            await bench.drained(1)
            for workers in (1, 2, 4):
                took = [await bench.drained(workers) for _ in range(max(1, rounds // 2))]
                rows.append(Row(f"{workers} workers", f"{1 / statistics.median(took):.0f} /s", ""))
        show(f"a queue on PostgreSQL drained by {engine}, do-nothing provider", rows)


async def weight(rounds: int) -> None:
    """Whether a worker grows: its memory over 100,000 deliveries."""
    kib = await draining.weigh()
    show(
        "a worker's resident memory",
        [
            Row(f"after {(n + 1) * 10_000:,}", f"{size / 1024:.1f} MiB", f"{size / kib[0]:.3f} × the first")
            for n, size in enumerate(kib)
        ],
    )


async def policies(rounds: int) -> None:
    """What all the stock policies add to a durable send, and what one limit costs in memory."""
    async with policing.PolicedPosting(durability.AT_A_TIME) as posting:
        through = await medians(posting.round, rounds)
    _policed("hub and ihuyi with SQLite through a loopback gateway", through)
    async with policing.Policing() as bench:
        took = await medians(bench.round, rounds)
    limit = took.pop("one limit, in memory")
    _policed("hub.send with SQLite and a do-nothing provider", took)
    show("one limit in memory, asked and counted", [Row("", f"{limit * 1e6:.1f} µs", "(goal ≤ 10 µs)")])


def _policed(what: str, took: dict[str, float]) -> None:
    without, with_all = took.values()
    rows = [
        Row("no policies", f"{without * 1e6:.0f} µs", ""),
        Row("all stock policies", f"{with_all * 1e6:.0f} µs", f"{with_all / without:.2f} × (goal ≤ 1.30)"),
    ]
    show(f"{what}, {durability.AT_A_TIME} at a time", rows)


BENCHES = {
    "overhead": overhead, "gateway": gateway, "imports": imports,
    "ledgers": ledgers, "durable": durable, "growth": growth, "drain": drain, "weight": weight,
    "policies": policies,
}  # fmt: skip


def main() -> None:
    """Run the benches asked for, all without arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], help="which; all without")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for name in options.bench or BENCHES:
        asyncio.run(BENCHES[name](options.rounds))


if __name__ == "__main__":
    main()
