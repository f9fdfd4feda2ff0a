"""The program around the commands: what ends it, and what it costs to start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import notifyhub
from notifyhub.hub import Hub

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell


def test_version(run: Run, shell: Shell) -> None:
    """The version, whichever way the program is asked."""
    assert run("--version").stdout == f"notifyhub {notifyhub.__version__}\n"
    assert shell("--version").stdout == f"notifyhub {notifyhub.__version__}\n"


def test_version_starts_fast() -> None:
    """`notifyhub --version` loads nothing it does not need."""
    script = (
        "import sys; sys.argv[1:] = ['--version']\nfrom notifyhub.__main__ import main\nmain()\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in ("asyncio", "httpx", "jinja2", "phonenumbers", "pydantic", "rich", "structlog", "typer"):
        assert f"'{heavy}'" not in done.stdout


def test_help_loads_no_vendor() -> None:
    """Putting the commands together costs typer, and none of what they use."""
    script = "import sys, notifyhub.cli.app; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in (
        "httpx",
        "jinja2",
        "phonenumbers",
        "rich",
        "structlog",
        "notifyhub_ihuyi",
        "notifyhub_console",
    ):
        assert f"'{heavy}'" not in done.stdout


def test_no_command_is_usage(run: Run) -> None:
    """Without a command it shows the help on standard error and ends with 2."""
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    commands = (
        "send", "enqueue", "worker", "resolve", "preview", "templates", "providers", "balance",
        "plugins", "codes", "simulate", "demo", "init", "ledger", "suppress", "privacy",
    )  # fmt: skip
    for command in commands:
        assert f" {command} " in done.stderr


def test_an_unknown_command_is_one_line(run: Run) -> None:
    """A mistyped command ends with 2 and says where help is."""
    done = run("sned")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("notifyhub: No such command 'sned'")
    assert done.stderr.count("\n") == 1


def test_a_bug_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody expected: its class and place, never its words, and no traceback; status 2."""

    async def broken(self: Hub, *_: object, **__: object) -> None:
        raise KeyError("a secret 482913")

    monkeypatch.setattr(Hub, "send", broken)
    done = run("send", "--text", "hi", "--to", "13800138000")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("notifyhub: KeyError at test_program.py:")
    assert "please report it" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "482913" not in done.stderr
    more = run("-v", "send", "--text", "hi", "--to", "13800138000")
    assert more.stderr.count("\n") > 1
    assert "482913" not in more.stderr


def test_ctrl_c_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted by Ctrl-C, it ends as shells expect."""

    async def interrupted(self: Hub, *_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(5)

    monkeypatch.setattr(Hub, "send", interrupted)
    done = run("send", "--text", "hi", "--to", "13800138000")
    assert done.exit_code == 130


def test_without_its_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    """Where typer is not installed: one line with the command that installs it, status 2."""
    script = "import sys; sys.modules['typer'] = None; from notifyhub.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "send"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'notifyhub-core[cli]'" in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    """`notifyhub codes | head -1` ends quietly, and never as if all had been told."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "notifyhub", "codes"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_logs_are_json_on_request(shell: Shell) -> None:
    """--log-json makes each log line an object, on standard error."""
    done = shell("-v", "--log-json", "send", "--text", "hi", "--to", "13800138000", "--json")
    lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
    assert any('"event": "attempt_finished"' in line for line in lines)
    assert "13800138000" not in done.stderr
