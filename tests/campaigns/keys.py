"""One key, asked for a hundred times at once from four processes: one delivery, and one copy.

python -m tests.campaigns.keys [--rounds 5] [--ledger …] [--engine …] [--all]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
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

PROCESSES = 4
EACH = 25
ALL = (("sqlite", "embedded"), ("postgresql", "embedded"), ("postgresql", "pgqueuer"))


async def ask(config: Path, rounds: int, begin: float) -> None:
    """One process's share: in each round, at the same moment as the others, one key many times."""
    async with Hub.from_settings(config) as hub:
        for number in range(rounds):
            await asyncio.sleep(max(0.0, begin + number - time.time()))
            asked = [
                hub.enqueue(
                    text="您的订单已处理", to=mobile_of(number), category="order", key=f"key-{number}"
                )
                for _ in range(EACH)
            ]  # fmt: skip
            print(json.dumps([delivery.id for delivery in await asyncio.gather(*asked)]), flush=True)


async def campaign(stage: Stage, options: argparse.Namespace, run: Run) -> None:
    """All rounds; then everything is sent, and counted at the gateway."""
    await stage.open()
    begin = str(time.time() + 3.0)
    command = ("--ask", str(stage.config), "--begin", begin, "--rounds", str(options.rounds))
    asking = [stage.spawn("tests.campaigns.keys", *command, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    ids: list[set[str]] = [set() for _ in range(options.rounds)]
    for process in asking:
        said, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, process.last_words()
        for found, line in zip(ids, said.splitlines(), strict=True):
            found.update(json.loads(line))
    drain = stage.worker("--drain")
    assert await asyncio.to_thread(drain.wait, 60) == 0, drain.last_words()
    deliveries = await stage.deliveries()
    run.add({"keys": options.rounds, "enqueues of each, at once": PROCESSES * EACH})
    most = max(len(found) for found in ids)
    run.hold("deliveries for one key, most", str(most), most == 1)
    run.hold("deliveries", str(len(deliveries)), len(deliveries) == options.rounds)
    copies = len(journal(stage.journal))
    run.hold("copies at the gateway", str(copies), copies == options.rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the options ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ledger", choices=LEDGERS, default="sqlite")
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--all", action="store_true", help="every ledger and engine, one after the other")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.ask is not None:
        asyncio.run(ask(options.ask, options.rounds, options.begin))
        return 0
    runs = []
    for ledger, engine in ALL if options.all else [(options.ledger, options.engine)]:
        runs.append(Run(f"{ledger} {engine}"))

        async def played(folder: Path, setting: Setting, run: Run) -> None:
            async with Stage(folder, setting) as stage:
                await campaign(stage, options, run)

        with place(runs[-1].title) as folder, database(ledger, folder) as kept:
            asyncio.run(played(folder, Setting(url=kept.url, engine=engine), runs[-1]))
    return show(runs)


if __name__ == "__main__":
    sys.exit(main())
