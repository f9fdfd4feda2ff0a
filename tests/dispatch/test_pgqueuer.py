"""PgQueuer as the engine, against a real PostgreSQL server: jobs in transactions, kills, restarts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub.dispatch import DispatchContext, Dispatcher, Ticket
from notifyhub.dispatch.pgqueuer import PGQUEUER
from notifyhub.errors import LedgerUnavailable, SchemaError, SettingsError, UnsupportedOperation
from notifyhub.testing.desk import Desk
from notifyhub.testing.dispatching import DispatcherContract
from tests.dispatch.conftest import LEASE
from tests.servers.postgres import PostgresServer

asyncpg = pytest.importorskip("asyncpg")
Queries = pytest.importorskip("pgqueuer.queries").Queries


def built(url: str, lease: float = LEASE) -> Dispatcher:
    return PGQUEUER.build(DispatchContext(ledger_url=url, lease=lease))


def migrated(url: str) -> None:
    assert PGQUEUER.migrate is not None
    asyncio.run(PGQUEUER.migrate(DispatchContext(ledger_url=url, lease=LEASE)))


@pytest.fixture
def empty(server: PostgresServer, url: str) -> str:
    """The engine's database, with nothing queued."""
    server.execute("TRUNCATE notifyhub_pgqueuer", "queue")
    return url


class TestContract(DispatcherContract):
    @pytest.fixture(autouse=True)
    def _url(self, empty: str) -> None:
        self.url = empty

    def make(self) -> Dispatcher:
        return built(self.url)


# What it can be made of


@pytest.mark.parametrize("url", ["memory://", "sqlite:///notifyhub.db", "mysql://root@localhost/x"])
def test_only_on_postgresql(url: str) -> None:
    """A ledger elsewhere is refused, naming the setting and what to do."""
    with pytest.raises(SettingsError) as raised:
        built(url)
    assert raised.value.field == "dispatch.engine"
    assert "postgresql://" in str(raised.value)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PgQueuer is not installed, the error names the extra, and shows no password."""
    monkeypatch.setattr("notifyhub.dispatch.pgqueuer.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"notifyhub-core\[pgqueuer\]") as raised:
        built("postgresql://somebody:pa55word@db.internal/app")
    assert "pa55word" not in str(raised.value)


# Tables


def test_missing_tables_name_the_command(server: PostgresServer) -> None:
    """Without the tables, running and enqueuing raise SchemaError, whose remedy is the command."""
    url = server.create("bare")

    async def play() -> None:
        engine = built(url)
        with pytest.raises(SchemaError, match="notifyhub ledger migrate"):
            await engine.run(Desk(1))
        with pytest.raises(SchemaError, match="notifyhub ledger migrate"):
            await engine.enqueue([Ticket(delivery_id="a")])
        await engine.aclose()

    asyncio.run(play())


def test_migrating_twice_and_at_once_is_harmless(server: PostgresServer) -> None:
    """The tables are made once, whoever else makes them at that moment, and keep what is queued."""
    url = server.create("twice")
    context = DispatchContext(ledger_url=url, lease=LEASE)

    async def play() -> None:
        assert PGQUEUER.migrate is not None
        await asyncio.gather(PGQUEUER.migrate(context), PGQUEUER.migrate(context))
        engine = built(url)
        await engine.enqueue([Ticket(delivery_id="kept")])
        await engine.aclose()
        await PGQUEUER.migrate(context)

    asyncio.run(play())
    assert server.execute("SELECT dedupe_key FROM notifyhub_pgqueuer", "twice") == [("kept",)]


def test_many_who_enqueue_at_once_share_a_connection(server: PostgresServer) -> None:
    """Five hundred enqueues at once all arrive, and take no more connections than one after the other."""
    url = server.create("crowd")

    async def play() -> int:
        assert PGQUEUER.migrate is not None
        await PGQUEUER.migrate(DispatchContext(ledger_url=url, lease=LEASE))
        engine = built(url)
        await asyncio.gather(*(engine.enqueue([Ticket(delivery_id=str(n))]) for n in range(500)))
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'crowd'"
        ((connections,),) = await asyncio.to_thread(server.execute, sql)
        await engine.aclose()
        return int(connections)

    assert asyncio.run(play()) == 1
    assert server.execute("SELECT count(*) FROM notifyhub_pgqueuer", "crowd") == [(500,)]


def test_tables_of_another_version_are_refused(server: PostgresServer) -> None:
    """A table that lacks what the installed PgQueuer needs is told at start, and mended by migrating."""
    url = server.create("older")
    migrated(url)
    server.execute("ALTER TABLE notifyhub_pgqueuer DROP COLUMN slot", "older")

    async def play() -> None:
        engine = built(url)
        with pytest.raises(SchemaError):
            await engine.run(Desk(1))
        await engine.aclose()

    asyncio.run(play())
    migrated(url)

    async def again() -> None:
        engine, desk = built(url), Desk(1)
        desk.stopping.set()
        await engine.run(desk)
        await engine.aclose()

    asyncio.run(again())


def test_names_are_ours_whatever_the_environment_says(
    empty: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables meant for an application's own PgQueuer change nothing."""
    monkeypatch.setenv("PGQUEUER_PREFIX", "shop_")
    monkeypatch.setenv("PGQUEUER_QUEUE_TABLE", "shop_jobs")
    code = "from notifyhub.dispatch.pgqueuer import tables; print(tables._QUEUE, tables.CHANNEL)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["notifyhub_pgqueuer", "notifyhub_ch_pgqueuer"]


