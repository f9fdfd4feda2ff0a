"""docs/how-to/many-machines.md, done as it stands there: a real server, four workers, every command."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from notifyhub import Hub, Plugins, SettingsError
from tests.servers.postgres import MISSING, PostgresServer, available, postgres

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "many-machines.md"
HERE = "tests/docs/test_many_machines.py::test_the_page"
URL = "postgresql://notifyhub:secret@db.internal/notifyhub"
ALL = "notifyhub ledger find --limit 1000"
PATIENCE = 30.0
"""Seconds for what takes one or two."""
MORE = 40
"""Deliveries that the application enqueues besides the page's."""


def _load_blocks() -> ModuleType:
    """`test_code_blocks.py` beside this file; by its path, since folders of tests are no packages."""
    spec = importlib.util.spec_from_file_location(
        "notifyhub_blocks", Path(__file__).with_name("test_code_blocks.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


blocks = _load_blocks()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this page's own."""
    if not available():
        pytest.skip(MISSING)
    pytest.importorskip("pgqueuer")
    with postgres(fsync=False) as started:
        yield started


class Terminal:
    """Does what a reader does: each line of a block in one environment, workers in the background.

    url: the ledger's, in place of the page's.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {**os.environ, "PYTHONUTF8": "1"}
        self.printed = ""
        self.workers: dict[Path, subprocess.Popen[bytes]] = {}

    def play(self, block: blocks.Block) -> None:
        """Raises AssertionError where a command fails, or prints what does not stand there."""
        if name := block.comments.get("file"):
            Path(name).write_text(block.code, encoding="utf-8")
        elif "output" in block.comments:
            shown = self.printed.replace(self.where, "db.internal/notifyhub")
            assert _without_times(blocks.normalised(shown)) == _without_times(blocks.normalised(block.code))
        else:
            self.printed = ""
            for line in block.code.strip().split("\n"):
                self.line(line)
            for log in self.workers:
                _until(lambda log=log: '"worker_started"' in log.with_suffix(".log").read_text("utf-8"))

    def line(self, line: str) -> None:
        words = shlex.split(line)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            assert (name == "DATABASE_URL") == (value == URL)
            self.environment[name] = self.url if value == URL else value
            return
        assert words[0] == "notifyhub"
        command = [sys.executable, "-m", *words]
        if words[1] == "worker" and "--drain" not in words:
            # Into files: a pipe that nobody reads fills up, and then the worker stands still.
            log = Path(f"worker-{len(self.workers)}")
            with log.with_suffix(".out").open("w") as out, log.with_suffix(".log").open("w") as errors:
                worker = subprocess.Popen(command, env=self.environment, stdout=out, stderr=errors)
            self.workers[log] = worker
            return
        if words[1:3] == ["ledger", "find"] and "accepted" in words:
            self.wait_for(line, accepted=1)
        self.printed += self._run(command)

    def wait_for(self, line: str, *, accepted: int) -> None:
        """Wait until the command lists so many as accepted: a worker takes a moment."""
        command = [sys.executable, "-m", *shlex.split(line)]
        _until(lambda: self._run(command).count(" accepted ") == accepted)

    @property
    def where(self) -> str:
        """How `notifyhub ledger status` names the server."""
        from notifyhub.ledger.location import open_store
        from notifyhub.ledger.schema import Schema

        return Schema(open_store(self.url)).where

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, encoding="utf-8", timeout=60, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


@contextmanager
def terminal(url: str) -> Iterator[Terminal]:
    """A terminal whose workers end with it, whatever happened."""
    opened = Terminal(url)
    try:
        yield opened
    finally:
        for worker in opened.workers.values():
            worker.kill()
            worker.wait()


def _without_times(table: str) -> str:
    """A table is as wide as its widest time."""
    return re.sub(r" {2,}", "  ", table)


def test_the_page(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does what the page says ends with four workers on one queue: each delivery is carried once, by
    one of them, and one that is killed is not missed.
    """
    with terminal(server.create("page")) as reader:
        for block in blocks.blocks_of(PAGE):
            if block.comments.get("run by") == HERE or block.comments.get("file") == "notifyhub.toml":
                reader.play(block)
        assert len(reader.workers) == 4
        monkeypatch.setenv("DATABASE_URL", reader.url)
        asyncio.run(_enqueue("first"))
        reader.wait_for(ALL, accepted=1 + MORE)
        killed, *others = reader.workers.values()
        killed.kill()
        asyncio.run(_enqueue("second"))
        reader.wait_for(ALL, accepted=1 + 2 * MORE)
        for worker in others:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(PATIENCE) for worker in others] == [0, 0, 0]
        said = [log.with_suffix(".out").read_text("utf-8") for log in reader.workers]
        assert sorted(re.findall(r"订单(\w+)已发货", "".join(said))) == sorted(
            ["20261122002", *_numbers("first"), *_numbers("second")]
        )
        assert sum("[console:" in printed for printed in said) > 1


def _numbers(when: str) -> list[str]:
    return [f"{when}{number:03}" for number in range(MORE)]


async def _enqueue(when: str) -> None:
    async with Hub.from_settings("postgres.toml") as hub:
        for number in _numbers(when):
            data = {"order_no": number, "carrier": "顺丰速运", "tracking_no": "SF1234567890"}
            await hub.enqueue("order/shipped", to="13800138000", data=data)


def test_the_table_of_engines(server: PostgresServer) -> None:
    """The engines of the page are those that come along, and each works with the ledgers of its row only."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").partition("## Which engine")[2].splitlines()
        if line.startswith("| `")
    ][1:]
    assert {row[0].strip("`") for row in rows} == set(Plugins().dispatcher_types())
    urls = {"SQLite": "sqlite:///engine.db", "PostgreSQL": server.create("engines")}
    for engine, _, ledgers, _ in rows:
        for ledger, url in urls.items():
            tables = {"ledger": {"url": url}, "dispatch": {"engine": engine.strip("`")}}
            if ledger in ledgers.split(", "):
                assert asyncio.run(_carried(tables)) == 1
            else:
                with pytest.raises(SettingsError, match=r"dispatch\.engine"):
                    Hub(tables)


async def _carried(tables: dict[str, dict[str, str]]) -> int:
    """How many deliveries reach a worker in this process."""
    hub = Hub(tables)
    await _migrate(hub)
    async with hub:
        await hub.enqueue(text=f"hello at {datetime.now(UTC)}", to="13800138000")
        return (await hub.run_worker(drain=True)).total


async def _migrate(hub: Hub) -> None:
    from notifyhub.ledger.location import open_store
    from notifyhub.ledger.schema import Schema
    from notifyhub.registry import dispatch_context, dispatcher_type

    context = dispatch_context(hub.settings)
    store = open_store(context.ledger_url)
    await Schema(store).migrate()
    await store.aclose()
    migrate = dispatcher_type(hub.settings, hub.plugins.dispatcher_types()).migrate
    if migrate is not None:
        await migrate(context)
