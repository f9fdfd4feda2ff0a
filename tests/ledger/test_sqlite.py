"""SqliteStore: what is its own beside the contract: files, processes, disks, the write-ahead log."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost, LedgerUnavailable, SchemaError, SettingsError
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from notifyhub.ledger.sqlite.file import check_place
from notifyhub.outcome import Attempt, Status
from tests.ledger.deliveries import Clock, attempted, queued, receipt, sending

Story = Callable[[SqlLedger], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def told(path: Path, story: Story, **options: object) -> None:
    """Run a story on an event loop of its own, with a ledger that is closed in the end."""

    async def run() -> None:
        ledger = SqlLedger(SqliteStore(path, **options))  # type: ignore[arg-type]
        try:
            await story(ledger)
        finally:
            await ledger.aclose()

    asyncio.run(run())


@contextmanager
def foreign(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the file, which has executed these."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        yield connection


def bytes_of(path: Path) -> bytes:
    """All that lies on the disk of a database: the file, and its write-ahead log."""
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def ledger_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("notifyhub-ledger")]


def test_made_where_there_is_none(path: Path) -> None:
    """A file that does not exist is made with its tables, for its owner's eyes only."""

    async def story(ledger: SqlLedger) -> None:
        await ledger.start()

    told(path, story)
    assert path.stat().st_mode & 0o777 == 0o600
    with foreign(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM notifyhub_deliveries").fetchone() == (0,)


def test_two_make_it_at_once(path: Path) -> None:
    """Two programs that start on no file at the same moment end up on one ledger."""

    async def both() -> None:
        ledgers = [SqlLedger(SqliteStore(path)) for _ in range(4)]
        await asyncio.gather(*(ledger.start() for ledger in ledgers))
        job = queued(Clock(), key="one")
        opened = await asyncio.gather(*(ledger.open(job) for ledger in ledgers))
        assert {delivery.id for delivery in opened} == {job.id}
        for ledger in ledgers:
            await ledger.aclose()

    asyncio.run(both())


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["CREATE TABLE orders (id INTEGER)"], "notifyhub ledger migrate"),
        (
            ["CREATE TABLE notifyhub_meta (name TEXT, value TEXT)",
             "INSERT INTO notifyhub_meta VALUES ('schema', '999')"],
            "upgrade notifyhub",
        ),
        (
            ["CREATE TABLE notifyhub_meta (name TEXT, value TEXT)",
             "INSERT INTO notifyhub_meta VALUES ('schema', '0')"],
            "notifyhub ledger migrate",
        ),
    ],
    ids=["other tables", "newer", "older"],
)  # fmt: skip
def test_tables_that_do_not_fit(path: Path, statements: list[str], says: str) -> None:
    """A database with other tables only, an older or a newer schema is refused, and is left as it was."""
    with foreign(path, *statements):
        pass

    async def story(ledger: SqlLedger) -> None:
        for _ in range(2):
            with pytest.raises(SchemaError, match=says):
                await ledger.start()

    told(path, story)
    with foreign(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_no_database(path: Path) -> None:
    """A file that is no SQLite database is refused by name."""
    path.write_bytes(b"The quick brown fox jumps over the lazy dog. " * 100)

    async def story(ledger: SqlLedger) -> None:
        with pytest.raises(SchemaError, match=r"ledger\.db.*not a SQLite database"):
            await ledger.start()

    told(path, story)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist is an error that says what to create; once it is there, it works."""
    path = tmp_path / "missing" / "ledger.db"

    async def story(ledger: SqlLedger) -> None:
        with pytest.raises(LedgerUnavailable, match="create its folder"):
            await ledger.start()
        path.parent.mkdir()
        await ledger.start()

    told(path, story)


MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 21 0:44 / {mount} rw,relatime shared:20 - {kind} server:/share rw
"""


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "9p", "fuse.sshfs"])
def test_network_file_system(tmp_path: Path, kind: str) -> None:
    """A file on a network file system is refused with what to do instead; the disk beside it is not."""
    share = tmp_path / "my share"
    share.mkdir()
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(mount=str(share.resolve()).replace(" ", "\\040"), kind=kind))
    with pytest.raises(SettingsError, match=rf"network file system \({kind}\).*local disk"):
        check_place(share / "ledger.db", table)
    check_place(tmp_path / "ledger.db", table)
    check_place(share / "ledger.db", tmp_path / "no such table")


