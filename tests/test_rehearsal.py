"""Rehearsal: routes tried out without sending, in an application's own tests and for explanations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notifyhub.breaker import BreakerState
from notifyhub.category import Category
from notifyhub.errors import InvalidAddress, UnknownNotice
from notifyhub.health import Condition
from notifyhub.health.condition import Trouble
from notifyhub.hub import Hub
from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.reason import Reason
from notifyhub.rehearsal import RouteExplanation, explain_route, imagined, run_route_tests
from notifyhub.sync import SyncHub
from notifyhub.testing import RecordingProvider

ROUTES = [
    {"channel": "sms", "country": "US", "providers": ["b"]},
    {"rule": "vip", "notice": "login/*", "providers": ["b"]},
    {"channel": "sms", "providers": ["a", "b"], "strategy": "by_health"},
    {"channel": "email", "providers": ["mail"]},
]


def hub(**settings: Any) -> Hub:
    return Hub(
        {"routes": ROUTES, **settings},
        providers={name: RecordingProvider() for name in ("a", "b", "mail")},
        rules={"vip": lambda message: message.to.endswith("1")},
    )


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"to": "13800138000", "expect": ["a", "b"]}, None),
        ({"to": "13800138000", "expect": "b"}, None),
        ({"to": "+14155552671", "expect": "b"}, None),
        ({"to": "13800138001", "notice": "login/code", "expect": "b"}, None),
        ({"to": "13800138001", "notice": "order/shipped", "expect": ["b", "a"]}, None),
        ({"to": "x@example.com", "expect": "mail"}, None),
        ({"to": "+14155552671", "expect": "a"}, "expected a, but routes.0 (channel sms, country US) has b"),
        ({"to": "13800138000", "expect": "mail"}, "has a, b"),
        ({"to": "13800138000", "notice": "login/cod", "expect": "b"}, "no notice `login/cod`"),
        ({"to": "1380013", "expect": "a"}, "to: no"),
        ({"to": "room 7", "channel": "chat", "expect": "a"}, "no route for channel chat"),
    ],
)
def test_route_tests(table: dict[str, Any], problem: str | None) -> None:
    """A table passes where the routes choose whom it expects, and says what it found where not."""
    (tried,) = run_route_tests(hub(route_tests=[table]))
    assert tried.passed == (problem is None), tried
    assert (problem or "") in (tried.problem or "")
    assert "13800138" not in repr(tried)


def explained(hub: Hub, *arguments: Any, **more: Any) -> RouteExplanation:
    async def ask() -> RouteExplanation:
        async with hub:
            return await explain_route(hub, imagined(hub, *arguments, **more))

    return asyncio.run(ask())


def test_an_explanation() -> None:
    """Every route up to the one that fits is told with its conditions, and who would be asked now."""
    told = explained(hub(), "13800138000", notice="login/code")
    assert told.message.category is Category.OTP
    assert [judged.fits for judged in told.judged] == [False, False, True]
    missed = [c.name for judged in told.judged for c in judged.conditions if not c.met]
    assert missed == ["country", "rule"]
    assert [(each.name, each.health.well, each.breaker) for each in told.standings] == [
        ("a", True, BreakerState.CLOSED), ("b", True, BreakerState.CLOSED),
    ]  # fmt: skip


def test_nothing_is_sent_or_counted() -> None:
    """Explaining is only looking: no provider is asked, whatever the strategy."""
    asked = hub()
    explained(asked, "13800138000")
    assert all(not i.provider.messages for i in asked.registry.instances.values())  # type: ignore[attr-defined]


def test_no_route_is_an_explanation_too() -> None:
    """Where nothing fits, the explanation says so and shows each route's missing condition."""
    told = explained(hub(), "room 7", channel="chat")
    assert told.path is None
    assert "no route for channel chat" in (told.problem or "")
    assert len(told.judged) == len(ROUTES)


def test_what_cannot_be_imagined() -> None:
    """A notice that does not exist and an address that is none are told, not routed."""
    with pytest.raises(UnknownNotice):
        imagined(hub(), "13800138000", notice="login/cod")
    with pytest.raises(InvalidAddress):
        imagined(hub(), "nobody")


def test_suppressed_addresses_are_told() -> None:
    """An entry of the suppression list that would stop the message is shown, and for one instance too."""
    asked = hub(policies={"suppression_list": {}})

    async def ask() -> RouteExplanation:
        async with asked:
            await asked.suppress("13800138000", reason="asked for it")
            await asked.suppress("13800138001", instance="a", reason="blacklisted")
            await explain_route(asked, imagined(asked, "13800138001"))
            other = await explain_route(asked, imagined(asked, "13800138001"))
            assert other.listed is None
            assert [each.against for each in other.standings] == [
                "on the suppression list for it: blacklisted", None,
            ]  # fmt: skip
            return await explain_route(asked, imagined(asked, "13800138000"))

    told = asyncio.run(ask())
    assert told.listed is not None
    assert told.listed.reason == "asked for it"


def test_what_a_hub_sees_moves_its_traffic() -> None:
    """A hub whose first instance fails asks the other first, once the failures have been seen."""
    a = RecordingProvider(outcomes=[Outcome.not_sent(Reason.UNREACHABLE)] * 100)
    b = RecordingProvider()
    settings = {
        "routes": [{"providers": ["a", "b"], "strategy": "by_health"}],
        "breaker": {"threshold": 1000},
    }

    async def check() -> None:
        async with Hub(settings, providers={"a": a, "b": b}) as hub:
            for _ in range(20):
                await hub.send(text="一", to="13800138000", category="order")
            await hub.health.exchange()
            assert hub.health.condition("a") == Condition(stage=0, trouble=Trouble.FAILING)
            sent = [await hub.send(text="二", to="13800138000", category="otp") for _ in range(20)]
            assert {attempt.provider for delivery in sent for attempt in delivery.attempts} == {"b"}
            told = await explain_route(hub, Message(channel="sms", to="+8613800138000", text=""))
            assert told.standings[-1].name in ("a", "b")

    asyncio.run(check())


def test_rules_of_a_synchronous_hub() -> None:
    """SyncHub takes the application's rules too, and tests its routes with them."""
    settings = {
        "routes": [{"rule": "vip", "providers": ["a"]}, {"providers": ["b"]}],
        "route_tests": [{"to": "13800138001", "expect": "a"}, {"to": "13800138002", "expect": "b"}],
    }
    providers = {"a": RecordingProvider(), "b": RecordingProvider()}
    with SyncHub(settings, providers=providers, rules={"vip": lambda m: m.to.endswith("1")}) as sync:
        assert sync.send(text="一", to="13800138001").provider == "a"
        assert all(tried.passed for tried in run_route_tests(sync.hub))
