"""The scene of `notifyhub demo` in which a worker is killed, with a ledger on disk and real processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from notifyhub.outcome import Delivery, Status
from notifyhub.simulation import Beat
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, Simulator

if TYPE_CHECKING:
    from notifyhub.hub import Hub

__all__ = ["worker_killed"]

_NUMBERS = tuple(f"1380013800{n}" for n in range(8))
_KILLED_AT = 5
"""How many orders the gateway has taken when the worker dies."""
_PATIENCE = 30.0
"""Seconds until a step that should take one or two counts as failed."""

_SETTINGS = """\
[ledger]
url = "sqlite:///notifyhub.db"
lease = 1.0

[dispatch]
concurrency = 3

[providers.sms]
type = "ihuyi"
account = "{account}"
api_key = "{api_key}"
base_url = "{base_url}"
"""


async def worker_killed(hub: type[Hub]) -> AsyncIterator[Beat]:
    """Eight orders in the queue, a worker killed with -9 in the middle, another one that takes over."""
    yield Beat("scene", "A worker is killed in the middle: nothing is lost, and no order goes out twice")
    with TemporaryDirectory() as folder:
        async with Simulator() as gateway:
            settings = Path(folder, "notifyhub.toml")
            settings.write_text(  # noqa: ASYNC240 - a few lines, before anything else runs
                _SETTINGS.format(account=DEMO_ACCOUNT, api_key=DEMO_API_KEY, base_url=gateway.base_url),
                encoding="utf-8",
            )
            for number in _NUMBERS:
                # Taken at once and answered later: whoever dies in between cannot know.
                gateway.script(number, [Behaviour.slow_answer(0.4)])
            async with hub.from_settings(settings) as notifications:
                async for beat in _story(notifications, gateway, settings):
                    yield beat


async def _story(hub: Hub, gateway: Simulator, settings: Path) -> AsyncIterator[Beat]:
    yield Beat("asked", f'hub.enqueue("order/paid", …) for {len(_NUMBERS)} orders, then `notifyhub worker`')
    queued = [
        await hub.enqueue("order/paid", to=number, data={"order_no": f"2026112210{n}", "amount": "128.00"})
        for n, number in enumerate(_NUMBERS)
    ]
    yield _check(
        f"{len(queued)} deliveries are `queued`, on disk", {one.status for one in queued} == {Status.QUEUED}
    )
    first = await _worker(settings)
    try:
        reached = await _until(lambda: len(gateway.submissions) >= _KILLED_AT)
    finally:
        first.send_signal(signal.SIGKILL)
        await first.wait()
    taken = len(gateway.submissions)
    yield Beat("answer", f"the gateway has taken {taken} orders; `kill -9` for the worker, answers under way")
    yield _check("it died of the signal", reached and first.returncode == -signal.SIGKILL)
    second = await _worker(settings, "--drain")
    await asyncio.wait_for(second.wait(), _PATIENCE)
    now = [await hub.delivery(one.id) for one in queued]
    yield Beat("decided", _counted(now))
    unknown = [one for one in now if one.status is Status.UNKNOWN]
    yield Beat("decided", unknown[0].explain() if unknown else "nothing was under way")
    yield _check(
        "none is lost: each is `accepted`, or `unknown` because the answer died with the worker",
        bool(unknown) and {one.status for one in now} == {Status.ACCEPTED, Status.UNKNOWN},
    )
    copies = Counter(submission.mobile for submission in gateway.submissions)
    yield _check(
        f"none is doubled: the gateway counts {len(copies)} orders, {max(copies.values())} copy of each",
        sorted(copies) == sorted(_NUMBERS) and set(copies.values()) == {1},
    )


async def _worker(settings: Path, *options: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "notifyhub", "worker", "--config", str(settings), *options)
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)


async def _until(condition: Callable[[], bool]) -> bool:
    for _ in range(int(_PATIENCE / 0.02)):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


def _counted(deliveries: Sequence[Delivery]) -> str:
    counts = Counter(one.status for one in deliveries)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"another worker, after the lease of the dead one ran out: {told}"


def _check(text: str, held: bool) -> Beat:
    return Beat("check", text, ok=held)