def test_claims_of_two_are_disjoint(path: Path) -> None:
    """Two workers on one file never take up the same delivery, and together they take up all."""

    async def both() -> None:
        clock = Clock()
        one, two = (SqlLedger(SqliteStore(path, clock=clock)) for _ in range(2))
        jobs = [queued(clock) for _ in range(60)]
        await asyncio.gather(*(one.open(job) for job in jobs))
        claims = await asyncio.gather(*(ledger.claim(7) for ledger in (one, two) * 5))
        taken = [job.id for claim in claims for job in claim]
        assert len(taken) == 60
        assert set(taken) == {job.id for job in jobs}
        await one.aclose()
        await two.aclose()

    asyncio.run(both())


def test_fence(path: Path) -> None:
    """A worker that was silent for too long changes no state any more; what it saw is kept, and its
    vendor's id still leads to the delivery.
    """

    async def both() -> None:
        clock = Clock()
        slow, quick = (SqlLedger(SqliteStore(path, clock=clock)) for _ in range(2))
        job = sending(clock)
        await slow.open(job)
        clock.turn(31)
        (taken,) = await quick.take_over(5)
        ours = attempted(taken.delivery, None, status=Status.UNKNOWN)
        await quick.record(ours)
        for _ in range(2):  # the second time says no more than the first
            with pytest.raises(LeaseLost):
                await slow.record(attempted(job.delivery, "77"))
        kept = await quick.get(job.id)
        assert kept is not None
        assert kept.status is Status.UNKNOWN
        late = [s for s in kept.steps if isinstance(s, Attempt) and s.outcome.provider_message_id == "77"]
        assert len(late) == 1
        after, news = await quick.receive(receipt("77"))
        assert news
        assert after is not None
        assert after.status is Status.DELIVERED
        await slow.aclose()
        await quick.aclose()

    asyncio.run(both())


def test_claim_whose_answer_was_lost(path: Path) -> None:
    """What was claimed for a task that was cancelled meanwhile is given out again at once, not after the
    lease, and nobody takes it for something that may have been sent.
    """

    async def story(ledger: SqlLedger) -> None:
        job = queued(Clock(time.time()))
        await ledger.open(job)
        claiming = asyncio.create_task(ledger.claim(1, submitting=True))
        await asyncio.sleep(0)
        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming
        (again,) = await ledger.claim(1, submitting=True)
        assert (again.id, again.claims) == (job.id, 1)

    told(path, story)


KILLED = """
import asyncio, sys
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from tests.ledger.deliveries import Clock, queued, sending

async def main():
    ledger = SqlLedger(SqliteStore(sys.argv[1]))
    clock = Clock()
    for make in (queued, sending):
        print((await ledger.open(make(clock))).id, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_killed_after_open(path: Path) -> None:
    """What `open` returned from is found by the next process, though this one was killed right after."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with process:
        assert process.stdout is not None
        names = [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGKILL)

    async def story(ledger: SqlLedger) -> None:
        kept = [await ledger.get(name) for name in names]
        assert [k and k.status for k in kept] == [Status.QUEUED, Status.SENDING]
        assert [job.id for job in await ledger.take_over(5)] == names[1:]

    told(path, story, clock=Clock(time.time() + 31))


def test_locked_for_a_while(path: Path) -> None:
    """Another program that holds the file for three seconds only delays."""

    async def story(ledger: SqlLedger) -> None:
        await ledger.start()
        with foreign(path, "BEGIN IMMEDIATE") as connection:
            opening = asyncio.create_task(ledger.open(queued(Clock())))
            assert not (await asyncio.wait([opening], timeout=3))[0]
            connection.execute("ROLLBACK")
            assert (await opening).status is Status.QUEUED

    told(path, story)


