"""Forge: lives that end by SIGKILL at a labelled point, and the process that finds what they left.

    python -m tests.campaigns.forge FOLDER < cases

Cases are a JSON list of `{"way", "point", "category"}`; the answer is one of what each came to. Each case
has a ledger of its own (SQLite) and two processes, forked from this one, which is warm; all share one
gateway. Nothing in notifyhub knows of this: the ledger and the provider are wrapped from outside.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from notifyhub.hub import Hub
from notifyhub.ledger import Ledger, Query
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from notifyhub.plugins import Plugins
from notifyhub.policies import SuppressionList
from notifyhub_ihuyi.provider import IhuyiProvider
from tests.campaigns import bulk
from tests.campaigns.gateway import ACCOUNTS, UNANSWERED
from tests.campaigns.points import HANGS_UP, Point, Trap, Way, traps

LEASE = 5.0
AT_A_TIME = 16
WARM = 9999
"""The number of the life that warms this process up."""
PATIENCE = 30.0
"""Seconds after which a process of a case is taken to hang."""


@dataclass(slots=True)
class Case:
    """One life. number: tells it from the others."""

    number: int
    way: Way
    point: Point
    category: str
    folder: Path
    gateway: str
    deaths: int = 0

    @property
    def mobile(self) -> str:
        """Whom the message is for."""
        return f"{UNANSWERED if self.point in HANGS_UP else '1390000'}{self.number:04d}"

    @property
    def ends(self) -> tuple[Trap, ...]:
        """Where its processes end."""
        return traps(self.way, self.point)

    @property
    def found(self) -> Path:
        """Where the last process writes what it found."""
        return self.folder / f"{self.number}.json"

    def hub(self, trap: Trap | None) -> Hub:
        """A hub of one process; it dies where the trap is."""
        tables = {
            f"{kind}_{name}": {
                "type": type_, "account": account, "api_key": key, "base_url": self.gateway, "timeout": 5.0,
            }
            for kind, type_ in (("sms", "ihuyi"), ("bulk", "bulk"))
            for name, (account, key) in zip("ab", ACCOUNTS.items(), strict=True)
        }  # fmt: skip
        routes = [
            {"category": "marketing", "providers": ["bulk_a", "bulk_b"]},
            {"providers": ["sms_a", "sms_b"]},
        ]
        plugins = Plugins()
        plugins.register(bulk, "bulk")
        # Time passes between two processes, so that each finds the leases of those before it run out.
        later = self.deaths * (LEASE + 1.0)
        store = SqliteStore(self.folder / f"{self.number}.db", clock=lambda: time.time() + later)
        ledger: Ledger = SqlLedger(store, Sealer(), lease=LEASE)
        if trap is not None and trap.method != "post":
            ledger = Trapped(ledger, trap)
        if trap is not None and trap.method == "post":
            setattr(IhuyiProvider, "send", trapped(IhuyiProvider.send, trap))  # noqa: B010
        asked = [SuppressionList(["13800000000"])] if self.way is Way.ASKING else []
        settings = {
            "providers": tables, "routes": routes, "ledger": {"lease": LEASE}, "dispatch": {"concurrency": 1},
        }  # fmt: skip
        return Hub(settings, plugins=plugins, ledger=ledger, policies=asked)


def trapped(method: Callable[..., Awaitable[Any]], trap: Trap) -> Callable[..., Awaitable[Any]]:
    """The method, and the end of the process at its trap. Returning nothing does not count as a return."""
    times = 0

    async def call(*arguments: Any, **options: Any) -> Any:
        nonlocal times
        times += trap.entry
        if trap.entry and times == trap.time:
            die()
        answer = await method(*arguments, **options)
        times += not trap.entry and answer != []
        if not trap.entry and times == trap.time:
            die()
        return answer

    return call


class Trapped:
    """A ledger with a trap in one of its methods."""

    def __init__(self, ledger: Ledger, trap: Trap) -> None:
        self._ledger = ledger
        self._trap = trap
        self._method = trapped(getattr(ledger, trap.method), trap)

    def __getattr__(self, name: str) -> Any:
        return self._method if name == self._trap.method else getattr(self._ledger, name)


def die() -> NoReturn:
    """Nothing runs after this: no `finally`, no buffer is flushed, no connection closed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("outlived SIGKILL")


