"""Who waits for the morning, and whose morning it is."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifyhub.errors import SettingsError
from notifyhub.policies import QuietHours, QuietTime
from notifyhub.policies.days_off import calendar_of
from notifyhub.policies.time_zones import find_zone, zones_of
from notifyhub.policy import ALLOW, Decision, Defer
from tests.policies.messages import message

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = QuietTime(start=time(22), end=time(8))
# 03:00 in Shanghai, 20:00 in Berlin of the day before.
EVENING = datetime(2026, 11, 23, 19, tzinfo=UTC)


def decided(moment: datetime, *quiet: QuietTime, category: str = "marketing", **fields: Any) -> Decision:
    policy = QuietHours(quiet or (NIGHT,), SHANGHAI, clock=lambda: moment)
    return asyncio.run(policy.decide(message(category, **fields)))


@pytest.mark.parametrize("category", ["otp", "alert", "order", "ops"])
def test_what_is_urgent_goes(category: str) -> None:
    """Only the categories that are listed wait; marketing alone by default."""
    assert decided(EVENING, category=category) is ALLOW
    assert isinstance(decided(EVENING, QuietTime(
        start=time(22), end=time(8), categories=frozenset({message(category).category})
    ), category=category), Defer)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "end", "where"),
    [
        ({}, "2026-11-24T08:00+08:00", "Asia/Shanghai, where the number is from"),
        ({"time_zone": "Asia/Tokyo"}, "2026-11-24T08:00+09:00", "recipient's time zone Asia/Tokyo"),
        ({"channel": "email", "to": "a@b.co"}, "2026-11-24T08:00+08:00", "default time zone Asia/Shanghai"),
        # +1 212 is New York's; in all of the United States it is afternoon.
        ({"to": "+12125550123"}, None, ""),
        ({"to": "+493012345678"}, None, ""),
    ],
)
def test_whose_night_it_is(fields: dict[str, str], end: str | None, where: str) -> None:
    """The recipient's own time zone decides, else the number's country, else the default."""
    decision = decided(EVENING, **fields)
    if end is None:
        assert decision is ALLOW
    else:
        assert isinstance(decision, Defer)
        assert decision.until == datetime.fromisoformat(end)
        assert where in decision.why


def test_a_country_of_several_zones() -> None:
    """There it is quiet until everybody's morning has come: nine in New York is early elsewhere."""
    nine_in_new_york = datetime(2026, 11, 23, 14, tzinfo=UTC)
    decision = decided(nine_in_new_york, to="+12125550123")
    assert isinstance(decision, Defer)
    assert "US, which has several time zones" in decision.why
    # Honolulu and Adak get up last.
    assert decision.until == datetime(2026, 11, 23, 18, tzinfo=UTC)


def test_china_is_one_zone() -> None:
    """All of China keeps Beijing time, whatever the zone table knows of Xinjiang."""
    assert zones_of("CN") == (SHANGHAI,)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "Europe", "../../etc/passwd", "A" * 300, "Asia/\0"])
def test_an_unknown_zone_loses_nothing(name: str) -> None:
    """A zone that nobody knows is passed over, and `explain()` says so."""
    assert find_zone(name) is None
    decision = decided(EVENING, time_zone=name)
    assert isinstance(decision, Defer)
    assert decision.why.endswith("where the number is from; the recipient's own time zone is not known here")


def test_several_tables() -> None:
    """Where one quiet time runs into another, the end of both is waited for."""
    noon = QuietTime(start=time(8), end=time(9))
    decision = decided(EVENING, NIGHT, noon)
    assert isinstance(decision, Defer)
    assert decision.until == datetime(2026, 11, 24, 9, tzinfo=SHANGHAI)


def test_a_country_by_its_calendar() -> None:
    """With the package `holidays`, a country's public holidays are known, or those of a part of it."""
    pytest.importorskip("holidays")
    assert datetime(2026, 10, 1).date() in calendar_of("CN")
    assert datetime(2026, 1, 6).date() in calendar_of("DE-BY")
    assert datetime(2026, 1, 6).date() not in calendar_of("DE")
    with pytest.raises(SettingsError, match="ISO 3166"):
        calendar_of("XX")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the settings are refused, with what to install."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(SettingsError, match=r"notifyhub-core\[holidays\]"):
        calendar_of("CN")