def test_locked_for_too_long(path: Path) -> None:
    """Another program that does not let go is named as the cause to everybody waiting; nothing is kept by
    halves, and it all works once the lock is gone.
    """

    async def story(ledger: SqlLedger) -> None:
        await ledger.start()
        jobs = [queued(Clock()) for _ in range(5)]
        with foreign(path, "BEGIN IMMEDIATE"):
            answers = await asyncio.gather(*(ledger.open(job) for job in jobs), return_exceptions=True)
            assert all(isinstance(each, LedgerUnavailable) for each in answers)
            assert "locked by another process for more than 0.2 s" in str(answers[0])
            assert await ledger.get(jobs[0].id) is None
        for job in jobs:
            assert (await ledger.open(job)).id == job.id

    told(path, story, busy_timeout=0.2)


def test_full_disk(path: Path) -> None:
    """A file that can grow no more is an error that says so; what was kept before is there, and it works
    again once there is room. (The kernel refuses the write: a limit on file size stands for the full disk.)
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    clock = Clock()

    async def story(ledger: SqlLedger) -> None:
        first = queued(clock)
        await ledger.open(first)
        room = 200_000 + sum(file.stat().st_size for file in path.parent.glob(f"{path.name}-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        jobs = [queued(clock, text="x" * 5000) for _ in range(200)]
        answers = []
        for job in jobs:
            try:
                answers.append(await ledger.open(job))
            except LedgerUnavailable as error:
                answers.append(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        failed = [each for each in answers if isinstance(each, LedgerUnavailable)]
        assert failed
        assert "disk" in str(failed[0])
        for job, answer in zip(jobs, answers, strict=True):
            assert (await ledger.get(job.id) is None) == isinstance(answer, LedgerUnavailable)
            assert (await ledger.open(job)).id == job.id
        assert await ledger.get(first.id) is not None

    try:
        told(path, story)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    with foreign(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_full_database(path: Path) -> None:
    """SQLite's own word for a full disk is told as such, and leaves no half transaction."""

    async def story(ledger: SqlLedger) -> None:
        await ledger.start()
        writer = ledger._store._writer  # type: ignore[attr-defined]
        await writer.put(pragma("PRAGMA max_page_count = 40"), None)
        jobs = [queued(Clock(), text="x" * 20_000) for _ in range(20)]
        answers = await asyncio.gather(*(ledger.open(job) for job in jobs), return_exceptions=True)
        failed = [each for each in answers if isinstance(each, LedgerUnavailable)]
        assert len(failed) >= 10
        assert all("disk is full" in str(each) for each in failed)
        for job, answer in zip(jobs, answers, strict=True):
            assert (await ledger.get(job.id) is None) == isinstance(answer, LedgerUnavailable)
        await writer.put(pragma("PRAGMA max_page_count = 100000"), None)
        await asyncio.gather(*(ledger.open(job) for job in jobs))

    told(path, story)


def pragma(sql: str) -> Callable[[object], object]:
    from notifyhub.ledger.sql.script import Statement

    def work(operations: list[None]):  # type: ignore[no-untyped-def]
        yield Statement(sql)
        return operations

    return work


def test_faulty_one_among_many(path: Path) -> None:
    """One delivery that cannot be written fails alone, not those that happened to be written with it."""

    async def story(ledger: SqlLedger) -> None:
        clock = Clock()
        bad = queued(clock, instance="\ud800")
        good = [queued(clock) for _ in range(10)]
        answers = await asyncio.gather(
            *(ledger.open(job) for job in (*good[:5], bad, *good[5:])), return_exceptions=True
        )
        assert [isinstance(each, Exception) for each in answers].count(True) == 1
        assert isinstance(answers[5], UnicodeEncodeError)
        for job in good:
            assert await ledger.get(job.id) is not None

    told(path, story)


