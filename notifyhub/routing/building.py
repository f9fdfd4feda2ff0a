"""Building: routes from settings, and everything that can be wrong with one, told at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from notifyhub.errors import SettingsError, nearest
from notifyhub.routing.route import Instance, Route
from notifyhub.routing.rules import Rules
from notifyhub.settings import RouteSettings

__all__ = ["build_route", "watched"]


def build_route(
    number: int, settings: RouteSettings, instances: Mapping[str, Instance], rules: Rules
) -> Route:
    """The route of one `[[routes]]` table. number: its place among them, from 0.

    Raises SettingsError where it names an instance that does not exist or cannot take its channel, or a
    rule that nobody gave.
    """
    where = f"routes.{number}"
    for key, names in (("providers", settings.providers), ("weights", settings.weights)):
        for name in names:
            if name not in instances:
                raise SettingsError(
                    f"no provider instance is called `{name}`",
                    field=f"{where}.{key}",
                    remedy=nearest(name, instances),
                )
    if settings.rule is not None:
        rules.check(settings.rule, f"{where}.rule")
    asked = tuple(instances[name] for name in settings.providers)
    for channel in settings.channel:
        for instance in asked:
            if not instance.provider.capabilities.takes_channel(channel):
                raise SettingsError(
                    f"`{instance.name}` does not take the channel {channel}",
                    field=f"{where}.providers",
                    remedy=f"it takes {', '.join(sorted(instance.provider.capabilities.channels))}",
                )
    return Route(
        instances=asked,
        channels=frozenset(settings.channel),
        countries=frozenset(settings.country),
        carriers=frozenset(settings.carrier),
        categories=frozenset(settings.category),
        notices=frozenset(settings.notice),
        rule=settings.rule,
        strategy=settings.strategy,
        weights=tuple(settings.weights.get(name, 1.0) for name in settings.providers),
        name=f"{where} ({_wanted(settings)})",
    )


def watched(routes: Iterable[RouteSettings]) -> frozenset[str]:
    """The instances whose health some route looks at, by name."""
    return frozenset(name for route in routes if route.strategy == "by_health" for name in route.providers)


def _wanted(settings: RouteSettings) -> str:
    asked = {
        "channel": settings.channel,
        "country": settings.country,
        "carrier": settings.carrier,
        "category": settings.category,
        "notice": settings.notice,
        "rule": () if settings.rule is None else (settings.rule,),
    }
    # Names of notices have slashes of their own.
    said = (f"{key} {(' or ' if key == 'notice' else '/').join(v)}" for key, v in asked.items() if v)
    return ", ".join(said) or "anything"
