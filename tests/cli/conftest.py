"""The command line in this process, in another one, and a gateway for it to talk to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner, Result

from notifyhub.cli.app import app
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Simulator

Run = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run() -> Run:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="notifyhub")
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def shell() -> Shell:
    """Run `python -m notifyhub` as a process of its own."""

    def shell(
        *arguments: str | Path, module: str = "notifyhub", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            timeout=30,
            check=False,
        )

    return shell


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    """A simulated gateway, in a thread of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator()) as running,
    ):
        yield running


@pytest.fixture
def config(gateway: Simulator, tmp_path: Path) -> Path:
    """Settings with one account on the gateway, and no console to fall back on."""
    file = tmp_path / "notifyhub.toml"
    file.write_text(
        f'[providers.sms]\ntype = "ihuyi"\naccount = "{DEMO_ACCOUNT}"\napi_key = "{DEMO_API_KEY}"\n'
        f'base_url = "{gateway.base_url}"\ntimeout = 2.0\nprice_per_part = 0.05\nsignature = "互亿无线"\n',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def kept(config: Path) -> Path:
    """The same with a ledger in a SQLite file beside them, and patience for a slow gateway."""
    text = config.read_text(encoding="utf-8").replace("timeout = 2.0", "timeout = 30.0")
    config.write_text(f'{text}[ledger]\nurl = "sqlite:///notifyhub.db"\nlease = 1.0\n', encoding="utf-8")
    return config
