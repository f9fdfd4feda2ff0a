"""The policies that `[policies]` switches on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from notifyhub.errors import SettingsError
from notifyhub.policies import Budgets, Limits, VendorLimits, stock_policies
from notifyhub.quota import Limit, LimitRule
from notifyhub.settings import settings_from
from tests.policies.messages import Vendor, message

A_LIMIT = LimitRule(name="its own", limits=(Limit(1, 1),))


def built(providers: dict[str, Any] | None = None, routes: Any = (), **policies: Any) -> list[Any]:
    """The policies of such settings. providers: `a` and `b`, if left out."""
    settings = settings_from({"policies": policies, "routes": list(routes)})
    return stock_policies(settings, providers or {"a": Vendor("a", limits=(A_LIMIT,)), "b": Vendor("b")})


def test_their_order() -> None:
    """What costs least to know is asked first, and what reads like a repetition last."""
    policies = built(
        deduplicate={},
        budgets=[{"amount": 5}],
        vendor_limits=True,
        limits=[{"limit": "5/day"}],
        quiet_hours=[{"start": "22:00", "end": "08:00"}],
        suppression_list={},
    )
    names = [policy.name for policy in policies]
    assert names == ["suppression_list", "quiet_hours", "limits", "vendor_limits", "budgets", "deduplicate"]
    assert built() == []


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ({"limit": "5/day"}, "per recipient 5/day"),
        ({"limit": "1/60s", "category": "otp"}, "otp per recipient 1/60s"),
        ({"limit": "9/hour", "per": ["recipient", "notice"]}, "per recipient and notice 9/hour"),
        ({"limit": "900/day", "per": [], "country": "de"}, "DE altogether 900/day"),
        ({"limit": "900/day", "per": "country", "name": "abroad"}, "abroad 900/day"),
    ],
)
def test_what_limits_are_called(table: dict[str, Any], name: str) -> None:
    """`explain()` calls a limit by its table's name, else by what it is for."""
    (policy,) = built(limits=[table])
    assert isinstance(policy, Limits)
    sent = message(table.get("category", "order"), to="+493012345678")
    assert [quota.name for quota in policy.quotas(sent, ("a",))] == [name]


def test_limits_by_provider() -> None:
    """A limit of an instance is kept by taking turns, with or without those that vendors declare."""
    table = {"limit": "100/day", "per": [], "provider": ["a", "b"]}
    (policy,) = built(limits=[table])
    assert isinstance(policy, VendorLimits)
    quotas = [turn.quotas for turn in policy.turns(message(), ("a", "b", "c"))]
    assert quotas[0] == quotas[1]
    assert [quota.name for quota in quotas[0]] == ["by a by b altogether 100/day"]
    assert quotas[2] == ()
    (both,) = built(limits=[table], vendor_limits=True)
    names = [[quota.name for quota in turn.quotas] for turn in both.turns(message(), ("a", "b"))]
    assert names == [["a: its own 1/1s", "by a by b altogether 100/day"], ["by a by b altogether 100/day"]]


def test_fixed_windows_follow_the_default_zone() -> None:
    """A fixed day begins at midnight in `default_time_zone`."""
    (policy,) = built(limits=[{"limit": "5/day", "window": "fixed"}])
    (quota,) = policy.quotas(message(), ("a",))
    assert quota.offset == 8 * 3600


@pytest.mark.parametrize(
    ("policies", "field", "words"),
    [
        (
            {"limits": [{"limit": "5/day"}] * 2},
            "policies.limits",
            "two tables are called `per recipient 5/day`",
        ),
        ({"budgets": [{"amount": 5}, {"amount": 6}]}, "policies.budgets", "two tables are called"),
        ({"limits": [{"limit": "5/day", "provider": "c"}]}, "policies.limits.provider", "`c`"),
        (
            {"budgets": [{"amount": 5, "unit": "money"}]},
            "policies.prices.a",
            "the price of a part sent by `a`",
        ),
        ({"prices": {"c": 1}, "budgets": [{"amount": 5}]}, "policies.prices", "`c`"),
    ],
)
def test_what_cannot_be(policies: dict[str, Any], field: str, words: str) -> None:
    """Settings that would count wrongly are refused at the start, with the key that is wrong."""
    with pytest.raises(SettingsError, match=words) as caught:
        built(**policies)
    assert caught.value.field == field


def test_prices_of_those_that_may_carry_it() -> None:
    """A budget in money needs the prices of instances on routes that its messages may take, of no others."""
    money = {"amount": 5, "unit": "money", "category": "marketing"}
    routes = [{"providers": ["a"], "category": "marketing"}, {"providers": ["b"], "category": "otp"}]
    (policy,) = built(budgets=[money], prices={"a": 0.04}, routes=routes)
    assert isinstance(policy, Budgets)
    (quota,) = policy.quotas(message("marketing"), ("a",))
    assert (quota.amount, quota.limit) == (40_000, Limit(5_000_000, 86400, "fixed"))


def test_an_unknown_zone_in_the_settings() -> None:
    """A default time zone that does not exist is an error of the settings."""
    settings = settings_from({"default_time_zone": "Mars/Olympus"})
    with pytest.raises(SettingsError, match="no time zone known here"):
        stock_policies(settings, {})


def test_holidays_of_a_table() -> None:
    """Holidays and days worked instead of them come from the table."""
    night = {"start": "22:00", "end": "08:00", "holidays": ["2026-10-01"], "workdays": ["2026-10-10"]}
    (policy,) = built(quiet_hours=[night])
    policy._clock = lambda: datetime(2026, 10, 1, 4, tzinfo=UTC)
    decision = asyncio.run(policy.decide(message("marketing")))
    assert decision.until == datetime(2026, 10, 2, tzinfo=UTC)
