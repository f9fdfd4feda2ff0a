"""`notifyhub route explain`: the decision, without a message."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub.ledger import Health, open_ledger
from notifyhub.ledger.health import SLOT
from notifyhub_ihuyi.simulator import Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run

ROUTES = """
[providers.spare]
type = "console"
[[routes]]
channel = "sms"
carrier = ["unicom", "telecom"]
providers = ["spare"]
[[routes]]
notice = "login/*"
rule = "vip"
providers = ["spare"]
[[routes]]
channel = "sms"
providers = ["sms", "spare"]
strategy = "by_health"
"""


@pytest.fixture
def routed(kept: Path) -> Path:
    kept.write_text(kept.read_text(encoding="utf-8") + ROUTES, encoding="utf-8")
    return kept


def test_the_decision(run: Run, routed: Path, gateway: Simulator) -> None:
    """Each route before the one that fits says why not; nothing is sent and no ledger is made."""
    done = run("route", "explain", "--to", "13800138000", "--notice", "login/code", "--config", routed)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:4] == [
        "sms to 138****8000, category otp, notice login/code",
        "  routes.0 (channel sms, carrier unicom/telecom): no: carrier is mobile, it wants telecom/unicom",
        "  routes.1 (notice login/*, rule vip): no: "
        "rule vip is the application's own, which this command does not have",
        "  routes.2 (channel sms): yes",
    ]
    assert "by_health: sms → spare" in done.stdout
    assert "nothing is known of anybody's health" in done.stderr
    assert gateway.submissions == []
    assert not (routed.parent / "notifyhub.db").exists()


def test_health_as_the_workers_see_it(run: Run, routed: Path) -> None:
    """What workers have written to the ledger decides the order that is shown."""

    async def fail() -> None:
        ledger = open_ledger("sqlite:///notifyhub.db", folder=routed.parent)
        await ledger.start()
        await ledger.observe([Health("sms", int(time.time() // SLOT), failed=50)])
        await ledger.aclose()

    assert run("ledger", "migrate", "--config", routed).exit_code == 0
    asyncio.run(fail())
    asked = ("route", "explain", "--to", "13800138000", "--category", "otp", "--config", routed)
    assert "by_health: spare → sms" in run(*asked).stdout
    told = json.loads(run(*asked, "--json").stdout)
    assert [(each["instance"], each["share"]) for each in told["instances"]] == [("spare", 1.0), ("sms", 0.0)]
    assert told["instances"][1]["health"] == "probes only: submissions fail"
    assert told["route"] == "routes.2 (channel sms)"


def test_no_route(run: Run, routed: Path) -> None:
    """Where no route fits, every one says why, and the exit status is 2."""
    done = run("route", "explain", "--to", "a@example.com", "--config", routed)
    assert done.exit_code == 2
    assert done.stdout.count(": no: ") == 3
    assert "no route for channel email, category order" in done.stderr
    told = json.loads(run("route", "explain", "--to", "a@example.com", "--json", "--config", routed).stdout)
    assert told["route"] is None
    assert not any(route["fits"] for route in told["routes"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "13800138000", "--notice", "login/cod"), "did you mean `login/code`?"),
        (("--to", "13800138000", "--category", "otpp"), "category: unknown category; did you mean `otp`?"),
        (("--to", "1380013800"), "to: no such phone number can exist"),
    ],
)
def test_what_cannot_be_asked(run: Run, routed: Path, arguments: tuple[str, ...], told: str) -> None:
    """A wrong question is one line, without the number."""
    done = run("route", "explain", *arguments, "--config", routed)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert "1380013800" not in done.stderr
