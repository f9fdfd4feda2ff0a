"""Routing: the first route that fits, its order, and errors that say what was looked for and what exists."""

from __future__ import annotations

import logging
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.errors import NoRoute, SettingsError
from notifyhub.health import FULL, Condition
from notifyhub.health.condition import WELL, Trouble
from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Capabilities
from notifyhub.routing import Instance, Router
from notifyhub.routing.router import MOST_KNOWN
from notifyhub.settings import RouteSettings


class Silent:
    def __init__(self, *channels: str) -> None:
        self.name = "silent"
        self.capabilities = Capabilities(channels=frozenset(channels))

    async def send(self, message: Message) -> Outcome:
        raise AssertionError("routing sends nothing")

    async def aclose(self) -> None:
        pass


INSTANCES = {
    name: Instance(name, "silent", Silent(*channels))
    for name, channels in {"a": ["sms"], "b": ["sms"], "mail": ["email"], "any": ["*"]}.items()
}
DOMESTIC = Message(channel="sms", to="+8613800138000", text="x", category=Category.OTP)
ABROAD = Message(channel="sms", to="+14155552671", text="x", category=Category.OTP)
LETTER = Message(channel="email", to="a@b.co", text="x", category=Category.ORDER)


def names(router: Router, message: Message) -> str:
    return " ".join(instance.name for instance in router.route(message).instances)


def test_without_routes() -> None:
    """Without routes every instance that takes the channel is asked, in the order of the settings."""
    router = Router(INSTANCES)
    assert names(router, DOMESTIC) == "a b any"
    assert names(router, LETTER) == "mail any"


def test_first_that_fits() -> None:
    """Country, category and channel choose; the first route that fits is taken."""
    router = Router(
        INSTANCES,
        [
            RouteSettings.model_validate({"channel": "sms", "country": "cn", "providers": ["b", "a"]}),
            RouteSettings.model_validate({"category": ["otp", "alert"], "providers": "any"}),
            RouteSettings.model_validate({"channel": "email", "providers": ["mail"]}),
        ],
    )
    assert names(router, DOMESTIC) == "b a"
    assert names(router, ABROAD) == "any"
    assert router.route(ABROAD).words == (
        "route: routes.1 (category otp/alert), in_order: any (not routes.0 (channel sms, country CN))"
    )
    assert names(router, LETTER) == "mail"


def test_no_route_says_what_exists() -> None:
    """Where nothing fits, the error says what was looked for and what there is."""
    router = Router(INSTANCES, [RouteSettings(channel=("sms",), country=("CN",), providers=("a", "b"))])
    with pytest.raises(NoRoute) as caught:
        router.route(ABROAD)
    told = str(caught.value)
    assert "no route for channel sms, country US, category otp" in told
    assert "routes.0 (channel sms, country CN) to a, b" in told
    with pytest.raises(NoRoute, match=r"no route for channel voice.*a \(silent\) for sms"):
        Router({"a": INSTANCES["a"]}).route(Message(channel="voice", to="+8613800138000", text="1"))


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"providers": ["aa"]}, "routes.0.providers: no provider instance is called `aa`"),
        ({"providers": ["a"], "channel": "email"}, "routes.0.providers: `a` does not take the channel email"),
        ({"providers": ["a"], "weights": {"c": 1}}, "routes.0.weights: no provider instance is called `c`"),
    ],
)
def test_wrong_routes(route: dict[str, object], told: str) -> None:
    """A route that cannot work is refused when the hub starts, not at the first message."""
    with pytest.raises(SettingsError) as caught:
        Router(INSTANCES, [RouteSettings.model_validate(route)])
    assert str(caught.value).startswith(told)


def test_weighted() -> None:
    """Weights share the first place in proportion, and every instance stays in the path."""
    route = RouteSettings(providers=("a", "b"), strategy="weighted", weights={"a": 3.0})
    router = Router(INSTANCES, [route], rng=random.Random(7))
    paths = [router.route(DOMESTIC).instances for _ in range(4000)]
    first = Counter(path[0].name for path in paths)
    assert all(len(path) == 2 for path in paths)
    assert 0.72 < first["a"] / 4000 < 0.78


# Carriers, notices, rules

LOGIN = Message(channel="sms", to="+8613800138000", text="x", category=Category.OTP, notice="login/code")
SHIPPED = Message(channel="sms", to="+8613312345678", text="x", notice="order/shipped")


def routed(*tables: dict[str, object], **options: Any) -> Router:
    return Router(INSTANCES, [RouteSettings.model_validate(table) for table in tables], **options)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("+8613800138000", "a"),
        ("+8613012345678", "b"),
        ("+8613312345678", "b"),
        ("+8619212345678", "any"),
        ("+862112345678", "any"),
        ("+14155552671", "any"),
    ],
)
def test_by_carrier(to: str, expected: str) -> None:
    """A mainland mobile's carrier chooses; other numbers have none."""
    router = routed(
        {"carrier": "mobile", "providers": "a"},
        {"carrier": ["unicom", "telecom"], "providers": "b"},
        {"providers": "any"},
    )
    assert names(router, Message(channel="sms", to=to, text="x")) == expected
    assert names(router, Message(channel="email", to="a@b.co", text="x")) == "any"


def test_by_notice() -> None:
    """A notice is named whole, or by its beginning and a star."""
    router = routed(
        {"notice": ["login/code", "security/*"], "providers": "a"},
        {"notice": "order/*", "providers": "b"},
        {"providers": "any"},
    )
    by_notice = {
        notice: names(router, LOGIN.evolve(notice=notice))
        for notice in ("login/code", "login/codes", "security/new-device", "order/shipped", "orders", None)
    }
    assert list(by_notice.values()) == ["a", "any", "a", "b", "any", "any"]


