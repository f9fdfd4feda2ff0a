"""Digests: notifications of one notice to one recipient wait for each other and become one message."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Hub, NotificationError, Outcome, Reason, Status
from notifyhub.errors import SettingsError, TemplateError
from notifyhub.ledger import Ledger, MemoryLedger, Query
from notifyhub.policy import ALLOW, Decision, Defer
from notifyhub.testing import RecordingProvider
from tests.digests import FILES, NUMBER, OTHER, notices, sqlite, tables, texts

Story = Callable[[Hub, RecordingProvider], Coroutine[Any, Any, None]]


def play(
    story: Story, folder: Path, ledger: Ledger | None = None, settings: Any = None, **options: Any
) -> RecordingProvider:
    """A story with a hub that digests `disk`, on SQLite unless it says otherwise; what was sent."""
    vendor = RecordingProvider("vendor")
    options.setdefault(
        "templates", [folder / "notices"] if (folder / "notices").exists() else [notices(folder)]
    )

    async def run() -> None:
        async with Hub(
            settings or tables(), providers={"vendor": vendor}, ledger=ledger or sqlite(folder), **options
        ) as hub:
            await story(hub, vendor)

    asyncio.run(asyncio.wait_for(run(), 60))
    return vendor


async def drained(hub: Hub) -> None:
    """Work until nothing is due, once the window is over."""
    await asyncio.sleep(0.25)
    await hub.run_worker(drain=True)


def test_several_become_one(tmp_path: Path) -> None:
    """Those to one number are one message, by the digest's words; to another it is another one."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        several = [await hub.enqueue("disk", to=NUMBER, data={"host": f"db-{n}"}) for n in range(3)]
        single = await hub.send("disk", to=OTHER, data={"host": "web"})
        assert {each.status for each in [*several, single]} == {Status.QUEUED}
        assert several[0].due is not None
        assert vendor.messages == ()
        await drained(hub)
        leader, *merged = [await hub.delivery(each.id) for each in several]
        assert (await hub.delivery(single.id)).status is Status.ACCEPTED
        assert leader.status is Status.ACCEPTED
        assert "digest: 3 notifications as one message" in leader.explain()
        for each in merged:
            assert each.status is Status.MERGED
            assert f"its words go out in {leader.id}" in each.explain()

    vendor = play(story, tmp_path)
    assert sorted(texts(vendor)) == ["3: db-0 db-1 db-2", "web is full"]
    digest = next(message for message in vendor.messages if message.to == NUMBER)
    assert dict(digest.variables) == {"count": "3"}


def test_as_few_messages_as_can_be(tmp_path: Path) -> None:
    """Seven with at most three in one are three messages."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        for number in range(7):
            await hub.enqueue("disk", to=NUMBER, data={"host": str(number)})
        await drained(hub)

    vendor = play(story, tmp_path, settings=tables(most=3))
    assert sorted(texts(vendor)) == ["3: 0 1 2", "3: 3 4 5", "6 is full"]


def test_in_memory(tmp_path: Path) -> None:
    """Without a worker in the process `send` sends at once and says why; with one it waits."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        alone = await hub.send("disk", to=NUMBER, data={"host": "a"})
        assert alone.status is Status.ACCEPTED
        assert "the ledger is in memory and no worker runs here" in alone.explain()
        worker = hub.worker()
        for host in "bc":
            waits = await hub.send("disk", to=NUMBER, data={"host": host})
            assert waits.status is Status.QUEUED
        await asyncio.sleep(0.25)
        await worker.run(drain=True)

    vendor = play(story, tmp_path, ledger=MemoryLedger())
    assert texts(vendor) == ["a is full", "2: b c"]


def test_only_what_may_wait(tmp_path: Path) -> None:
    """A notice of another category is refused by name; a category chosen by the caller is the caller's."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        with pytest.raises(SettingsError, match="order never waits"):
            await hub.enqueue("disk", to=NUMBER, data={"host": "a"})
        with pytest.raises(NotificationError, match="alert never waits"):
            await hub.enqueue("disk", to=NUMBER, data={"host": "a"}, category="alert")

    play(story, tmp_path, templates=[notices(tmp_path, "order")])


def test_without_words_for_it(tmp_path: Path) -> None:
    """A notice that has none is told of where it is asked for, and so is what two tables are for."""
    bare = {"sms.zh.j2": FILES["sms.zh.j2"]}

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        with pytest.raises(TemplateError, match=r"add digest\.sms\.zh\.j2"):
            await hub.enqueue("disk", to=NUMBER, data={"host": "a"})

    play(story, tmp_path, templates=[notices(tmp_path, files=bare)])
    twice = {"policies": {"digests": tables()["policies"]["digests"] * 2}}
    with pytest.raises(SettingsError, match="two tables"):
        Hub(twice)


def test_what_expires_before_is_not_kept_waiting(tmp_path: Path) -> None:
    """It goes at once, by its ordinary words."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=30)
        sent = await hub.send("disk", to=NUMBER, data={"host": "a"}, expires_at=soon)
        assert sent.status is Status.ACCEPTED

    play(story, tmp_path, settings=tables(window=60))


