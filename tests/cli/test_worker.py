"""`notifyhub worker` as a process: what it carries, how it is stopped, and what it shows."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from notifyhub.errors import LedgerUnavailable
from notifyhub.hub import Hub
from notifyhub.worker import Worker
from notifyhub_ihuyi.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell

NUMBER = "13800138000"
DATA = {"order_no": "20261122001", "amount": "128.00"}
SLACK = 3.0
"""Seconds that a busy machine may take for what takes none."""


def queue(kept: Path, count: int, **arguments: Any) -> list[str]:
    """Queue so many order notices to numbers of their own; their ids."""

    async def enqueue() -> list[str]:
        async with Hub.from_settings(kept) as hub:
            return [
                (await hub.enqueue("order/paid", to=f"138{number:08}", data=DATA, **arguments)).id
                for number in range(count)
            ]

    return asyncio.run(enqueue())


def statuses(run: Run, kept: Path) -> dict[str, int]:
    """How many deliveries are in each status."""
    counted: dict[str, int] = {}
    for line in run("ledger", "find", "--config", kept, "--json").stdout.splitlines():
        status = json.loads(line)["status"]
        counted[status] = counted.get(status, 0) + 1
    return counted


@contextmanager
def started(kept: Path, *options: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, killed if the test leaves it running."""
    command = [sys.executable, "-m", "notifyhub", "worker", "--config", str(kept), *options]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    with subprocess.Popen(command, **given) as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    ends_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends_at, "it never came to that"
        time.sleep(0.01)


def ended(process: subprocess.Popen[bytes]) -> tuple[str, list[dict[str, Any]], float]:
    """What a worker printed, what it logged, and how long it took to end; every line of the log is JSON."""
    before = time.monotonic()
    out, err = process.communicate(timeout=30)
    return out.decode(), [json.loads(line) for line in err.decode().splitlines()], time.monotonic() - before


def test_drain_empties_the_queue(shell: Shell, run: Run, kept: Path, gateway: Simulator) -> None:
    """All that is due is carried; then it stops with 0 and one line of counts; the log is JSON and masked."""
    queue(kept, 12)
    done = shell("worker", "--drain", "--config", kept)
    assert (done.returncode, done.stdout) == (0, "carried 12: 12 accepted\n")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events.count("attempt_finished") == 12
    assert {"worker_started", "worker_stopping", "worker_stopped"} < set(events)
    assert not re.search(r"138\d{8}", done.stdout + done.stderr)
    assert len(gateway.submissions) == 12
    assert statuses(run, kept) == {"accepted": 12}


def test_drain_tells_json(shell: Shell, kept: Path, gateway: Simulator) -> None:
    """--json: one object with how many, by status, and in how many seconds."""
    queue(kept, 3)
    gateway.script("13800000001", [Behaviour.reset()])
    done = shell("worker", "--drain", "--config", kept, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, list(told)) == (0, ["carried", "by_status", "cut_off", "seconds"])
    assert (told["carried"], told["by_status"]) == (3, {"accepted": 2, "unknown": 1})


def test_drain_of_nothing(run: Run, kept: Path) -> None:
    """An empty queue is drained at once."""
    done = run("worker", "--drain", "--config", kept)
    assert (done.exit_code, done.stdout) == (0, "carried 0\n")


def test_concurrency_is_kept_to(shell: Shell, kept: Path, gateway: Simulator) -> None:
    """--concurrency: never more than that are under way at the same time."""
    queue(kept, 6)
    gateway.script("*", [Behaviour.delay(0.2)] * 6)
    before = time.monotonic()
    done = shell("worker", "--drain", "--concurrency", "2", "--config", kept)
    assert (done.returncode, done.stdout) == (0, "carried 6: 6 accepted\n")
    assert time.monotonic() - before >= 0.6
    assert '"concurrency": 2' in done.stderr


