"""What is PostgreSQL's own: many workers, restarts, a clock for all, transactions that cross."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from notifyhub.errors import LedgerUnavailable, SettingsError
from notifyhub.ledger import open_ledger
from notifyhub.ledger.postgres import PostgresStore
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sql.script import Batch, Script, Statement
from notifyhub.outcome import Status
from tests.ledger.deliveries import Clock, attempted, queued, receipt, sending
from tests.servers.postgres import MISSING, PostgresServer, available, postgres


class Now(Clock):
    """Time as it is, for what a server's clock is compared with."""

    def __init__(self) -> None:
        super().__init__(time.time())


@pytest.fixture
def database(ledger_postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database with the ledger's tables, for one test."""
    ledger_postgres.drop("own")
    yield ledger_postgres.create("own", template="ledger")
    ledger_postgres.drop("own")


@pytest.fixture(scope="module")
def crashing() -> Iterator[PostgresServer]:
    """A server that writes through to the disk, and may be stopped at any moment."""
    if not available():
        pytest.skip(MISSING)

    async def migrated(url: str) -> None:
        store = PostgresStore(url)
        await store.migrate()
        await store.aclose()

    with postgres() as server:
        asyncio.run(migrated(server.create("ledger")))
        yield server


@asynccontextmanager
async def ledgers(url: str, number: int, **options: Any) -> Any:
    """So many ledgers at one database, as so many processes would have them."""
    made = [SqlLedger(PostgresStore(url, **options)) for _ in range(number)]
    try:
        yield made
    finally:
        for ledger in made:
            await ledger.aclose()


def test_eight_workers_claim_disjoint_deliveries(database: str) -> None:
    """However many claim at once, each delivery is given to one, and nobody is given more than asked for."""

    async def story() -> None:
        clock = Now()
        async with ledgers(database, 8) as workers:
            await asyncio.gather(*(workers[0].open(queued(clock, due=-1)) for _ in range(400)))
            got: list[str] = []

            async def work(ledger: SqlLedger) -> None:
                while jobs := await ledger.claim(7):
                    assert len(jobs) <= 7
                    got.extend(job.id for job in jobs)

            await asyncio.gather(*map(work, workers))
            assert (len(got), len(set(got))) == (400, 400)

    asyncio.run(story())


def test_two_holders_of_one_delivery(database: str) -> None:
    """Who was too slow to renew is told so when another has taken the delivery over."""

    async def story() -> None:
        clock = Now()
        async with ledgers(database, 2) as (slow, quick):
            slow.lease = 0.05
            job = sending(clock)
            await slow.open(job)
            await asyncio.sleep(0.2)
            taken = await quick.take_over(1)
            assert [each.id for each in taken] == [job.id]
            with pytest.raises(LedgerUnavailable, match="another worker"):
                await slow.record(attempted(job.delivery, "slow-1"))
            kept = await quick.record(taken[0].delivery.evolve(status=Status.UNKNOWN))
            assert kept.status is Status.UNKNOWN

    asyncio.run(story())


def test_one_key_a_hundred_times_at_once(database: str) -> None:
    """A hundred openings under one key, from four processes' worth of ledgers, keep one delivery."""

    async def story() -> None:
        clock = Now()
        async with ledgers(database, 4) as four:
            opened = await asyncio.gather(
                *(four[number % 4].open(queued(clock, key="order-7")) for number in range(100))
            )
            assert len({each.id for each in opened}) == 1
            assert (await four[0].backlog()).ready == 1

    asyncio.run(story())


def test_a_server_that_restarts_loses_and_doubles_nothing(crashing: PostgresServer) -> None:
    """While the server crashes again and again, every write either is kept once or is said to have failed."""
    url = crashing.create("restarted", template="ledger")
    over = threading.Event()

    def restart() -> None:
        while not over.wait(0.3):
            crashing.restart()

    async def story() -> int:
        clock, lives = Now(), 0
        async with ledgers(url, 2, patience=30.0) as both:
            ends_at = time.monotonic() + 4

            async def live(ledger: SqlLedger) -> None:
                nonlocal lives
                while time.monotonic() < ends_at:
                    job = sending(clock)
                    opened = await ledger.open(job)
                    assert opened.id == job.id
                    kept = await ledger.record(attempted(opened, f"v-{job.id}"))
                    assert kept.status is Status.ACCEPTED
                    lives += 1

            await asyncio.gather(*(live(both[number % 2]) for number in range(16)))
        return lives

    restarter = threading.Thread(target=restart)
    restarter.start()
    try:
        lives = asyncio.run(story())
    finally:
        over.set()
        restarter.join()
    rows = crashing.execute(
        "SELECT status, count(*), min(length(history)), max(length(history)) FROM notifyhub_deliveries"
        " GROUP BY status",
        "restarted",
    )
    # As many as there were, all ended; and no history twice as long because its write was repeated.
    ((status, number, shortest, longest),) = rows
    assert (status, number) == ("accepted", lives)
    assert longest - shortest < 10
    assert lives > 0


def test_a_server_that_stays_away_is_said_to_be_away(crashing: PostgresServer) -> None:
    """After the patience that was set a write fails as LedgerUnavailable; once it is back they work again."""
    url = crashing.create("away", template="ledger")

    async def story() -> None:
        clock = Now()
        async with ledgers(url, 1, patience=0.3) as (ledger,):
            await ledger.open(queued(clock))
            await asyncio.to_thread(crashing.stop)
            try:
                with pytest.raises(LedgerUnavailable):
                    await ledger.open(queued(clock))
                with pytest.raises(LedgerUnavailable):
                    await ledger.backlog()
            finally:
                await asyncio.to_thread(crashing.start)
            await ledger.open(queued(clock))
            assert (await ledger.backlog()).ready == 2

    asyncio.run(story())


def test_the_servers_clock_is_everybodys(database: str) -> None:
    """A machine whose clock is an hour late goes by the server's all the same."""

    async def story() -> None:
        store = PostgresStore(database, clock=lambda: time.time() - 3600)
        try:
            assert abs(store.now() / 1e6 - time.time()) > 3500
            await store.start()
            assert abs(store.now() / 1e6 - time.time()) < 5
        finally:
            await store.aclose()

    asyncio.run(story())


def test_a_receipt_and_its_record_never_miss_each_other(database: str) -> None:
    """A receipt that comes in the very moment in which its submission is recorded is always joined."""

    async def story() -> None:
        clock = Now()
        async with ledgers(database, 3) as (sender, other, pushes):
            for number in range(60):
                jobs = [sending(clock) for _ in range(6)]
                await asyncio.gather(*(sender.open(job) for job in jobs[:3]))
                await asyncio.gather(*(other.open(job) for job in jobs[3:]))
                ids = [f"v-{number}-{place}" for place in range(6)]
                await asyncio.gather(
                    *(
                        (sender if place < 3 else other).record(attempted(job.delivery, ids[place]))
                        for place, job in enumerate(jobs)
                    ),
                    *(
                        (pushes if place % 2 else sender).receive(receipt(vendor_id))
                        for place, vendor_id in enumerate(ids)
                    ),
                )
                for job in jobs:
                    kept = await sender.get(job.id)
                    assert kept is not None
                    assert kept.status is Status.DELIVERED, f"round {number}"
        assert len(jobs) == 6

    asyncio.run(story())


def test_crossing_transactions_of_receipt_and_record(database: str) -> None:
    """With the record written but not committed yet, a receipt waits for it and is not parked unseen."""

    async def story() -> None:
        import asyncpg

        clock = Now()
        async with ledgers(database, 2) as (sender, pushes):
            job = sending(clock)
            await sender.open(job)
            blocker = await asyncpg.connect(database)
            held = blocker.transaction()
            await held.start()
            # What the record looks for last, so that its transaction stays open.
            await blocker.execute("LOCK TABLE notifyhub_parked IN ACCESS EXCLUSIVE MODE")
            recording = asyncio.create_task(sender.record(attempted(job.delivery, "v-1")))
            await asyncio.sleep(0.2)
            receiving = asyncio.create_task(pushes.receive(receipt("v-1")))
            await asyncio.sleep(0.2)
            await held.rollback()
            await blocker.close()
            await recording
            delivery, news = await receiving
            assert news
            assert delivery is not None
            assert delivery.status is Status.DELIVERED

    asyncio.run(story())


def test_one_faulty_operation_does_not_spoil_the_others(database: str) -> None:
    """What the database refuses fails alone, though it was to be committed together with others."""

    def work(operations: Any) -> Script[Any]:
        yield Batch("INSERT INTO notifyhub_meta (name, value) VALUES (?, ?)", list(operations))
        return [None] * len(operations)

    async def story() -> None:
        store = PostgresStore(database)
        try:
            rows = [("a", "1"), ("schema", "2"), ("b", "3")]  # `schema` is there already
            answers = await asyncio.gather(*(store.write(work, row) for row in rows), return_exceptions=True)
            assert [type(each) for each in answers] == [type(None), LedgerUnavailable, type(None)]
            assert "schema" not in str(answers[1])
        finally:
            await store.aclose()

    asyncio.run(story())


def test_a_lock_that_somebody_holds_keeps_nobody_else_waiting(database: str) -> None:
    """An opening whose key an application holds uncommitted waits for it, and the others go past."""

    async def story() -> None:
        import asyncpg

        clock = Now()
        async with ledgers(database, 1) as (ledger,):
            await ledger.start()
            application = await asyncpg.connect(database)
            transaction = application.transaction()
            await transaction.start()
            first = queued(clock, key="held")
            await ledger.open_in(application, first)
            waiting = asyncio.create_task(ledger.open(queued(clock, key="held")))
            others = [asyncio.create_task(ledger.open(queued(clock))) for _ in range(20)]
            await asyncio.wait_for(asyncio.gather(*others), 20)
            assert not waiting.done()
            await transaction.commit()
            assert (await waiting).id == first.id
            await application.close()

    asyncio.run(story())


def test_what_another_has_queued_is_noticed(database: str) -> None:
    """`changed` returns soon after another process has queued something, and not before."""

    async def story() -> None:
        clock = Now()
        async with ledgers(database, 2) as (worker, application):
            await worker.start()
            began = time.monotonic()
            await worker.changed(0.3)
            assert time.monotonic() - began >= 0.29
            noticing = asyncio.create_task(worker.changed(30))
            await application.open(queued(clock, due=-1))
            await asyncio.wait_for(noticing, 10)

    asyncio.run(story())


def test_one_ledger_in_one_event_loop_after_the_other(database: str) -> None:
    """A loop that ends without closing the ledger leaves no connection behind, and the next loop goes on."""
    clock, ledger = Now(), SqlLedger(PostgresStore(database))

    async def story(number: int) -> None:
        await ledger.open(queued(clock))
        assert (await ledger.backlog()).ready == number

    for number in (1, 2, 3):
        asyncio.run(story(number))

    async def count() -> int:
        rows = await ledger._store.read(_connections())
        await ledger.aclose()
        return int(rows)

    for _ in range(50):  # the server notices a little later
        if asyncio.run(count()) <= 2:
            return
        time.sleep(0.05)
    pytest.fail("connections of former loops are still there")


def test_settings_that_cannot_work_are_said(ledger_postgres: PostgresServer) -> None:
    """A database that is not there is an error of the settings, which never shows the URL."""
    url = ledger_postgres.url("no_such_database").replace("postgres:@", "postgres:hush@")

    async def story() -> None:
        ledger = open_ledger(url)
        try:
            with pytest.raises(SettingsError, match=r"^ledger\.url: ") as caught:
                await ledger.start()
            assert "hush" not in f"{caught.value!r} {ledger!r} {PostgresStore(url)!r}"
        finally:
            await ledger.aclose()

    asyncio.run(story())


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asyncpg the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)
    with pytest.raises(SettingsError, match=r"notifyhub-core\[postgres\]"):
        open_ledger("postgresql://postgres@localhost/app")


def _connections() -> Script[int]:
    rows = yield Statement(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'notifyhub'"
    )
    number: int = rows[0][0]
    return number
