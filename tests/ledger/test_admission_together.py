"""Admission by many processes at once: no limit is exceeded, nothing is lost, nobody waits in a circle."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from notifyhub.ledger import Question, open_ledger
from notifyhub.quota import About, Limit, Quota
from tests.ledger.contract.test_admission import question
from tests.ledger.deliveries import ADDRESS

WORKERS = 8
TOGETHER = 16
"""Messages that one worker has under way."""
ASKED = 8
"""Times that each of them asks."""

HAMMER = """
import asyncio, json, random, sys
from collections import Counter
from notifyhub.ledger import Health
from notifyhub.ledger.location import open_ledger
from tests.ledger.contract.test_admission import question
from tests.ledger.deliveries import Clock, attempted, sending
from tests.ledger.test_admission_together import ABOUT_WORDS, MANY_WORDS, QUOTAS, said

async def main(url, story, together, asked):
    ledger, clock, kept, pick = open_ledger(url), Clock(), Counter(), random.Random()
    await ledger.start()
    print("ready", flush=True)
    sys.stdin.readline()

    async def ask(*quotas):
        admission = await ledger.admit(question(*quotas))
        for taken in admission.taken:
            kept[taken.quota.name] += 1
        if story == "many" and admission.taken and pick.random() < 0.3:
            await ledger.give_back(admission.taken)
            for taken in admission.taken:
                kept[taken.quota.name] -= 1

    async def say():
        words = pick.randrange(MANY_WORDS)
        quotas = pick.sample(ABOUT_WORDS, pick.randint(1, len(ABOUT_WORDS)))
        admission = await ledger.admit(said(words, *quotas))
        back = admission.taken if pick.random() < 0.3 else ()
        for taken in admission.taken:
            kept[f"{taken.quota.name} {words}"] += not back
        await ledger.give_back(back)

    async def write():
        job = sending(clock)
        await ledger.open(job)
        await ledger.record(attempted(job.delivery, job.id))

    async def one():
        for _ in range(asked):
            if story == "one":
                await ask(QUOTAS[0])
                continue
            steps = [
                ask(*pick.sample(QUOTAS, pick.randint(1, len(QUOTAS)))),
                ledger.observe([Health(name, 1, accepted=1) for name in pick.sample("abc", 2)]),
                say(),
                write(),
                ledger.renew(),
            ]
            await asyncio.gather(*pick.sample(steps, len(steps)))

    await asyncio.gather(*(one() for _ in range(together)))
    await ledger.aclose()
    print(json.dumps(kept), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


QUOTAS = [
    Quota("one by one", "", Limit(30, 86400)),
    Quota("in slots", "", Limit(300, 86400)),
    Quota("of the day", "", Limit(200, 10 * 86400, "fixed")),
    Quota("of few", "+8613800138000", Limit(11, 86400)),
    Quota("few of the day", "", Limit(20, 10 * 86400, "fixed")),
]


ABOUT_WORDS = [
    Quota("once", About.RECIPIENT_AND_WORDS, Limit(1, 86400)),
    Quota("thrice", About.RECIPIENT_AND_WORDS, Limit(3, 86400)),
    Quota("thrice a day", About.RECIPIENT_AND_WORDS, Limit(3, 10 * 86400, "fixed")),
]
MANY_WORDS = 150
"""More than a sheet takes; said to one address."""


def said(words: int, *quotas: Quota) -> Question:
    """What a message asks that says one of these."""
    return question(*quotas, recipient=ADDRESS, words=f"words {words}")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where eight processes find one ledger."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server = request.getfixturevalue("ledger_postgres")
    yield server.create("together", template="ledger")
    server.drop("together")


def hammered(url: str, story: str) -> Counter[str]:
    """What eight processes have taken together, by the names of the quotas."""
    command = [sys.executable, "-c", HAMMER, url, story, str(TOGETHER), str(ASKED)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
                )
            )
            for _ in range(WORKERS)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [worker.communicate(timeout=60)[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0] * WORKERS
    kept: Counter[str] = Counter()
    for each in told:
        kept.update(json.loads(each))
    return kept


def counted(url: str) -> dict[str, int]:
    """What the ledger says is used up of each quota."""

    async def asked() -> dict[str, int]:
        ledger = open_ledger(url)
        try:
            used = {}
            for quota in QUOTAS:
                answer = await ledger.admit(question(quota._replace(amount=0, low=1)))
                told = answer.low[0].used if answer.low else 0
                used[quota.name] = quota.limit.amount if answer.refused else told
            return used
        finally:
            await ledger.aclose()

    return asyncio.run(asked())


def left_of_words(url: str, kept: Counter[str]) -> bool:
    """Whether exactly as much is left of each quota, for all words, as was not taken."""

    async def asked() -> bool:
        ledger, right = open_ledger(url), True
        try:
            for words, quota in product(range(MANY_WORDS), ABOUT_WORDS):
                left = quota.limit.amount - kept[f"{quota.name} {words}"]
                for amount in (left + 1, left) if left else (1,):
                    admission = await ledger.admit(said(words, quota._replace(amount=amount)))
                    right &= (admission.refused is None) is (0 < amount == left)
            return right
        finally:
            await ledger.aclose()

    return asyncio.run(asked())


def test_one_quota_is_used_up_exactly(url: str) -> None:
    """Eight workers that hammer one quota are let through as often as it allows, and never once more."""
    assert hammered(url, "one") == {"one by one": 30}
    assert counted(url)["one by one"] == 30


def test_quotas_taken_in_any_order(url: str, request: pytest.FixtureRequest) -> None:
    """Eight workers that take overlapping quotas in different orders, give some back and write deliveries
    in between exceed none, lose none, and never wait for each other in a circle.
    """
    kept = hammered(url, "many")
    used = counted(url)
    assert all(kept[quota.name] <= quota.limit.amount for quota in QUOTAS)
    assert {name: kept[name] for name in used} == used
    assert all(used.values())
    assert left_of_words(url, kept)
    if url.startswith("postgres"):
        server = request.getfixturevalue("ledger_postgres")
        asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'together'"
        assert server.execute(asked) == [(0,)]