# Enqueuing


def test_of_two_times_the_sooner_counts(empty: str, server: PostgresServer) -> None:
    """An id that waits for later is made ready by being enqueued for now, and stays one job."""

    async def play() -> None:
        engine = built(empty)
        later = datetime.now(UTC) + timedelta(hours=1)
        await engine.enqueue([Ticket(delivery_id="a", due=later), Ticket(delivery_id="b")])
        await engine.enqueue([Ticket(delivery_id="a"), Ticket(delivery_id="b", due=later)])
        await engine.aclose()

    asyncio.run(play())
    rows = server.execute(
        "SELECT dedupe_key, execute_after <= now() FROM notifyhub_pgqueuer ORDER BY 1", "queue"
    )
    assert rows == [("a", True), ("b", True)]


def test_nothing_is_left_behind(empty: str, server: PostgresServer) -> None:
    """Jobs that were carried, at once or after they raised, leave no row: no log, no failed jobs."""

    async def play() -> None:
        engine, desk = built(empty), Desk(32)
        failed: set[str] = set()
        done = asyncio.Event()

        async def carry(delivery_id: str) -> None:
            if delivery_id in failed or delivery_id.startswith("good"):
                desk.begun.append((delivery_id, 0.0))
                if len({name for name, _ in desk.begun}) == 1000:
                    done.set()
                return
            failed.add(delivery_id)
            raise ConnectionError("away")

        desk.carry = carry  # type: ignore[method-assign]
        await engine.enqueue(
            [Ticket(delivery_id=f"{kind}-{n}") for kind in ("good", "bad") for n in range(500)]
        )
        run = asyncio.create_task(engine.run(desk))
        await asyncio.wait_for(done.wait(), 30)
        desk.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())
    left = server.execute(
        "SELECT (SELECT count(*) FROM notifyhub_pgqueuer), (SELECT count(*) FROM notifyhub_pgqueuer_log),"
        " (SELECT count(*) FROM notifyhub_pgqueuer_statistics)",
        "queue",
    )
    assert left == [(0, 0, 0)]


# In the caller's transaction


async def through_asyncpg(engine: Dispatcher, url: str, ticket: Ticket, commit: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        enqueued = engine.enqueue_in(connection, [ticket])
        assert enqueued is not None
        await enqueued
        await (transaction.commit() if commit else transaction.rollback())
    finally:
        await connection.close()


async def through_psycopg(engine: Dispatcher, url: str, ticket: Ticket, commit: bool) -> None:
    psycopg = pytest.importorskip("psycopg")

    def play() -> None:
        with psycopg.connect(url) as connection:
            assert engine.enqueue_in(connection, [ticket]) is None
            connection.commit() if commit else connection.rollback()

    await asyncio.to_thread(play)


@pytest.mark.parametrize("through", [through_asyncpg, through_psycopg])
def test_in_the_callers_transaction(empty: str, through: Callable[..., Awaitable[None]]) -> None:
    """What was rolled back never comes; what was committed comes at once, not at the next look."""

    async def play() -> None:
        # A lease so long that a worker which was not woken would look again after minutes only.
        engine, desk = built(empty, lease=6000.0), Desk(4)
        desk.ledger = {name: Ticket(delivery_id=name) for name in ("gone", "kept")}
        run = asyncio.create_task(engine.run(desk))
        await asyncio.sleep(0.5)
        await through(engine, empty, Ticket(delivery_id="gone"), False)
        await through(engine, empty, Ticket(delivery_id="kept"), True)
        await desk.see("kept")
        assert [name for name, _ in desk.begun] == ["kept"]
        desk.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())


def test_a_connection_to_sqlite_is_refused(empty: str) -> None:
    """A connection to another kind of database cannot carry a job."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(UnsupportedOperation):
        built(empty).enqueue_in(connection, [Ticket(delivery_id="a")])


# Faults


@pytest.fixture
def worker(empty: str) -> Iterator[subprocess.Popen[str]]:
    """A worker in its own process that takes a minute for each job."""
    script = Path(__file__).with_name("pgqueuer_worker.py")
    command = [sys.executable, str(script), empty, str(LEASE), "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_a_killed_workers_job_goes_to_another(empty: str, worker: subprocess.Popen[str]) -> None:
    """After kill -9 in a job another worker is given it, not before the delivery's lease ran out."""

    async def play() -> tuple[float, float]:
        engine, desk = built(empty), Desk(4)
        await desk.put(engine, Ticket(delivery_id="orphan"))
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == "orphan\n"
        run = asyncio.create_task(engine.run(desk))
        await asyncio.sleep(1.5 * LEASE)
        assert not desk.calls, "a job whose worker lives was given away"
        worker.kill()
        killed = time.time()
        await desk.see("orphan")
        desk.stopping.set()
        await run
        await engine.aclose()
        return killed, desk.begun[0][1]

    killed, begun = asyncio.run(play())
    assert begun - killed >= LEASE - 0.05
    assert begun - killed <= LEASE + 5


