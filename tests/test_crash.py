"""A process may be killed at any instruction: what is found afterwards is what the categories promise.

The thorough forms, at random and on every ledger, are the commands in tests/campaigns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from notifyhub.category import Category
from tests.campaigns.points import Point, Way

ROOT = Path(__file__).parents[1]
SEND, WORKER, ASKING = Way


class End(NamedTuple):
    """What a delivery comes to. copies: that the gateway's own journal shows."""

    status: str
    copies: int
    attempts: tuple[str, ...]


ONCE = End("accepted", 1, ("a accepted",))
HELD = ("a unknown",)

# What the ledger knew and the gateway had when the process died, and the end that follows for each category.
ENDS: Mapping[str, Mapping[str, End | None]] = {
    "nothing": dict.fromkeys(Category),
    "queued": dict.fromkeys(Category, ONCE),
    "recorded": dict.fromkeys(Category, ONCE),
    "committed, not gone": {
        "otp": End("accepted", 1, ("a unknown", "b accepted")),
        "alert": End("accepted", 1, ("a unknown", "a accepted")),
        "order": End("unknown", 0, HELD),
        "marketing": End("unknown", 0, HELD),
        "ops": End("accepted", 1, ("a unknown", "a accepted")),
    },
    "committed, gone": {
        "otp": End("accepted", 2, ("a unknown", "b accepted")),
        "alert": End("accepted", 2, ("a unknown", "a accepted")),
        "order": End("unknown", 1, HELD),
        "marketing": End("unknown", 1, HELD),
        "ops": End("accepted", 2, ("a unknown", "a accepted")),
    },
    "second committed, first gone": {
        "otp": End("unknown", 1, ("a unknown", "b unknown")),
        "alert": End("accepted", 2, ("a unknown", "a unknown", "b accepted")),
        "ops": End("accepted", 2, ("a unknown", "a unknown", "a accepted")),
    },
    "both gone": {
        "otp": End("unknown", 2, ("a unknown", "b unknown")),
        "alert": End("accepted", 3, ("a unknown", "a unknown", "b accepted")),
        "ops": End("accepted", 3, ("a unknown", "a unknown", "a accepted")),
    },
}

POINTS: Mapping[Way, Mapping[Point, str]] = {
    SEND: {
        Point.BEFORE_OPEN: "nothing",
        Point.OPENED: "committed, not gone",
        Point.BEFORE_BYTES: "committed, not gone",
        Point.ANSWERED: "committed, gone",
        Point.BEFORE_RECORD: "committed, gone",
        Point.RECORDED: "recorded",
        Point.UNANSWERED: "committed, gone",
        Point.HELD: "committed, gone",
        Point.COMMITTED_AGAIN: "second committed, first gone",
        Point.ANSWERED_AGAIN: "both gone",
        Point.TAKEN_OVER: "committed, gone",
        Point.PUT_BACK: "committed, gone",
        Point.CLAIMED_AGAIN: "committed, gone",
    },
    WORKER: {
        Point.BEFORE_OPEN: "nothing",
        Point.OPENED: "queued",
        Point.BEFORE_CLAIM: "queued",
        Point.CLAIMED: "committed, not gone",
        Point.BEFORE_BYTES: "committed, not gone",
        Point.ANSWERED: "committed, gone",
        Point.BEFORE_RECORD: "committed, gone",
        Point.RECORDED: "recorded",
        Point.UNANSWERED: "committed, gone",
        Point.HELD: "committed, gone",
        Point.COMMITTED_AGAIN: "second committed, first gone",
        Point.ANSWERED_AGAIN: "both gone",
        Point.TAKEN_OVER: "committed, gone",
        Point.PUT_BACK: "committed, gone",
        Point.CLAIMED_AGAIN: "committed, gone",
    },
    ASKING: {
        Point.CLAIMED: "queued",
        Point.COMMITTED: "committed, not gone",
        Point.ANSWERED: "committed, gone",
        Point.RECORDED: "recorded",
        Point.COMMITTED_AGAIN: "second committed, first gone",
        Point.ANSWERED_AGAIN: "both gone",
    },
}

HOLD = frozenset({Category.ORDER, Category.MARKETING})


def _happens(point: Point, category: Category) -> bool:
    """A category that holds makes no second attempt; one that goes on makes it before it records anything."""
    if point in (Point.COMMITTED_AGAIN, Point.ANSWERED_AGAIN, Point.CLAIMED_AGAIN):
        return category not in HOLD
    return category in HOLD if point is Point.HELD else True


CASES = [
    (way, point, category)
    for way, points in POINTS.items()
    for point in points
    for category in Category
    if _happens(point, category)
]


@pytest.fixture(scope="module")
def came_to(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What every case came to, in the order of CASES: all are run at once, because each waits for a lease."""
    asked = [{"way": way, "point": point, "category": category} for way, point, category in CASES]
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaigns.forge", str(tmp_path_factory.mktemp("forge"))],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{way}-{point}-{category}" for way, point, category in CASES]
)
def test_a_crash_at_a_labelled_point(number: int, came_to: list[dict[str, Any]]) -> None:
    """Killed at this point, a message of this category ends in this state, with so many copies out."""
    way, point, category = CASES[number]
    case = came_to[number]
    assert case["wrong"] is None, case["log"]
    expected = ENDS[POINTS[way][point]][category]
    if expected is None:
        assert (case["found"], case["copies"]) == ([], 0)
        return
    [delivery] = case["found"]
    end = End(delivery["status"], case["copies"], tuple(delivery["attempts"]))
    assert end == expected, delivery["explained"]


def _campaign(name: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.campaigns.{name}", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_at_random_in_short() -> None:
    """The campaign's own verdict, on a few messages and kills: nothing lost, doubled or made up."""
    shown = _campaign(
        "crash", "--n", "60", "--kills", "4", "--lease", "1", "--slowest", "0.4", "--concurrent", "4"
    )
    assert "sqlite embedded: every promise held" in shown


def test_told_to_stop_in_short() -> None:
    """SIGTERM with many in flight: the worker exits within its grace and a second, and nothing is lost."""
    shown = _campaign("sigterm", "--rounds", "1", "--in-flight", "40")
    assert "sqlite embedded: every promise held" in shown
