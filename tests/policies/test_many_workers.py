"""Eight worker processes on one ledger: no limit, no budget and no vendor's cap is ever exceeded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifyhub import Hub
from notifyhub.outcome import Status
from notifyhub.settings import load_settings
from tests.policies.messages import Vendor
from tests.servers.postgres import MISSING, available, postgres

ROOT = Path(__file__).parents[2]
WORKERS = 8
SETTINGS = """
[ledger]
url = "{url}"

[policies]
deduplicate = {{ window = 3600 }}

[[policies.limits]]
limit = "5/day"
over = "suppress"

[[policies.limits]]
name = "account a"
provider = "a"
per = []
limit = "40/day"

[[policies.budgets]]
amount = 101
unit = "parts"
over = "suppress"
"""
PEOPLE, EACH = 15, 12
"""15 people at 5 messages are 75, of which the budget of 101 parts lets 50 through, and `a` carries 40."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    if not available():
        pytest.skip(MISSING)
    with postgres(fsync=False) as server:
        yield server.create("policies")


async def enqueued(settings: Path) -> None:
    """A crowd of messages, each of them asked for twice."""
    providers = {name: Vendor(name) for name in ("a", "b")}
    async with Hub(load_settings(settings), providers=providers) as hub:
        for number in range(EACH):
            for person in range(PEOPLE):
                for _ in range(2):
                    await hub.enqueue(text=f"text{number}", to=f"138001380{person:02}", category="order")


def drained(settings: Path, journal: Path) -> None:
    """By eight processes at the same time."""
    command = [sys.executable, "-W", "error", "-m", "tests.policies.drain", str(settings), str(journal)]
    workers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    for worker in workers:
        _, told = worker.communicate(timeout=120)
        assert worker.returncode == 0, told


async def counted(settings: Path) -> Counter[Status]:
    """What became of them all."""
    from notifyhub.ledger import Query

    async with Hub(load_settings(settings), providers={"a": Vendor("a"), "b": Vendor("b")}) as hub:
        found = await hub.ledger.search(Query(limit=10_000))
    return Counter(delivery.status for delivery in found)


def test_nothing_is_exceeded(url: str, tmp_path: Path) -> None:
    """What is sent is exactly what every limit and the budget allow, and nothing is lost on the way."""
    settings, journal = tmp_path / "notifyhub.toml", tmp_path / "journal"
    settings.write_text(SETTINGS.format(url=url))
    if url.startswith("postgresql"):
        migrate = [sys.executable, "-m", "notifyhub", "ledger", "migrate", "--config", str(settings)]
        subprocess.run(migrate, check=True, cwd=ROOT, capture_output=True)
    asyncio.run(enqueued(settings))
    drained(settings, journal)

    sent = [line.split(" ", 3) for line in journal.read_text().splitlines()]
    by_person = Counter(to for _, _, to, _ in sent)
    by_instance = Counter(instance for _, instance, _, _ in sent)
    assert max(by_person.values()) <= 5
    assert max(Counter((to, text) for _, _, to, text in sent).values()) == 1
    assert by_instance == {"a": 40, "b": 10}
    assert len(sent) == 50
    statuses = asyncio.run(counted(settings))
    assert statuses == {Status.ACCEPTED: 50, Status.SUPPRESSED: 2 * PEOPLE * EACH - 50}
