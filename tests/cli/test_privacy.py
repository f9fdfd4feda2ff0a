"""`notifyhub privacy`: what is told and erased when a person asks."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub.hub import Hub
from notifyhub.message import Recipient
from notifyhub_ihuyi.simulator import Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run

NUMBER, OTHER, PERSON = "13800138000", "13900139000", "u-42"
DATA = {"order_no": "20261122001", "amount": "128.00"}


@pytest.fixture
def people(kept: Path, gateway: Simulator) -> Path:
    """A ledger with one message to a person who has an id, queued, and one to somebody else."""

    async def send() -> None:
        async with Hub.from_settings(kept) as hub:
            known = Recipient(id=PERSON, addresses={"sms": NUMBER})
            await hub.enqueue("order/paid", to=known, data=DATA)
            await hub.send("order/paid", to=OTHER, data=DATA)

    asyncio.run(send())
    return kept


@pytest.mark.parametrize("subject", [PERSON, NUMBER, "+86 138-0013-8000"])
def test_export_tells_all_that_is_kept(run: Run, people: Path, subject: str) -> None:
    """By id or by address: the one command in which the address and the words are whole."""
    done = run("privacy", "export", "--subject", subject, "--config", people)
    assert (done.exit_code, done.stderr) == (0, "")
    (record,) = json.loads(done.stdout)
    assert "+8613800138000" in json.dumps(record)
    assert "20261122001" in json.dumps(record)
    assert OTHER not in done.stdout


def test_export_into_a_file(run: Run, people: Path, tmp_path: Path) -> None:
    """--out makes a file that only its owner can read, and overwrites none."""
    file = tmp_path / "export.json"
    done = run("privacy", "export", "--subject", NUMBER, "--out", file, "--config", people)
    assert (done.exit_code, done.stdout) == (0, f"wrote 1 record to {file}\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(file.read_text(encoding="utf-8"))) == 1
    again = run("privacy", "export", "--subject", NUMBER, "--out", file, "--config", people)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "is already there; name a new file" in again.stderr


def test_nothing_is_kept_of_a_stranger(run: Run, people: Path) -> None:
    """Of whom nothing is known, an empty list, and nothing is erased."""
    done = run("privacy", "export", "--subject", "13700137000", "--config", people)
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    done = run("privacy", "erase", "--subject", "13700137000", "--yes", "--config", people)
    assert (done.exit_code, done.stdout) == (0, "erased the person from 0 deliveries\n")


@pytest.mark.parametrize("subject", [PERSON, NUMBER])
def test_erase_forgets_the_person(run: Run, people: Path, gateway: Simulator, subject: str) -> None:
    """What was queued for them is cancelled and never sent; the state stays, the person does not."""
    done = run("privacy", "erase", "--subject", subject, "--yes", "--config", people, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"deliveries": 1})
    assert json.loads(run("privacy", "export", "--subject", subject, "--config", people).stdout) == []
    found = run("ledger", "find", "--status", "cancelled", "--config", people, "--json")
    assert json.loads(found.stdout)["to"] is None
    assert run("worker", "--drain", "--config", people).stdout == "carried 0\n"
    assert len(gateway.submissions) == 1


def test_erase_asks_nobody_in_a_pipe(run: Run, people: Path) -> None:
    """Without --yes and without a terminal nothing is erased: status 2."""
    done = run("privacy", "erase", "--subject", PERSON, "--config", people)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "notifyhub: yes: nobody is there to be asked; give --yes to erase for good\n"
    assert len(json.loads(run("privacy", "export", "--subject", PERSON, "--config", people).stdout)) == 1


@pytest.mark.parametrize(("answer", "status", "left"), [(b"y\n", 0, 0), (b"n\n", 130, 1)])
def test_erase_asks_on_a_terminal(run: Run, people: Path, answer: bytes, status: int, left: int) -> None:
    """A person is asked, and only a yes erases."""
    main, other = pty.openpty()
    os.write(main, answer)
    command = [sys.executable, "-m", "notifyhub", "privacy", "erase", "--subject", PERSON, "--config", people]
    done = subprocess.run(command, stdin=other, capture_output=True, timeout=30, check=False)
    os.close(other)
    os.close(main)
    assert done.returncode == status
    assert b"for good?" in done.stderr
    kept = json.loads(run("privacy", "export", "--subject", PERSON, "--config", people).stdout)
    assert len(kept) == left