def test_by_the_applications_own_rule() -> None:
    """A rule is asked about each message anew, and only where everything else fits."""
    asked: list[str] = []

    def vip(message: Message) -> bool:
        asked.append(message.to)
        return message.to.endswith("8000")

    router = routed(
        {"rule": "vip", "category": "otp", "providers": "a"}, {"providers": "b"}, rules={"vip": vip}
    )
    other = DOMESTIC.evolve(to="+8613800138001")
    assert [names(router, message) for message in (DOMESTIC, other, DOMESTIC, SHIPPED)] == [
        "a",
        "b",
        "a",
        "b",
    ]
    assert asked == [DOMESTIC.to, other.to, DOMESTIC.to]
    assert router.route(other).words == (
        "route: routes.1 (anything), in_order: b (not routes.0 (category otp, rule vip))"
    )


def test_a_rule_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """A rule that raises does not fit; that is logged once, without the number or its words."""

    def broken(message: Message) -> bool:
        raise LookupError(message.to)

    router = routed({"rule": "broken", "providers": "a"}, {"providers": "b"}, rules={"broken": broken})
    with caplog.at_level(logging.ERROR):
        assert [names(router, DOMESTIC) for _ in range(3)] == ["b"] * 3
    assert len(caplog.records) == 1
    told = caplog.records[0].getMessage()
    assert "rule_failed" in told
    assert "LookupError" in told
    assert "13800138000" not in caplog.text


async def _async_rule(message: Message) -> bool:
    return True


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({}, "routes.0.rule: no rule is called `vip`; give the hub the function"),
        ({"vips": bool}, "routes.0.rule: no rule is called `vip`; did you mean `vips`?"),
        ({"vip": _async_rule}, "rules: the rule `vip` is no plain function"),
        ({"vip": "yes"}, "rules: the rule `vip` is no plain function"),
    ],
)
def test_rules_that_cannot_be(rules: dict[str, Any], told: str) -> None:
    """A rule that nobody gave, or that cannot be asked, is told at start."""
    with pytest.raises(SettingsError) as caught:
        routed({"rule": "vip", "providers": "a"}, rules=rules)
    assert str(caught.value).startswith(told)


def test_what_is_kept_found_is_bounded() -> None:
    """However many notices there are, the router keeps a bounded number of them, and finds the rest."""
    router = routed({"notice": "order/*", "providers": "b"}, {"providers": "a"})
    for number in range(3 * MOST_KNOWN):
        assert names(router, LOGIN.evolve(notice=f"n/{number}")) == "a"
        assert len(router._known) <= MOST_KNOWN
    # Where no route asks for the notice, it makes no difference.
    plain = routed({"channel": "sms", "providers": "a"})
    for number in range(10):
        plain.route(LOGIN.evolve(notice=f"n/{number}"))
    assert len(plain._known) == 1


_WORDS = (
    st.sampled_from(["sms", "email"]),
    st.sampled_from(["CN", "US"]),
    st.sampled_from(["mobile", "telecom"]),
)
_TABLES = st.fixed_dictionaries(
    {"providers": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True)},
    optional={
        "country": _WORDS[1],
        "carrier": _WORDS[2],
        "category": st.sampled_from(list(Category)),
        "notice": st.sampled_from(["login/*", "order/*", "login/code"]),
        "strategy": st.sampled_from(["in_order", "weighted", "by_health"]),
    },
)


@given(st.lists(_TABLES, max_size=5), st.permutations([DOMESTIC, ABROAD, LOGIN, SHIPPED]), st.integers())
def test_first_that_fits_whatever_was_asked_before(
    tables: list[dict[str, object]], messages: list[Message], seed: int
) -> None:
    """The path is of the first route whose conditions are all met, and has its instances and no others."""
    router = routed(*tables, {"providers": ["any"]}, rng=random.Random(seed))
    for message in (*messages, *messages):
        path, judged = router.route(message), router.judge(message)
        assert judged[-1].fits
        assert not any(judgement.fits for judgement in judged[:-1])
        assert path.route is judged[-1].route
        assert path.passed_over == tuple(judgement.route for judgement in judged[:-1])
        assert sorted(path.names) == sorted(instance.name for instance in path.route.instances)


# Health

SICK = Condition(stage=0, trouble=Trouble.FAILING)


def by_health(stages: dict[str, Condition]) -> Router:
    return routed(
        {"providers": ["a", "b", "any"], "strategy": "by_health"},
        health=lambda name: stages.get(name, WELL),
        rng=random.Random(5),
    )


def test_healthy_instances_keep_their_order() -> None:
    """While everybody is well, by_health is the settings' order, and the path is made once."""
    router = by_health({})
    assert names(router, DOMESTIC) == "a b any"
    assert router.route(DOMESTIC) is router.route(DOMESTIC)


def test_who_fails_is_asked_last() -> None:
    """An instance that fails goes behind the others but for a few probes, and the path says why."""
    router = by_health({"a": SICK})
    orders = Counter(names(router, SHIPPED) for _ in range(2000))
    assert set(orders) == {"b any a", "a b any"}
    assert 0.02 < orders["a b any"] / 2000 < 0.08
    assert "(a probes only: submissions fail)" in router.route(SHIPPED).words


def test_codes_are_no_probes() -> None:
    """A code never finds out for others whether an instance is well again, nor is part of its slow return."""
    for stage in range(FULL):
        router = by_health({"a": Condition(stage=stage, trouble=Trouble.FAILING)})
        assert {names(router, DOMESTIC) for _ in range(500)} == {"b any a"}