async def live(case: Case) -> None:
    """The life that ends at the first trap."""
    async with case.hub(case.ends[0]) as hub:
        arguments: dict[str, Any] = {
            "text": f"您的订单{case.number}已处理",
            "to": case.mobile,
            "category": case.category,
        }
        if case.way is Way.SEND:
            await hub.send(**arguments)
            return
        await hub.enqueue(**arguments)
        await hub.run_worker(drain=True)


async def recover(case: Case) -> None:
    """What is done with what it left; written down unless there is another trap."""
    last = case.deaths == len(case.ends)
    async with case.hub(None if last else case.ends[case.deaths]) as hub:
        await hub.run_worker(drain=True)
        kept = await hub.ledger.search(Query())
    found = [
        {
            "status": delivery.status,
            "attempts": [f"{each.provider[-1]} {each.outcome.kind}" for each in delivery.attempts],
            "explained": delivery.explain(),
        }
        for delivery in kept
    ]
    case.found.write_text(json.dumps(found))


def forked(task: Coroutine[Any, Any, None], said: Path) -> int:
    """Run a coroutine in a fork of this process; its id."""
    child = os.fork()
    if child:
        task.close()
        return child
    try:
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.alarm(int(PATIENCE))
        asyncio.run(task)
    except BaseException:  # noqa: BLE001 - the child must never become a second parent
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def warm_up(folder: Path, gateway: str) -> None:
    """One whole life in this process, so that none of those forked from it has to import anything."""
    (folder / "warm").mkdir()
    asyncio.run(whole(Case(WARM, Way.WORKER, Point.RECORDED, "ops", folder / "warm", gateway)))
    gc.freeze()


async def whole(case: Case) -> None:
    """A life without a trap."""
    async with case.hub(None) as hub:
        await hub.enqueue(text="暖机", to=case.mobile, category=case.category)
        await hub.run_worker(drain=True)


def lived(cases: Sequence[Case]) -> dict[int, str]:
    """Run all cases, some at a time; what went otherwise than planned, by number."""
    wrong: dict[int, str] = {}
    waiting = list(cases)
    running: dict[int, Case] = {}
    while waiting or running:
        while waiting and len(running) < AT_A_TIME:
            case = waiting.pop(0)
            begins = live if case.deaths == 0 else recover
            running[forked(begins(case), case.folder / f"{case.number}.log")] = case
        child, status = os.waitpid(-1, 0)
        case = running.pop(child)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            case.deaths += 1
            waiting.insert(0, case)
        elif case.deaths < len(case.ends) or status:
            wrong[case.number] = f"process {case.deaths + 1} ended by itself with {status}"
    return wrong


def main() -> None:
    """Read the cases, run them, print what they came to."""
    folder = Path(sys.argv[1])
    journal = folder / "journal.jsonl"
    gateway = subprocess.Popen(
        [sys.executable, "-m", "tests.campaigns.gateway", "--journal", str(journal)], stdout=subprocess.PIPE
    )
    try:
        assert gateway.stdout is not None
        address = gateway.stdout.readline().decode().strip()
        cases = [
            Case(number, Way(each["way"]), Point(each["point"]), each["category"], folder, address)
            for number, each in enumerate(json.load(sys.stdin))
        ]
        warm_up(folder, address)
        wrong = lived(cases)
    finally:
        gateway.kill()
        gateway.communicate()
    copies = [json.loads(line)["mobile"] for line in journal.read_text().splitlines()]
    json.dump([told(case, wrong, copies) for case in cases], sys.stdout)


def told(case: Case, wrong: Mapping[int, str], copies: Sequence[str]) -> dict[str, Any]:
    """What one case came to."""
    return {
        "wrong": wrong.get(case.number),
        "found": json.loads(case.found.read_text()) if case.found.exists() else None,
        "copies": copies.count(case.mobile),
        "log": (case.folder / f"{case.number}.log").read_text(errors="replace")[-2000:],
    }


if __name__ == "__main__":
    main()
