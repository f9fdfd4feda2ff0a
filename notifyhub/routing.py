"""Routing: which instances may carry a message, and in what order they are asked."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from notifyhub.breaker import Breaker
from notifyhub.category import Category
from notifyhub.errors import NoRoute, SettingsError, nearest
from notifyhub.message import Message
from notifyhub.providers import Provider
from notifyhub.settings import RouteSettings

__all__ = ["Instance", "Path", "Route", "Router"]


@dataclass(frozen=True, slots=True)
class Instance:
    """A provider under the name that routes and attempts call it by, and its health."""

    name: str
    type: str
    provider: Provider
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What it is for (an empty set: any), and whom to ask.

    strategy: `in_order`, or `weighted`: the first is drawn by weight, then the next of the rest.
    """

    instances: tuple[Instance, ...]
    channels: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()
    strategy: Literal["in_order", "weighted"] = "in_order"
    weights: tuple[float, ...] = ()
    name: str = "default"

    def fits(self, channel: str, country: str, category: Category) -> bool:
        """Whether the route is for such a message."""
        return (
            (not self.channels or channel in self.channels)
            and (not self.countries or country in self.countries)
            and (not self.categories or category in self.categories)
        )

    def ordered(self, rng: random.Random) -> tuple[Instance, ...]:
        """The instances in the order they are asked in, for one message."""
        if self.strategy == "in_order":
            return self.instances
        # Efraimidis and Spirakis: sorting by u^(1/w) draws without replacement by weight.
        keyed = zip(self.instances, self.weights, strict=True)
        drawn = sorted(((rng.random() ** (1.0 / w), i) for i, w in keyed if w > 0), key=lambda k: -k[0])
        return tuple(instance for _, instance in drawn)


@dataclass(frozen=True, slots=True)
class Path:
    """The route taken for one message, its instances in order, and the routes that did not fit before it."""

    route: Route
    instances: tuple[Instance, ...]
    passed_over: tuple[Route, ...] = ()
    words: str = field(init=False)
    """All of that in a sentence, for `explain()`; made with the path, which serves many messages."""

    def __post_init__(self) -> None:
        order = " → ".join([instance.name for instance in self.instances])
        words = f"route: {self.route.name}, {self.route.strategy}: {order}"
        if self.passed_over:
            words += f" (not {', '.join([route.name for route in self.passed_over])})"
        object.__setattr__(self, "words", words)


class Router:
    """Finds the route of a message: the first that fits.

    Without any routes there is a default one per channel: every instance that takes the channel, in
    the order of the settings.

    Raises SettingsError where a route names an instance that does not exist or cannot take its channel.
    """

    def __init__(
        self,
        instances: Mapping[str, Instance],
        routes: Sequence[RouteSettings] = (),
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._instances = dict(instances)
        self._routes = [self._build(number, route) for number, route in enumerate(routes)]
        self._rng = rng or random.Random()  # noqa: S311 - shares traffic, guards nothing
        self._known: dict[tuple[str, str, Category], Path] = {}

    @property
    def routes(self) -> tuple[Route, ...]:
        """The configured routes, in order."""
        return tuple(self._routes)

    def route(self, message: Message) -> Path:
        """The path of a message. Raises NoRoute, which says what was looked for and what exists."""
        key = (message.channel, message.country, message.category)
        path = self._known.get(key)
        if path is None:
            path = self._known[key] = self._find(*key)
        if path.route.strategy == "in_order":
            return path
        return Path(path.route, path.route.ordered(self._rng), path.passed_over)

    def _find(self, channel: str, country: str, category: Category) -> Path:
        for number, route in enumerate(self._routes):
            if route.fits(channel, country, category):
                return Path(route, route.instances, tuple(self._routes[:number]))
        if not self._routes:
            taking = [i for i in self._instances.values() if i.provider.capabilities.takes_channel(channel)]
            if taking:
                return Path(Route(instances=tuple(taking)), tuple(taking))
        looked_for = (
            f"channel {channel}" + (f", country {country}" if country else "") + f", category {category}"
        )
        exists = "; ".join(self._describe()) or "no provider instances"
        raise NoRoute(
            f"no route for {looked_for}",
            field="routes",
            remedy=f"there is {exists}; add a [[routes]] table or a provider for it",
        )

    def _describe(self) -> list[str]:
        if self._routes:
            return [f"{r.name} to {', '.join(i.name for i in r.instances)}" for r in self._routes]
        return [
            f"{i.name} ({i.type}) for {'/'.join(sorted(i.provider.capabilities.channels))}"
            for i in self._instances.values()
        ]

    def _build(self, number: int, settings: RouteSettings) -> Route:
        where = f"routes.{number}"
        for name in (*settings.providers, *settings.weights):
            if name not in self._instances:
                raise SettingsError(
                    f"no provider instance is called `{name}`",
                    field=f"{where}.providers",
                    remedy=nearest(name, self._instances),
                )
        instances = tuple(self._instances[name] for name in settings.providers)
        for channel in settings.channel:
            for instance in instances:
                if not instance.provider.capabilities.takes_channel(channel):
                    raise SettingsError(
                        f"`{instance.name}` does not take the channel {channel}",
                        field=f"{where}.providers",
                        remedy=f"it takes {', '.join(sorted(instance.provider.capabilities.channels))}",
                    )
        wanted = [
            f"{key} {'/'.join(values)}"
            for key, values in (
                ("channel", settings.channel),
                ("country", settings.country),
                ("category", settings.category),
            )
            if values
        ]
        return Route(
            instances=instances,
            channels=frozenset(settings.channel),
            countries=frozenset(settings.country),
            categories=frozenset(settings.category),
            strategy=settings.strategy,
            weights=tuple(settings.weights.get(name, 1.0) for name in settings.providers),
            name=f"routes.{number} ({', '.join(wanted) or 'anything'})",
        )