@pytest.mark.parametrize("ended", ["recorded", "received", "expired", "cancelled"])
def test_erased_code_is_nowhere(path: Path, ended: str) -> None:
    """A login code is neither in the file nor in its write-ahead log once its delivery ended and the log
    was emptied.
    """
    clock = Clock()

    async def story(ledger: SqlLedger) -> None:
        job = queued(clock, category=Category.OTP, text="Your code: 482913")
        await ledger.open(job)
        (wal,) = path.parent.glob(f"{path.name}-wal")
        assert b"482913" in wal.read_bytes()  # else this test would show nothing
        if ended == "expired":
            clock.turn(4000)
            assert len(await ledger.expire()) == 1
        elif ended == "cancelled":
            await ledger.cancel(delivery_id=job.id)
        else:
            (claimed,) = await ledger.claim(1, submitting=True)
            accepted = attempted(claimed.delivery, "77")
            if ended == "received":
                await ledger.receive(receipt("77"))
            await ledger.record(accepted)
        assert await ledger.job(job.id) is None
        store = ledger._store
        await store._writer.put(pragma("SELECT 1"), None)  # type: ignore[attr-defined]

    told(path, story, clock=clock)
    assert b"482913" not in bytes_of(path)


def test_log_is_emptied_while_running(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log is emptied now and then, so that an erased code does not wait there for the end."""
    monkeypatch.setattr("notifyhub.ledger.sqlite.writer.CHECKPOINT", 0.0)

    async def story(ledger: SqlLedger) -> None:
        job = sending(Clock(), category=Category.OTP, text="Your code: 482913")
        await ledger.open(job)
        await ledger.record(attempted(job.delivery, "77"))
        assert b"482913" not in bytes_of(path)

    told(path, story)


def test_nothing_left_behind(path: Path) -> None:
    """A ledger that nobody closed leaves neither a thread nor an open file once it is forgotten, and one
    ledger serves one event loop after another.
    """
    gc.collect()  # what another test of this process has forgotten is not ours
    others = len(ledger_threads())
    ledger = SqlLedger(SqliteStore(path))
    job = queued(Clock())
    asyncio.run(ledger.open(job))
    kept = asyncio.run(ledger.get(job.id))
    assert kept is not None
    assert kept.id == job.id
    assert len(ledger_threads()) > others
    asyncio.run(ledger.aclose())
    assert len(ledger_threads()) == others
    kept = asyncio.run(ledger.get(job.id))  # closed is not the end of it
    assert kept is not None
    del ledger
    gc.collect()
    assert len(ledger_threads()) == others
    assert not [name for name in _open_files() if name.startswith(str(path))]


def _open_files() -> list[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("does not apply: this system does not list open files")
    names = []
    for entry in folder.iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:  # the one that lists them
            continue
    return names


def test_changed_hears_another_process(path: Path) -> None:
    """`changed` returns soon after another connection queued something, and waits while nothing happens."""

    async def both() -> None:
        here, there = (SqlLedger(SqliteStore(path)) for _ in range(2))
        await here.changed(0.05)
        await here.claim(1)
        await here.changed(0.05)
        started = time.monotonic()
        await here.changed(0.3)
        assert time.monotonic() - started >= 0.29
        await there.start()
        waiting = asyncio.create_task(here.changed(30))
        await asyncio.sleep(0.1)
        await there.open(queued(Clock()))
        await asyncio.wait_for(waiting, 5)
        waiting = asyncio.create_task(here.changed(30))
        await asyncio.sleep(0.1)
        await here.open(queued(Clock()))
        await asyncio.wait_for(waiting, 5)
        await here.aclose()
        await there.aclose()

    asyncio.run(both())


def test_cancelled_wait(path: Path) -> None:
    """A task that is cancelled while it waits for its commit leaves the writer in order for all others."""

    async def story(ledger: SqlLedger) -> None:
        jobs = [queued(Clock()) for _ in range(20)]
        tasks = [asyncio.create_task(ledger.open(job)) for job in jobs]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        kept = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert [delivery.id for delivery in kept] == [job.id for job in jobs[1::2]]

    told(path, story)
