"""Router: finds the path of a message."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from notifyhub.category import Category
from notifyhub.errors import NoRoute
from notifyhub.health import Condition as Health
from notifyhub.health.condition import WELL
from notifyhub.message import Message
from notifyhub.routing.building import build_route
from notifyhub.routing.route import Condition, Facts, Instance, Path, Route
from notifyhub.routing.rules import Rule, Rules
from notifyhub.routing.strategies import by_health, weighted
from notifyhub.settings import RouteSettings

__all__ = ["MOST_KNOWN", "Judgement", "Router"]

MOST_KNOWN = 2048
"""Kinds of messages whose routes are kept found; with more of them (notices are many) it begins anew."""


class Judgement(NamedTuple):
    """How one route stands to a message: each condition it has, and whether it fits."""

    route: Route
    conditions: tuple[Condition, ...]

    @property
    def fits(self) -> bool:
        """Whether every condition is met."""
        return all(condition.met for condition in self.conditions)


class Router:
    """Finds the route of a message: the first that fits.

    Without any routes there is a default one per channel: every instance that takes the channel, in
    the order of the settings.

    rules: the application's functions, by the names that routes call them by. health: how an instance
    stands, for the strategy by_health.
    Raises SettingsError where a route names an instance or a rule that does not exist, or an instance that
    cannot take its channel.
    """

    def __init__(
        self,
        instances: Mapping[str, Instance],
        routes: Sequence[RouteSettings] = (),
        *,
        rules: Mapping[str, Rule] | None = None,
        health: Callable[[str], Health] = lambda instance: WELL,
        rng: random.Random | None = None,
    ) -> None:
        self._instances = dict(instances)
        self._rules = Rules(rules or {})
        self._routes = tuple(build_route(n, r, self._instances, self._rules) for n, r in enumerate(routes))
        self._health = health
        self._rng = rng or random.Random()  # noqa: S311 - shares traffic, guards nothing
        self._by_carrier = any(route.carriers for route in self._routes)
        self._by_notice = any(route.notices for route in self._routes)
        self._known: dict[Facts, tuple[Path, ...]] = {}

    @property
    def routes(self) -> tuple[Route, ...]:
        """The configured routes, in order."""
        return self._routes

    def route(self, message: Message) -> Path:
        """The path of a message. Raises NoRoute, which says what was looked for and what exists."""
        facts = Facts(
            message.channel,
            message.country,
            Facts.of(message).carrier if self._by_carrier else "",
            message.category,
            message.notice or "" if self._by_notice else "",
        )
        candidates = self._known.get(facts)
        if candidates is None:
            candidates = self._remember(facts)
        for path in candidates:
            if path.route.rule is None or self._rules.say(path.route.rule, message):
                return path if path.route.strategy == "in_order" else self._ordered(path, message.category)
        raise self._no_route(Facts.of(message))

    def judge(self, message: Message) -> list[Judgement]:
        """How each route stands to the message, up to the one it takes."""
        facts, judged = Facts.of(message), list[Judgement]()
        for route in self._routes:
            conditions = tuple(route.conditions(facts))
            if route.rule is not None:
                says = self._rules.say(route.rule, message)
                conditions += (Condition("rule", route.rule, "yes" if says else "no", says),)
            judged.append(Judgement(route, conditions))
            if judged[-1].fits:
                break
        return judged

    def _remember(self, facts: Facts) -> tuple[Path, ...]:
        """The paths that a message with these facts may take: the first whose rule says yes."""
        found = []
        for number, route in enumerate(self._routes):
            if route.fits(facts):
                found.append(Path(route, route.instances, self._routes[:number]))
                if route.rule is None:
                    break
        if not self._routes:
            instances = self._instances.values()
            taking = tuple(i for i in instances if i.provider.capabilities.takes_channel(facts.channel))
            found = [Path(Route(instances=taking), taking)] if taking else []
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[facts] = tuple(found)
        return self._known[facts]

    def _ordered(self, path: Path, category: Category) -> Path:
        route, note = path.route, ""
        if route.strategy == "weighted":
            places = weighted(route.weights, self._rng)
        else:
            health = [self._health(instance.name) for instance in route.instances]
            if all(each.well for each in health):
                return path
            # A code that comes late is a person locked out: codes find nothing out for others.
            places = by_health(health, self._rng, probing=category is not Category.OTP)
            ailing = zip(route.instances, health, strict=True)
            note = "; ".join([f"{i.name} {each.words}" for i, each in ailing if not each.well])
        return Path(route, tuple([route.instances[place] for place in places]), path.passed_over, note)

    def _no_route(self, facts: Facts) -> NoRoute:
        exists = "; ".join(self._describe()) or "no provider instances"
        return NoRoute(
            f"no route for {facts}",
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
