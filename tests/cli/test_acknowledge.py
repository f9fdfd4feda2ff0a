"""`notifyhub acknowledge`: somebody has taken notice."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Run

NUMBER = "13800138000"


def test_acknowledged(run: Run, kept: Path) -> None:
    """What was to follow is cancelled, and both tell who took notice."""
    settings = kept.read_text(encoding="utf-8")
    kept.write_text(
        settings
        + """
[providers.phone]
type = "console"

[[policies.escalations]]
category = "alert"
steps = [{ after = 60, provider = "phone" }]
""",
        encoding="utf-8",
    )
    sent = run(
        "send", "--text", "the door", "--category", "alert", "--to", NUMBER, "--json", "--config", kept
    )
    delivery_id = json.loads(sent.stdout)["id"]
    story = run("ledger", "explain", delivery_id, "--config", kept).stdout
    follow_up = story.partition("followed by phone after 60 s (")[2].partition(")")[0]
    assert follow_up, story
    done = run("acknowledge", delivery_id, "--config", kept)
    assert done.exit_code == 0
    assert done.stdout.startswith("acknowledged · accepted: text by sms to 138****8000")
    for each in (delivery_id, follow_up):
        told = run("ledger", "explain", each, "--config", kept).stdout
        assert f"acknowledged by {getpass.getuser()}" in told
    shown = run("ledger", "show", follow_up, "--json", "--config", kept)
    assert json.loads(shown.stdout)["status"] == "cancelled"
    assert json.loads(shown.stdout)["escalates"] == delivery_id


def test_nobody(run: Run, kept: Path) -> None:
    """An id that nobody has is told of, with status 2."""
    done = run("acknowledge", "0" * 32, "--config", kept)
    assert (done.exit_code, "no such delivery" in done.stderr) == (2, True)