def test_cancelled_and_asked_twice(tmp_path: Path) -> None:
    """A member can be cancelled by its key while it waits; the same key asked again is the same delivery."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        first = await hub.enqueue("disk", to=NUMBER, data={"host": "a"}, key="k")
        assert (await hub.enqueue("disk", to=NUMBER, data={"host": "a"}, key="k")).id == first.id
        await hub.enqueue("disk", to=NUMBER, data={"host": "b"}, key="l")
        await hub.cancel(key="l")
        await drained(hub)

    assert texts(play(story, tmp_path)) == ["a is full"]


def test_deferred_by_a_policy(tmp_path: Path) -> None:
    """What a policy puts off waits as one; those that come meanwhile go out in the same message."""

    class Later:
        name = "later"
        until = datetime.now(UTC) + timedelta(seconds=1.2)

        async def decide(self, message: Any) -> Decision:
            return ALLOW if datetime.now(UTC) >= self.until else Defer(self.until, "not yet")

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        for host in "ab":
            await hub.enqueue("disk", to=NUMBER, data={"host": host})
        await drained(hub)
        assert vendor.messages == ()
        for host in "cd":
            await hub.enqueue("disk", to=NUMBER, data={"host": host})
        await drained(hub)
        assert vendor.messages == ()
        await asyncio.sleep(1)
        await hub.run_worker(drain=True)

    assert texts(play(story, tmp_path, policies=[Later()])) == ["4: a b c d"]


def test_a_resend_says_all_of_it(tmp_path: Path) -> None:
    """A digest that may not have gone is sent again whole where an operator says so."""

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        vendor.will_answer(Outcome.unknown(Reason.TIMEOUT))
        several = [await hub.enqueue("disk", to=NUMBER, data={"host": h}, category="marketing") for h in "ab"]
        await drained(hub)
        await hub.resolve(several[0].id, "resend", why="not in the vendor's list")
        await hub.run_worker(drain=True)

    assert texts(play(story, tmp_path)) == ["2: a b", "2: a b"]


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from notifyhub import Hub
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.testing import RecordingProvider
from tests.digests import NUMBER, sqlite, tables

gather = SqlLedger.gather

async def killed(self, job, most):
    gathered = await gather(self, job, most)
    if sys.argv[2] == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return gathered

SqlLedger.gather = killed

class Deadly(RecordingProvider):
    async def send(self, message):
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    folder = Path(sys.argv[1])
    hub = Hub(tables(), providers={"vendor": Deadly("vendor")}, ledger=sqlite(folder, 1.0),
              templates=[folder / "notices"])
    async with hub:
        for host in "abc":
            await hub.enqueue("disk", to=NUMBER, data={"host": host}, category=sys.argv[3])
        await asyncio.sleep(0.25)
        await hub.run_worker(drain=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("where", "category", "said", "statuses"),
    [
        ("after", "ops", ["3: a b c"], {Status.ACCEPTED, Status.MERGED}),
        ("sending", "ops", ["3: a b c"], {Status.ACCEPTED, Status.MERGED}),
        ("sending", "marketing", [], {Status.UNKNOWN, Status.MERGED}),
    ],
)
def test_killed(tmp_path: Path, where: str, category: str, said: list[str], statuses: set[Status]) -> None:
    """Killed between gathering and sending, or in sending: whoever comes next says all of it, or holds."""
    notices(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), where, category],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr

    async def story(hub: Hub, vendor: RecordingProvider) -> None:
        await asyncio.sleep(1.1)
        await hub.run_worker(drain=True)
        backlog = await hub.ledger.backlog()
        assert (backlog.ready, backlog.later, backlog.sending) == (0, 0, 0)
        found = await hub.ledger.search(Query())
        assert len(found) == 3
        assert {each.status for each in found} == statuses

    assert texts(play(story, tmp_path, ledger=sqlite(tmp_path, 1.0))) == said
