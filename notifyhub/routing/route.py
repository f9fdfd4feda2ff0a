"""Route: what it is for and whom to ask; and the path that one message takes along it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from notifyhub.address import Carrier
from notifyhub.breaker import Breaker
from notifyhub.category import Category
from notifyhub.message import SMS, VOICE, Message
from notifyhub.providers import Provider
from notifyhub.routing.strategies import IN_ORDER, Strategy

__all__ = ["Condition", "Facts", "Instance", "Path", "Route"]


@dataclass(frozen=True, slots=True)
class Instance:
    """A provider under the name that routes and attempts call it by, and its health."""

    name: str
    type: str
    provider: Provider
    breaker: Breaker = field(default_factory=Breaker)


class Facts(NamedTuple):
    """What routes are chosen by; never who the message is for. carrier: "" where none is known."""

    channel: str
    country: str
    carrier: str
    category: Category
    notice: str

    @classmethod
    def of(cls, message: Message) -> Facts:
        """The facts about a message."""
        carrier: Carrier | None = None
        if message.channel in (SMS, VOICE):
            carrier = message.phone.carrier
        return cls(message.channel, message.country, carrier or "", message.category, message.notice or "")

    def __str__(self) -> str:
        known = [f"channel {self.channel}"]
        known += [
            f"{name} {value}"
            for name, value in (("country", self.country), ("carrier", self.carrier))
            if value
        ]
        known.append(f"category {self.category}")
        return ", ".join([*known, *([f"notice {self.notice}"] if self.notice else [])])


class Condition(NamedTuple):
    """One thing that a route asks of a message. wanted, found: in words. met: whether it holds."""

    name: str
    wanted: str
    found: str
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What it is for (an empty set: any), and whom to ask.

    notices: names, or beginnings of names with a `*` after them. rule: the name of the application's
    function that must say yes. weights: one for each instance, for the strategy that draws by them.
    """

    instances: tuple[Instance, ...]
    channels: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()
    notices: frozenset[str] = frozenset()
    rule: str | None = None
    strategy: Strategy = IN_ORDER
    weights: tuple[float, ...] = ()
    name: str = "default"

    def fits(self, facts: Facts) -> bool:
        """Whether the route is for such a message; its rule is another question."""
        return (
            (not self.channels or facts.channel in self.channels)
            and (not self.countries or facts.country in self.countries)
            and (not self.carriers or facts.carrier in self.carriers)
            and (not self.categories or facts.category in self.categories)
            and (not self.notices or _named(facts.notice, self.notices))
        )

    def conditions(self, facts: Facts) -> Iterator[Condition]:
        """Each thing that `fits` looks at, told."""
        for name, wanted, found in (
            ("channel", self.channels, facts.channel),
            ("country", self.countries, facts.country),
            ("carrier", self.carriers, facts.carrier),
            ("category", self.categories, facts.category),
        ):
            if wanted:
                yield Condition(name, "/".join(sorted(wanted)), found or "none", found in wanted)
        if self.notices:
            met = _named(facts.notice, self.notices)
            yield Condition("notice", " or ".join(sorted(self.notices)), facts.notice or "none", met)


@dataclass(frozen=True, slots=True)
class Path:
    """The route taken for one message, its instances in order, and the routes that did not fit before it.

    note: why the order is not the settings' own, where it is not.
    """

    route: Route
    instances: tuple[Instance, ...]
    passed_over: tuple[Route, ...] = ()
    note: str = ""
    words: str = field(init=False)
    """All of that in a sentence, for `explain()`; made with the path, which serves many messages."""
    names: tuple[str, ...] = field(init=False)
    """The instances' names, in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple([instance.name for instance in self.instances]))
        order = " → ".join(self.names)
        words = f"route: {self.route.name}, {self.route.strategy}: {order}"
        if self.note:
            words += f" ({self.note})"
        if self.passed_over:
            words += f" (not {', '.join([route.name for route in self.passed_over])})"
        object.__setattr__(self, "words", words)

    def without(self, names: Collection[str]) -> Path:
        """The path without these instances."""
        left = tuple([instance for instance in self.instances if instance.name not in names])
        return Path(self.route, left, self.passed_over, self.note)


def _named(notice: str, patterns: Collection[str]) -> bool:
    return notice in patterns or any(
        notice.startswith(pattern[:-1]) for pattern in patterns if pattern.endswith("*")
    )
