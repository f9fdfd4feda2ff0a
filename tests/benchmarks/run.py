"""The figures notifyhub is held to, as ratios measured side by side in one run.

    python tests/benchmarks/run.py [overhead|gateway|imports] [--rounds 7]

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
import importing
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


BENCHES = {"overhead": overhead, "gateway": gateway, "imports": imports}


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