def test_a_killed_workers_job_can_be_enqueued_at_once(empty: str, worker: subprocess.Popen[str]) -> None:
    """The sweeper need not wait for the engine: an id whose worker died is given again when enqueued."""

    async def play() -> None:
        engine, desk = built(empty, lease=600.0), Desk(4)
        await desk.put(engine, Ticket(delivery_id="orphan"))
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == "orphan\n"
        worker.kill()
        await engine.enqueue([Ticket(delivery_id="orphan")])
        run = asyncio.create_task(engine.run(desk))
        await desk.see("orphan")
        desk.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())


def test_restarts_of_the_server(server: PostgresServer, empty: str) -> None:
    """A server that crashes again and again costs time, and no id: what is under way goes on meanwhile."""

    async def play() -> None:
        engine, desk = built(empty), Desk(4, length=0.05)
        tickets = [Ticket(delivery_id=f"r-{number:03}") for number in range(200)]
        run = asyncio.create_task(engine.run(desk))
        put = 0
        for mode in ("immediate", "fast", "immediate"):
            await desk.put(engine, *tickets[put : put + 50])
            put += 50
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.restart, mode=mode, pause=0.3)
            assert not run.done()
        await desk.put(engine, *tickets[put:])
        await desk.see(*(ticket.delivery_id for ticket in tickets))
        desk.stopping.set()
        await asyncio.wait_for(run, 10)
        await engine.aclose()

    asyncio.run(play())
    assert server.execute("SELECT count(*) FROM notifyhub_pgqueuer", "queue") == [(0,)]


def test_a_server_that_is_away(server: PostgresServer, empty: str) -> None:
    """Enqueuing raises LedgerUnavailable, and a worker can be stopped all the same."""

    async def play() -> None:
        engine, desk = built(empty), Desk(1)
        run = asyncio.create_task(engine.run(desk))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.stop)
        try:
            with pytest.raises(LedgerUnavailable):
                await engine.enqueue([Ticket(delivery_id="a")])
            desk.stopping.set()
            await asyncio.wait_for(run, 10)
        finally:
            await asyncio.to_thread(server.start)
        await engine.aclose()

    asyncio.run(play())


def test_an_answer_that_was_lost(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was picked as the connection broke is carried at once, not after a long silence."""
    dequeue, lost = Queries.dequeue, 0

    async def losing(queries: Any, *arguments: Any) -> Any:
        nonlocal lost
        jobs = await dequeue(queries, *arguments)
        if jobs and not lost:
            lost = len(jobs)
            raise ConnectionResetError
        return jobs

    monkeypatch.setattr(Queries, "dequeue", losing)

    async def play() -> None:
        engine, desk = built(empty, lease=6000.0), Desk(4)
        await desk.put(engine, *(Ticket(delivery_id=name) for name in "abc"))
        run = asyncio.create_task(engine.run(desk))
        await desk.see(*"abc")
        desk.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())
    assert lost == 3


def test_told_to_stop_while_picking(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was picked and not begun when the worker was told to stop is another worker's at once."""
    first, dequeue = Desk(4), Queries.dequeue

    async def stopping(queries: Any, *arguments: Any) -> Any:
        jobs = await dequeue(queries, *arguments)
        first.stopping.set()
        return jobs

    async def play() -> None:
        engine, desk = built(empty, lease=6000.0), Desk(4)
        await desk.put(engine, *(Ticket(delivery_id=name) for name in "abc"))
        with monkeypatch.context() as patched:
            patched.setattr(Queries, "dequeue", stopping)
            await engine.run(first)
        assert not first.calls
        run = asyncio.create_task(engine.run(desk))
        await desk.see(*"abc")
        desk.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())


def test_cancelling_the_run_cancels_what_is_in_hand(empty: str) -> None:
    """A worker that ends the run by force leaves nothing running behind, and the job to another worker."""

    async def play() -> None:
        engine, desk = built(empty), Desk(1, length=60)
        await desk.put(engine, Ticket(delivery_id="cut"))
        run = asyncio.create_task(engine.run(desk))
        await desk.see("cut")
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert desk._now == 0
        other: Any = Desk(1, ledger={"cut": Ticket(delivery_id="cut")})
        run = asyncio.create_task(engine.run(other))
        await other.see("cut")
        other.stopping.set()
        await run
        await engine.aclose()

    asyncio.run(play())
