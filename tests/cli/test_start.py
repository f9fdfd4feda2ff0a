"""The first commands of a new user: init, simulate, demo."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from notifyhub.cli.init import starter
from notifyhub.providers import ProviderType
from notifyhub.settings import load_settings
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell


def test_init_writes_what_works_at_once(run: Run) -> None:
    """The file as written is valid and sends to the console."""
    done = run("init")
    assert (done.exit_code, done.stdout.startswith("Wrote notifyhub.toml.")) == (0, True)
    settings = load_settings("notifyhub.toml")
    assert settings.providers == {"console": {"type": "console"}}
    assert settings.policies.vendor_limits
    assert settings.policies.suppression_list is not None
    assert run("check").exit_code == 0
    assert run("send", "login/code", "--to", "13800138000", "--var", "code=482913").exit_code == 0


def test_init_keeps_what_is_there(run: Run, tmp_path: Path) -> None:
    """An existing file is never overwritten, but with --force."""
    file = tmp_path / "own.toml"
    file.write_text("# mine\n")
    done = run("init", "--path", file)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert file.read_text() == "# mine\n"
    assert run("init", "--path", file, "--force").exit_code == 0
    assert "[providers.console]" in file.read_text()


def test_init_takes_a_folder(run: Run, tmp_path: Path) -> None:
    """A folder gets a notifyhub.toml; one that does not exist is one line."""
    assert run("init", "--path", tmp_path).exit_code == 0
    assert (tmp_path / "notifyhub.toml").is_file()
    done = run("init", "--path", tmp_path / "no" / "where.toml")
    assert done.exit_code == 2
    assert "path: " in done.stderr


def test_the_vendors_section_is_right_when_uncommented(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the `# ` away and set the variables it names: every key and every default is valid."""
    run("init")
    text = Path("notifyhub.toml").read_text(encoding="utf-8")
    section = re.search(r"^# \[providers\.sms\]\n(# .+\n)+", text, re.MULTILINE)
    assert section is not None
    bare = section[0].replace("\n# ", "\n").removeprefix("# ")
    Path("notifyhub.toml").write_text(text.replace(section[0], bare), encoding="utf-8")
    assert tomllib.loads(bare)["providers"]["sms"]["api_key"] == "env:IHUYI_API_KEY"
    assert run("providers", "check").exit_code == 2
    monkeypatch.setenv("IHUYI_ACCOUNT", DEMO_ACCOUNT)
    monkeypatch.setenv("IHUYI_API_KEY", DEMO_API_KEY)
    assert run("providers", "check").exit_code == 0


def test_everything_else_is_right_when_uncommented(run: Run) -> None:
    """What the file shows besides the vendors is valid together, and its route test passes."""
    run("init")
    text = Path("notifyhub.toml").read_text(encoding="utf-8")
    head, tail = text[: text.index("# Provider instances")], text[text.index("# [[routes]]") :]
    switched_on = re.sub(r"^# (?=\[|[a-z_]+ = )", "", tail, flags=re.MULTILINE)
    # A key is a secret of the deployment's own; nobody has one yet.
    switched_on = re.sub(r"^keys = .*\n", "", switched_on, flags=re.MULTILINE)
    console = '[providers.console]\ntype = "console"\n'
    Path("notifyhub.toml").write_text(f"{head}{console}{switched_on}", encoding="utf-8")
    policies = load_settings("notifyhub.toml").policies
    assert (len(policies.limits), len(policies.budgets), len(policies.quiet_hours)) == (2, 1, 1)
    done = run("check")
    assert done.exit_code == 0, done.stdout
    assert "route_tests.0" in done.stdout


def test_init_has_a_section_for_every_type() -> None:
    """Two types for one channel get names of their own, so that both can be switched on."""

    class Needs(BaseModel):
        token: str

    kinds = [
        ProviderType(name=name, channels=frozenset({"sms"}), settings=Needs, build=lambda *_: None)  # type: ignore[arg-type]
        for name in ("one", "two")
    ]
    text = starter(kinds)
    assert '# [providers.sms]\n# type = "one"\n# token = "env:ONE_TOKEN"' in text
    assert '# [providers.two]\n# type = "two"\n# token = "env:TWO_TOKEN"' in text


def test_simulate_prints_settings_that_work(run: Run, tmp_path: Path) -> None:
    """The printed table, put into a file, reaches the running simulator; Ctrl-C ends it with 0."""
    command = [sys.executable, "-m", "notifyhub", "simulate", "ihuyi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as simulator:
        assert simulator.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("base_url"):
            lines.append(simulator.stdout.readline())
            assert lines[-1] or len(lines) < 2, "it ended early"
        text = "".join(lines)
        assert DEMO_ACCOUNT in text
        assert DEMO_API_KEY in text
        file = tmp_path / "notifyhub.toml"
        file.write_text(text[text.index("[providers.sms]") :], encoding="utf-8")
        assert run("balance", "--config", file).stdout == "1000\n"
        simulator.send_signal(signal.SIGINT)
        assert simulator.wait(10) == 0


def test_simulate_refuses_a_url_it_cannot_push_to(run: Run) -> None:
    """A wrong --push-to is one line, before anything listens."""
    done = run("simulate", "ihuyi", "--push-to", "ftp://example.com")
    assert done.exit_code == 2
    assert done.stderr.startswith("notifyhub: push_to: ")


def test_simulate_says_when_the_port_is_taken(run: Run) -> None:
    """A port that somebody has is one line with the remedy."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("simulate", "ihuyi", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert done.stderr.startswith("notifyhub: port: cannot listen there")


def test_demo_in_a_pipe(shell: Shell) -> None:
    """It ends by itself in seconds with 0, tells five scenes, and reads well without colours."""
    # A proxy that does not exist: whatever left this machine's loopback would fail.
    nowhere = "http://127.0.0.1:9"
    done = shell("demo", HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, http_proxy=nowhere, https_proxy=nowhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert [line for line in done.stdout.splitlines() if re.match(r"\d\. ", line)] == [
        "1. A login code goes out, and its receipt comes back",
        "2. An order notice goes out over the same connection",
        "3. The gateway takes an order notice and never answers: it is not sent twice",
        "4. The account runs empty: the gateway refuses, and the console takes over",
        "5. A worker is killed in the middle: nothing is lost, and no order goes out twice",
    ]
    assert "FAILED" not in done.stdout
    assert "[console: sms to 138****8000 · login/code · otp · zh]" in done.stdout
    took = re.search(r"^(\d+) of \1 checks held in (\d+\.\d) s\.$", done.stdout, re.MULTILINE)
    assert took is not None
    assert float(took[2]) < 25
    for secret in ("482913", "13800138000", "13900139000", DEMO_API_KEY):
        assert secret not in done.stdout


def test_demo_on_a_terminal() -> None:
    """On a terminal it is drawn with rich: colours, a panel for the console, a tick for each check."""
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-m", "notifyhub", "demo"], stdout=other, env=environment) as demo:
        os.close(other)
        shown = b""
        with os.fdopen(main, "rb", buffering=0) as terminal:
            try:
                while chunk := terminal.read(65536):
                    shown += chunk
            except OSError:  # Linux says so when the other side has been closed
                pass
        assert demo.wait(10) == 0
    text = shown.decode()
    assert "✓" in text
    assert "╭" in text
    assert "您的验证码是：******" in text