def test_told_to_stop_it_lets_what_is_under_way_end(run: Run, kept: Path, gateway: Simulator) -> None:
    """SIGTERM: nothing more is taken up, what is being sent ends in its own way, status 0."""
    queue(kept, 8)
    gateway.script("*", [Behaviour.delay(1.0)] * 8)
    with started(kept, "--concurrency", "3", "--grace", "20") as worker:
        until(lambda: len(gateway.requests) == 3)
        worker.send_signal(signal.SIGTERM)
        out, log, _ = ended(worker)
    assert (worker.returncode, out) == (0, "carried 3: 3 accepted\n")
    assert log[-1]["event"] == "worker_stopped"
    assert len(gateway.submissions) == 3
    assert statuses(run, kept) == {"accepted": 3, "queued": 5}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_the_end_of_the_grace_the_rest_is_unknown(
    run: Run, kept: Path, gateway: Simulator, number: int
) -> None:
    """What is still being sent then is recorded as uncertain, and the process has ended a second later."""
    queue(kept, 20)
    gateway.script("*", [Behaviour.silence()] * 20)
    with started(kept, "--concurrency", "20", "--grace", "0.5") as worker:
        until(lambda: len(gateway.requests) == 20)
        worker.send_signal(number)
        out, _, took = ended(worker)
    assert (worker.returncode, out) == (0, "carried 0 · 20 cut off\n")
    assert took < 0.5 + 1.0 + SLACK
    assert statuses(run, kept) == {"unknown": 20}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(
    run: Run, kept: Path, gateway: Simulator, number: int, status: int
) -> None:
    """It is gone, however long the grace; the next worker says `unknown` of what it was sending, and sends
    no order twice.
    """
    queue(kept, 2)
    gateway.script("*", [Behaviour.silence()] * 2)
    with started(kept, "--grace", "600") as worker:
        until(lambda: len(gateway.requests) == 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.stderr is not None
        read_until(worker.stderr, b"worker_stopping")
        worker.send_signal(number)
        worker.wait(SLACK)
    assert worker.returncode == status
    assert statuses(run, kept) == {"sending": 2}
    done = run("worker", "--drain", "--config", kept)
    assert done.exit_code == 0
    assert statuses(run, kept) == {"unknown": 2}
    assert len(gateway.requests) == 2


def read_until(stream: IO[bytes], word: bytes) -> None:
    """Read lines until one has the word in it."""
    for line in stream:
        if word in line:
            return
    raise AssertionError(f"the log ended without {word!r}")


def test_told_to_stop_while_it_drains(run: Run, kept: Path, gateway: Simulator) -> None:
    """SIGTERM ends a drain as it ends anything: what is under way is finished, the rest stays queued."""
    queue(kept, 40)
    gateway.script("*", [Behaviour.delay(0.3)] * 40)
    with started(kept, "--drain", "--concurrency", "4") as worker:
        until(lambda: len(gateway.requests) >= 4)
        worker.send_signal(signal.SIGTERM)
        out, _, _ = ended(worker)
    found = statuses(run, kept)
    assert worker.returncode == 0
    assert out == f"carried {found['accepted']}: {found['accepted']} accepted\n"
    assert found["queued"] == 40 - found["accepted"] > 0
    assert len(gateway.submissions) == found["accepted"]


@pytest.mark.parametrize("after", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_told_to_stop_while_it_starts(kept: Path, after: float) -> None:
    """At whatever moment of its start SIGTERM comes, it ends, and says nothing of a bug."""
    with started(kept) as worker:
        time.sleep(after)
        worker.send_signal(signal.SIGTERM)
        out, log, took = ended(worker)
    # Before the program has begun, a signal ends the process as it ends any.
    assert worker.returncode in (0, -signal.SIGTERM)
    assert out in ("", "carried 0\n")
    assert {line["level"] for line in log} <= {"info", "warning"}
    assert took < SLACK


def test_told_to_stop_while_the_database_is_locked(kept: Path) -> None:
    """A start that waits for somebody's lock ends when it is told to, not when the lock goes."""
    queue(kept, 1)
    locker = sqlite3.connect(kept.parent / "notifyhub.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    try:
        with started(kept, "--grace", "0.5") as worker:
            time.sleep(2.0)
            assert worker.poll() is None
            worker.send_signal(signal.SIGTERM)
            _, log, took = ended(worker)
        assert worker.returncode in (0, 128 + signal.SIGTERM)
        assert took < 0.5 + 1.0 + SLACK
        assert all(line["event"] != "attempt_finished" for line in log)
    finally:
        locker.close()


def test_on_a_terminal_it_draws_one_line(kept: Path, gateway: Simulator) -> None:
    """The line tells what waits, what is under way, what was done and how fast; logs stand whole above it."""
    queue(kept, 30)
    queue(kept, 1, send_at=later(), key="later")
    gateway.script("*", [Behaviour.delay(0.25)] * 30)
    text = watched(kept, "worker", "--drain", "--concurrency", "4", "--config", str(kept), verbose=True)
    shown = re.findall(r"ready \d+ · later 1 · under way \d+ · [^\x1b\r\n]*/s", text)
    assert len(shown) > 3
    assert any(re.search(r"\d+ accepted", line) for line in shown)
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", text)]
    logged = [line for line in lines if "delivery_changed" in line]
    assert len(logged) == 30
    assert all(line.startswith("20") for line in logged)
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text.rpartition("\x1b[?25l")[2]


def test_a_second_signal_leaves_the_terminal_in_order(kept: Path, gateway: Simulator) -> None:
    """Ended at once while the line stands, it shows the cursor again."""
    queue(kept, 1)
    gateway.script("*", [Behaviour.silence()])

    def twice(worker: subprocess.Popen[bytes]) -> None:
        until(lambda: len(gateway.requests) == 1)
        time.sleep(0.5)
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        worker.send_signal(signal.SIGTERM)

    text = watched(kept, "worker", "--grace", "600", "--config", str(kept), status=143, meanwhile=twice)
    assert "stopping · ready 0" in text
    assert "\x1b[?25h" in text.rpartition("\x1b[?25l")[2]


def watched(
    kept: Path,
    *arguments: str,
    verbose: bool = False,
    status: int = 0,
    meanwhile: Callable[[subprocess.Popen[bytes]], None] = lambda worker: None,
) -> str:
    """What a person sees whose terminal is the command's standard error; its standard output is a pipe."""
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "250", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "notifyhub", *(["-v"] if verbose else []), *arguments]
    shown = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(main, 65536):
                shown.extend(chunk)
        except OSError:  # Linux says so when the other side has been closed
            return

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=other, env=environment) as process:
        os.close(other)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            meanwhile(process)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            reader.join(10)
            os.close(main)
    assert process.returncode == status
    assert out.startswith(b"carried ") or status
    return shown.decode()


def later() -> Any:
    """A time in an hour."""
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=1)


def test_a_ledger_in_memory_is_refused(run: Run, config: Path) -> None:
    """There is nothing to carry in it: status 2, one line with the remedy."""
    done = run("worker", "--config", config)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("notifyhub: ledger.url: the ledger is in memory and ends with this command")


def test_what_cannot_be_written_down_ends_it_with_75(
    run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a supervisor starts it again: told in the log, with the counts as they were."""

    async def unwritable(self: Worker, *, drain: bool = False) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(Worker, "run", unwritable)
    done = run("worker", "--config", kept)
    assert (done.exit_code, done.stdout) == (75, "carried 0\n")
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["level"], last["error"]) == ("worker_failed", "error", "the disk is full")


def test_a_ledger_that_cannot_be_opened_is_75(run: Run, kept: Path) -> None:
    """A database that cannot be used at start is one that may come back."""
    text = kept.read_text(encoding="utf-8").replace("sqlite:///notifyhub.db", "sqlite:///nowhere/n.db")
    kept.write_text(text, encoding="utf-8")
    done = run("worker", "--config", kept)
    assert (done.exit_code, done.stdout) == (75, "carried 0\n")
    assert json.loads(done.stderr.splitlines()[-1])["event"] == "worker_failed"
