"""Routing: the first route that fits, its order, and errors that say what was looked for and what exists."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from notifyhub.category import Category
from notifyhub.errors import NoRoute, SettingsError
from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Capabilities
from notifyhub.routing import Instance, Router
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
        ({"providers": ["a"], "weights": {"c": 1}}, "routes.0.providers: no provider instance is called `c`"),
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
