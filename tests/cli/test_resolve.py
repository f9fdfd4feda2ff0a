"""`notifyhub resolve`: an operator's word."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub_ihuyi.simulator import Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run

NUMBER, SILENT = "13800138000", "13700000004"
PAID = ("send", "order/paid", "--var", "order_no=20261122001", "--var", "amount=128.00", "--to")


@pytest.fixture
def uncertain(run: Run, kept: Path) -> str:
    """The id of a delivery that may have gone out."""
    done = run(*PAID, SILENT, "--config", kept, "--json")
    assert done.exit_code == 4
    delivery_id: str = json.loads(done.stdout)["id"]
    return delivery_id


@pytest.mark.parametrize(("word", "status"), [("delivered", "delivered"), ("failed", "undelivered")])
def test_its_fate_is_said(run: Run, kept: Path, uncertain: str, word: str, status: str) -> None:
    """An operator says delivered or failed, and it ends so; who said it and why stands in its story."""
    done = run("resolve", uncertain, "--as", word, "--why", "she called", "--config", kept)
    assert (done.exit_code, done.stdout.startswith(f"{status}: order/paid by sms to 137****0004")) == (
        0,
        True,
    )
    story = run("ledger", "explain", uncertain, "--config", kept).stdout
    assert f"operator: {getpass.getuser()} says {word}: she called" in story


def test_resend_is_a_new_delivery(run: Run, kept: Path, uncertain: str, gateway: Simulator) -> None:
    """A resend queues the same words under a new id that names the old one, and a worker sends it."""
    done = run(
        "resolve",
        uncertain,
        "--as",
        "resend",
        "--why",
        "not in the log",
        "--by",
        "li",
        "--json",
        "--config",
        kept,
    )
    told = json.loads(done.stdout)
    assert (done.exit_code, told["id"], told["status"]) == (0, uncertain, "undelivered")
    again = told["resent"]["id"]
    assert run("worker", "--drain", "--config", kept).exit_code == 0
    shown = json.loads(run("ledger", "show", again, "--config", kept, "--json").stdout)
    assert (shown["resend_of"], len(shown["attempts"])) == (uncertain, 1)
    assert len(gateway.submissions) == 2
    assert "operator: li says resend" in run("ledger", "explain", uncertain, "--config", kept).stdout


def test_resend_tells_both(run: Run, kept: Path, uncertain: str) -> None:
    """For people: a line for the old delivery and one for the new."""
    done = run("resolve", uncertain, "--as", "resend", "--why", "asked twice", "--config", kept)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["undelivered", "queued"]
    assert SILENT not in done.output


def test_what_leaves_nothing_to_say_is_refused(run: Run, kept: Path, uncertain: str) -> None:
    """A known fate, an unknown word, no reason, an unknown id: status 2 and one line each."""
    accepted = json.loads(run(*PAID, NUMBER, "--config", kept, "--json").stdout)["id"]
    for arguments, told in (
        ((accepted, "--as", "delivered", "--why", "x"), "it is accepted"),
        ((accepted, "--as", "resend", "--why", "x"), "is accepted; only what is unknown or dead"),
        ((uncertain, "--as", "resent", "--why", "x"), "as: unknown verdict; did you mean `resend`?"),
        ((uncertain, "--as", "failed", "--why", " "), "why: is empty; say how you know"),
        (("0" * 32, "--as", "failed", "--why", "x"), "delivery_id: no such delivery"),
        ((uncertain, "--as", "failed"), "Missing option '--why'"),
    ):
        done = run("resolve", *arguments, "--config", kept)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert told in done.stderr
