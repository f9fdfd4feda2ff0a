"""`notifyhub enqueue`: what is kept for a worker, and what is refused to whoever asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub.plugins import Plugins
from notifyhub.policy import Defer
from notifyhub_ihuyi.simulator import Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run

NUMBER, CODE = "13800138000", "482913"
LOGIN = ("enqueue", "login/code", "--to", NUMBER, "--var", f"code={CODE}")
PAID = ("enqueue", "order/paid", "--var", "order_no=20261122001", "--var", "amount=128.00", "--to", NUMBER)
KEYS = ["id", "status", "channel", "provider", "provider_message_id", "reason", "attempts", "key", "due"]


def test_it_is_queued_and_nothing_is_sent(run: Run, kept: Path, gateway: Simulator) -> None:
    """One line with the masked address and the id, status 0; the gateway hears nothing of it."""
    done = run(*PAID, "--config", kept)
    assert done.exit_code == 0
    assert done.stdout.startswith("queued: order/paid by sms to 138****8000 · id ")
    assert done.stdout.count("\n") == 1
    delivery_id = done.stdout.split()[-1]
    assert (
        json.loads(run("ledger", "show", delivery_id, "--config", kept, "--json").stdout)["status"]
        == "queued"
    )
    assert gateway.requests == []


def test_json_is_one_object(run: Run, kept: Path) -> None:
    """--json has the keys of `send`, and the key and when it is due."""
    done = run(*LOGIN, "--key", "k1", "--config", kept, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, list(told)) == (0, KEYS)
    assert (told["status"], told["key"], told["due"], told["attempts"]) == ("queued", "k1", None, [])
    assert CODE not in done.output
    assert NUMBER not in done.output


def test_the_same_under_one_key_is_one_delivery(run: Run, kept: Path) -> None:
    """The same request under its key gives the first delivery, whatever became of it; another is refused."""
    first = json.loads(run(*PAID, "--key", "o1", "--config", kept, "--json").stdout)
    again = run(*PAID, "--key", "o1", "--config", kept, "--json")
    assert (again.exit_code, json.loads(again.stdout)["id"]) == (0, first["id"])
    assert run("worker", "--drain", "--config", kept).exit_code == 0
    after = run(*PAID, "--key", "o1", "--config", kept, "--json")
    assert (after.exit_code, json.loads(after.stdout)["id"]) == (0, first["id"])
    assert json.loads(after.stdout)["status"] == "accepted"
    other = run(*LOGIN, "--key", "o1", "--config", kept)
    assert (other.exit_code, other.stdout) == (2, "")
    assert "key: this idempotency key stands for another request" in other.stderr


@pytest.mark.parametrize("way", ["span", "time"])
def test_it_waits_until_send_at(run: Run, kept: Path, gateway: Simulator, way: str) -> None:
    """--send-at is told as `due`, and a worker leaves it until then."""
    written = "+2h" if way == "span" else (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    told = json.loads(run(*PAID, "--send-at", written, "--config", kept, "--json").stdout)
    due = datetime.fromisoformat(told["due"])
    assert abs(due - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=2)
    assert run("worker", "--drain", "--config", kept).stdout == "carried 0\n"
    assert gateway.requests == []
    assert " · due " in run(*PAID, "--send-at", written, "--config", kept).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--send-at", "tomorrow"), "send_at: is no time; write it as 2026-11-22T20:00+08:00, or as +30s"),
        (("--send-at", "2026-11-22T20:00"), "send_at: has no time zone; write it as"),
        (("--expires-at", "+1y"), "expires_at: is no span of time; write it as"),
        (("--expires-at", "2020-01-01T00:00+00:00"), "expires_at: is over before it could be sent"),
        (("--send-at", "+2h", "--expires-at", "+1h"), "expires_at: is over before it could be sent"),
        (("--var", "code=2"), "code: the notice `order/paid` has no such variable"),
    ],
)
def test_what_is_wrong_is_told_to_whoever_asks(
    run: Run, kept: Path, arguments: tuple[str, ...], told: str
) -> None:
    """A request that could never be sent is refused now: status 2, and nothing is kept."""
    done = run(*PAID, *arguments, "--config", kept, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"notifyhub: {told}" in done.stderr
    assert run("ledger", "find", "--config", kept, "--json").stdout == ""


def test_what_every_provider_would_refuse_is_refused(run: Run, kept: Path) -> None:
    """Words that no instance of the route would take are refused to the caller, not in the worker."""
    done = run("enqueue", "--text", "好" * 600, "--to", NUMBER, "--config", kept)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "would be refused by sms" in done.stderr


def test_a_ledger_in_memory_is_refused(run: Run, config: Path) -> None:
    """Nothing would ever send it, so it says that and how to have a ledger that lasts; status 2."""
    done = run(*PAID, "--config", config)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "notifyhub: ledger.url: the ledger is in memory and ends with this command: nothing would ever send "
        'what is queued in it; set url = "sqlite:///notifyhub.db" in [ledger]\n'
    )


def test_a_ledger_that_cannot_be_used_is_75(run: Run, kept: Path) -> None:
    """Where it cannot be kept now, nothing is: one line, and the status that says another try may do."""
    text = kept.read_text(encoding="utf-8").replace(
        "sqlite:///notifyhub.db", "sqlite:///nowhere/notifyhub.db"
    )
    kept.write_text(text, encoding="utf-8")
    done = run(*PAID, "--config", kept)
    assert (done.exit_code, done.stdout) == (75, "")
    assert done.stderr.startswith("notifyhub: `notifyhub.db` cannot be opened; create its folder")
    assert done.stderr.count("\n") == 1


def test_dry_run_keeps_nothing(run: Run, kept: Path) -> None:
    """A dry run checks and chooses the route; not even the ledger's file is made."""
    done = run(*LOGIN, "--send-at", "+1h", "--dry-run", "--config", kept)
    assert (done.exit_code, done.stdout.split(":")[0]) == (0, "dry_run")
    assert not (kept.parent / "notifyhub.db").exists()


class _Tonight:
    """A policy that puts everything off by an hour."""

    name = "tonight"

    async def decide(self, message: object) -> Defer:
        return Defer(datetime.now(UTC) + timedelta(hours=1), "not before tonight")


def test_send_that_a_policy_defers_is_queued(
    run: Run, kept: Path, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a ledger that lasts, what a policy puts off is `queued` and no failure: status 0."""
    monkeypatch.setattr(Plugins, "policies", lambda self, settings: [_Tonight()])
    done = run("send", *PAID[1:], "--config", kept)
    assert done.exit_code == 0
    assert done.stdout.startswith("queued: order/paid by sms to 138****8000 · due ")
    assert done.stdout.endswith(" · tonight: not before tonight\n")
    assert gateway.requests == []


def test_send_that_a_policy_defers_in_memory_is_3(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a ledger in memory nobody will send it, and the status says so."""
    monkeypatch.setattr(Plugins, "policies", lambda self, settings: [_Tonight()])
    done = run("send", *PAID[1:], "--config", config, "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (3, "deferred")
