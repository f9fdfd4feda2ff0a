"""Stage: where a campaign takes place: a folder, a gateway, a ledger, and processes that come and go."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from notifyhub.errors import LedgerUnavailable
from notifyhub.hub import Hub
from notifyhub.ledger import Backlog, Query
from notifyhub.outcome import Delivery
from tests.campaigns.application import mobile_of
from tests.campaigns.audit import Audit, Promise, audited, journal
from tests.campaigns.gateway import ACCOUNTS

ROOT = Path(__file__).parents[2]
AT_WORK = b"worker_started"
_PLUGIN = "[notifyhub]\nbulk = tests.campaigns.bulk\n"
_METADATA = "Metadata-Version: 2.1\nName: campaign-bulk\nVersion: 1.0\n"
_STOCK_POLICY = '[policies.suppression_list]\naddresses = ["13800000000"]\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is campaigned on. lease, grace: seconds. asking: whether a policy is asked before each message."""

    url: str
    engine: str = "embedded"
    lease: float = 3.0
    grace: float = 5.0
    concurrency: int = 16
    timeout: float = 2.0
    asking: bool = False

    def toml(self, gateway: str) -> str:
        """The settings file."""
        head = (
            f'[ledger]\nurl = "{self.url}"\nlease = {self.lease}\n\n'
            f'[dispatch]\nengine = "{self.engine}"\nconcurrency = {self.concurrency}\n'
            f"grace = {self.grace}\n\n"
            "[breaker]\nthreshold = 20\ncooldown = 0.3\n\n"
        )
        routes = (
            '[[routes]]\ncategory = "marketing"\nproviders = ["bulk_a", "bulk_b"]\n\n'
            '[[routes]]\nproviders = ["sms_a", "sms_b"]\n\n'
        )
        tables = [
            f'[providers.{kind}_{name}]\ntype = "{type_}"\naccount = "{account}"\napi_key = "{key}"\n'
            f'base_url = "{gateway}"\ntimeout = {self.timeout}\n\n'
            for kind, type_ in (("sms", "ihuyi"), ("bulk", "bulk"))
            for name, (account, key) in zip("ab", ACCOUNTS.items(), strict=True)
        ]
        return head + routes + "".join(tables) + (_STOCK_POLICY if self.asking else "")


class Process(subprocess.Popen[bytes]):
    """A process, and the file that its stderr goes to."""

    said: Path

    @property
    def at_work(self) -> bool:
        """Whether it has come so far: a worker says so in its log, and so does an application."""
        with self.said.open("rb") as said:
            return AT_WORK in said.read(8192)

    def last_words(self, lines: int = 15) -> str:
        """The end of its stderr."""
        return "\n".join(self.said.read_text(errors="replace").splitlines()[-lines:])


@dataclass(slots=True)
class Stage:
    """An async context manager; every process it started is gone when it ends."""

    folder: Path
    setting: Setting
    processes: list[Process] = field(default_factory=list)
    started: int = 0
    hub: Hub = field(init=False)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "notifyhub.toml"

    @property
    def journal(self) -> Path:
        """The gateway's."""
        return self.folder / "journal.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """Of every process: the checkout and the campaign's plugin can be imported."""
        paths = [str(self.folder / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}

    async def __aenter__(self) -> Self:
        plugin = self.folder / "plugins" / "campaign_bulk-1.0.dist-info"
        plugin.mkdir(parents=True)
        (plugin / "METADATA").write_text(_METADATA)
        (plugin / "entry_points.txt").write_text(_PLUGIN)
        sys.path.insert(0, str(plugin.parent))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.path.remove(str(self.folder / "plugins"))
        for process in self.processes:
            self.end(process)
        if hasattr(self, "hub"):
            await self.hub.aclose()

    async def open(self, *gateway: str) -> None:
        """Start the gateway with these options, write the settings, and make the ledger's tables."""
        vendor = self.spawn(
            "tests.campaigns.gateway", "--journal", str(self.journal), *gateway, stdout=subprocess.PIPE
        )
        assert vendor.stdout is not None
        address = await asyncio.to_thread(vendor.stdout.readline)
        assert address, f"the gateway did not start: {vendor.last_words()}"
        self.config.write_text(self.setting.toml(address.decode().strip()))
        migrating = self.spawn("notifyhub", "ledger", "migrate", "--config", str(self.config))
        assert await asyncio.to_thread(migrating.wait) == 0, migrating.last_words()
        self.hub = Hub.from_settings(self.config)

    def spawn(self, module: str, *arguments: str, stdout: int = subprocess.DEVNULL) -> Process:
        """Start a Python module; what it says on stderr is kept in the folder."""
        self.started += 1
        said = self.folder / f"{self.started:03d}-{module.rpartition('.')[2]}.log"
        with said.open("wb") as stderr:
            process = Process(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            )  # fmt: skip
        process.said = said
        self.processes.append(process)
        return process

    def worker(self, *options: str) -> Process:
        """The command that an operator starts."""
        return self.spawn("notifyhub", "worker", "--config", str(self.config), *options)

    def application(self, *options: str) -> Process:
        """An application that asks for messages; see `tests.campaigns.application`."""
        log = ("--config", str(self.config), "--log", str(self.folder / "application.jsonl"))
        return self.spawn("tests.campaigns.application", *log, *options)

    def end(self, process: Process, how: int = signal.SIGKILL) -> None:
        """Send a signal to what still runs, and wait until it is gone."""
        if process.poll() is None:
            process.send_signal(how)
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()

    async def backlog(self) -> Backlog | None:
        """What waits now; None when the ledger cannot be asked."""
        try:
            return await self.hub.ledger.backlog()
        except LedgerUnavailable:
            return None

    async def until(self, settled: Callable[[Backlog], bool], seconds: float) -> float | None:
        """Wait for the backlog to be so; the seconds that took, or None when it did not come to that."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            backlog = await self.backlog()
            if backlog is not None and settled(backlog):
                return time.monotonic() - begun
            await asyncio.sleep(0.05)
        return None

    async def deliveries(self) -> Sequence[Delivery]:
        """Everything in the ledger."""
        return await self.hub.ledger.search(Query(limit=1_000_000))

    def answers(self) -> list[dict[str, object]]:
        """What the applications wrote down, in order."""
        log = self.folder / "application.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    async def audit(self, *promises: Promise) -> Audit:
        """Hold the journal against the ledger. promises: besides those in the applications' log."""
        told = [
            Promise(number=n, mobile=mobile_of(n), id=str(line["id"]), status=str(line["status"]))
            for line in self.answers()
            if line["event"] == "promised" and isinstance(n := line["number"], int)
        ]
        return audited([*told, *promises], journal(self.journal), await self.deliveries())


def steady(backlog: Backlog) -> bool:
    """Whether nothing waits and nothing is under way."""
    return not (backlog.ready or backlog.later or backlog.sending)
