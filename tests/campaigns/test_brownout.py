"""The brown-out's short form: traffic moves, and nothing is lost or doubled beyond its promise."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tests.campaigns.audit import Audit
from tests.campaigns.brownout import FIRST, SPARE, Found, Plan, Second, campaign, picture, reached, share


def test_traffic_moves(tmp_path: Path) -> None:
    """Two workers leave a vendor that browns out within a few seconds, and keep every promise meanwhile."""
    # A short timeout stands for a long one: what follows is counted in answers that did not come.
    plan = Plan(calm=1, brown_out=5, after=0, rate=40, timeout=0.5)
    found = asyncio.run(campaign(tmp_path, plan))
    assert found.audit.passed, found.audit.broken
    assert found.audit.numbers["promised"] == plan.rate * plan.total
    assert share(found.seconds[:1], FIRST) > 0.9
    assert share(found.seconds[-2:], SPARE) > 0.75, [second.begun for second in found.seconds]


def seconds(*shares: int) -> list[Second]:
    return [Second(Counter({FIRST: each, SPARE: 100 - each}), Counter({FIRST: 1})) for each in shares]


def test_when_it_moved_and_came_back() -> None:
    """The moment is that from which on the share holds for three seconds, not a single peak."""
    course = seconds(100, 100, 40, 0, 60, 5, 2, 0, 10, 50, 100, 100, 100)
    assert reached(course, SPARE, 0.9, 2) == 3
    assert reached(course, FIRST, 0.95, 7) == 3
    assert reached(course, FIRST, 0.95, 11) is None


def test_the_picture_is_well_formed() -> None:
    """The plot is XML, with a point for each second in both curves and a bar for each that had failures."""
    found = Found(seconds=seconds(*range(0, 100, 5)), moved=1, back=2, audit=Audit())
    drawn = ElementTree.fromstring(picture(found, Plan(calm=5, brown_out=10, after=5)))  # noqa: S314 - ours
    named = "{http://www.w3.org/2000/svg}"
    lines = [line.attrib["points"].split() for line in drawn.iter(f"{named}polyline")]
    assert [len(points) for points in lines] == [20, 20]
    assert len([r for r in drawn.iter(f"{named}rect") if r.attrib["class"] == "bar"]) == 20
