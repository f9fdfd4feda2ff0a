"""Offline: what can be looked at on this machine: providers, notices, routes, policies, the dispatcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from notifyhub.breaker import Breaker
from notifyhub.category import Category, OnUnknown
from notifyhub.cli.check.finding import Finding, Level, fine, guarded, warning, wrong
from notifyhub.cli.hubs import forgetful, offline_hub
from notifyhub.cli.route import unknown_rules
from notifyhub.digest import DIGESTED
from notifyhub.errors import SettingsError, nearest
from notifyhub.hub import Hub
from notifyhub.message import ANY_CHANNEL, SMS, Message
from notifyhub.outcome import Outcome
from notifyhub.plugins import Plugins
from notifyhub.policies import stock_policies
from notifyhub.providers import Capabilities, ProviderType
from notifyhub.reason import Reason
from notifyhub.registry import Registry, dispatcher_from
from notifyhub.rehearsal import run_route_tests
from notifyhub.routing import Instance, Route, Rules, build_route
from notifyhub.settings import PolicySettings, Settings, resolve_secrets, validate

__all__ = [
    "dispatching",
    "instances_of",
    "notices",
    "policies",
    "providers",
    "route_tests",
    "routes",
    "stands_in",
]

_SOMEBODY = "+8613800138000"


class _Unbuilt:
    """In the place of an instance that cannot be built, so that its routes can still be looked at."""

    def __init__(self, name: str, channels: frozenset[str]) -> None:
        self.name = name
        self.capabilities = Capabilities(channels=channels)

    async def send(self, message: Message) -> Outcome:
        """Refuse: nothing is ever sent by a check."""
        return Outcome.refused(Reason.UNSUPPORTED, detail="it could not be built")

    async def aclose(self) -> None:
        """Nothing is held."""


def stands_in(instance: Instance) -> bool:
    """Whether the instance could not be built."""
    return isinstance(instance.provider, _Unbuilt)


def tables_of(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The instances' tables; without any there is the console, as the registry has it."""
    return settings.providers or {"console": {"type": "console"}}


def instances_of(settings: Settings, plugins: Plugins) -> dict[str, Instance]:
    """Every instance of the settings, a stand-in for those that cannot be built."""
    types = plugins.provider_types()
    instances: dict[str, Instance] = {}
    for name, table in tables_of(settings).items():
        kind = str(table["type"])
        try:
            built = Registry(_only(settings, name, table), types).instances
        except Exception:  # noqa: BLE001 - told by `providers`, which looks at the same
            channels = types[kind].channels if kind in types else frozenset({ANY_CHANNEL})
            instances[name] = Instance(name, kind, _Unbuilt(name, channels), Breaker())
        else:
            instances.update(built)
    return instances


def providers(settings: Settings, plugins: Plugins) -> Iterator[Finding]:
    """Each instance by itself: its type, its secrets, its settings."""
    types = plugins.provider_types()
    for name, table in tables_of(settings).items():
        yield from guarded("providers", _provider(settings, name, table, types), f"providers.{name}")


def _provider(
    settings: Settings, name: str, table: Mapping[str, Any], types: Mapping[str, ProviderType]
) -> Iterator[Finding]:
    field, kind = f"providers.{name}", types.get(str(table["type"]))
    if kind is None:
        raise SettingsError(
            f"unknown provider type `{table['type']}`",
            field=f"{field}.type",
            remedy=nearest(str(table["type"]), types),
        )
    missing = []
    for key, value in table.items():
        try:
            resolve_secrets({key: value}, field, settings.folder)
        except SettingsError as error:
            missing.append(wrong("providers", error))
    yield from missing
    if missing:
        # The rest can be looked at all the same: an unknown key is one whatever the secrets are.
        own = kind.settings.model_fields
        for key in table.keys() - own.keys() - {"type"}:
            if own and kind.settings.model_config.get("extra") != "allow":
                near = nearest(key, own)
                yield wrong("providers", SettingsError("unknown key", field=f"{field}.{key}", remedy=near))
        return
    values = resolve_secrets({k: v for k, v in table.items() if k != "type"}, field, settings.folder)
    validate(kind.settings, values, field)
    Registry(_only(settings, name, table), types)
    yield fine("providers", name, f"{kind.name}: its settings and secrets are there")


def _only(settings: Settings, name: str, table: Mapping[str, Any]) -> Settings:
    return settings.model_copy(update={"providers": {name: table}, "routes": ()})


def notices(settings: Settings) -> Iterator[Finding]:
    """What `templates lint` finds."""
    from notifyhub.template import lint

    hub = offline_hub(settings.model_copy(update={"policies": PolicySettings()}))
    most = {table.notice: table.most for table in settings.policies.digests}
    found = lint(hub.catalog, default_locale=settings.default_locale, digests=most)
    for each in found:
        level = Level.ERROR if each.severity == "error" else Level.WARNING
        yield Finding(level, "notices", f"{each.notice} {each.where}", each.problem, each.remedy)
    if not found:
        yield fine("notices", "", f"{len(hub.catalog.names())} render and fit what was approved")


def routes(settings: Settings, instances: Mapping[str, Instance]) -> Iterator[Finding]:
    """Each route by itself, routes that are never reached, categories that no sms can be sent in."""
    rules = Rules(unknown_rules(settings))
    built: list[Route] = []
    for number, table in enumerate(settings.routes):
        try:
            route = build_route(number, table, instances, rules)
        except SettingsError as error:
            yield wrong("routes", error)
            continue
        before = next((other.name for other in built if _covers(other, route)), None)
        if before is not None:
            yield warning(
                "routes", route.name, f"never reached: {before} takes all of it", "put it before that one"
            )
        elif route.rule is not None:
            said = f"its rule `{route.rule}` is the application's own and cannot be asked here"
            yield warning(
                "routes", route.name, said, "try it in the application's tests: run_route_tests(hub)"
            )
        else:
            order = ", " if route.strategy != "in_order" else " → "
            yield fine(
                "routes", route.name, f"{route.strategy}: {order.join(i.name for i in route.instances)}"
            )
        built.append(route)
    takes_sms = [name for name, i in instances.items() if i.provider.capabilities.takes_channel(SMS)]
    if not settings.routes:
        yield fine("routes", "", f"none: every instance that takes the channel, {' → '.join(instances)}")
    elif len(built) == len(settings.routes) and takes_sms:
        for category in Category:
            if not any(_carries_sms(route, category) for route in built):
                said = f"no route carries an sms of the category {category}; sending one raises NoRoute"
                yield warning("routes", str(category), said, f"add a route to {'/'.join(takes_sms)}")


def _covers(earlier: Route, later: Route) -> bool:
    """Whether nothing is left for the later one. What `*` stands for is not compared."""
    if earlier.rule is not None:
        return False
    pairs = (
        (earlier.channels, later.channels),
        (earlier.countries, later.countries),
        (earlier.carriers, later.carriers),
        (earlier.categories, later.categories),
        (earlier.notices, later.notices),
    )
    return all(not wide or (narrow and narrow <= wide) for wide, narrow in pairs)


def _carries_sms(route: Route, category: Category) -> bool:
    """Whether it is for such messages whatever else they are; a country of its own is usual."""
    return (
        not (route.carriers or route.notices or route.rule)
        and (not route.channels or SMS in route.channels)
        and (not route.categories or category in route.categories)
        and any(instance.provider.capabilities.takes_channel(SMS) for instance in route.instances)
    )


def route_tests(settings: Settings, instances: Mapping[str, Instance]) -> Iterator[Finding]:
    """What `[[route_tests]]` come to."""
    if not settings.route_tests:
        return
    hub = _hub(settings.model_copy(update={"policies": PolicySettings()}), instances)
    for test in run_route_tests(hub):
        about = f"route_tests.{test.number}"
        if test.problem is None:
            yield fine("route_tests", about, "as expected")
        elif test.by_rules:
            # A rule's yes might have made it right: only the application can tell.
            yield warning("route_tests", about, test.problem, "with rules: run_route_tests(hub) in its tests")
        else:
            yield Finding(Level.ERROR, "route_tests", about, test.problem, "change the routes, or the test")


def policies(
    settings: Settings, plugins: Plugins, instances: Mapping[str, Instance], *, whole: bool
) -> Iterator[Finding]:
    """Whether every policy can be built, each table by itself.

    whole: whether all that stands in the file could be read; else nobody can say that none is on.
    """
    built = {name: instance.provider for name, instance in instances.items()}
    empty, found = PolicySettings(), 0
    for name in settings.policies.model_fields_set & PolicySettings.model_fields.keys():
        # Prices belong to the budgets.
        kept = {name: getattr(settings.policies, name), "prices": settings.policies.prices}
        alone = settings.model_copy(update={"policies": empty.model_copy(update=kept)})
        # What a route lacks is told there.
        alone = alone.model_copy(update={"routes": (), "route_tests": ()})
        for finding in guarded("policies", _policy(alone, instances, f"policies.{name}"), f"policies.{name}"):
            found += 1
            yield finding
    yield from guarded("policies", _of_plugins(settings, plugins), "policies of plugins")
    if not found:
        on = [policy.name for policy in stock_policies(settings, built)]
        on += [name for name in ("digests", "escalations") if getattr(settings.policies, name)]
        if on or whole:
            yield fine("policies", "", ", ".join(on) or "none is on")


def _policy(settings: Settings, instances: Mapping[str, Instance], field: str) -> Iterator[Finding]:
    """What a hub with this policy alone would raise when it is made, or when a notice named here is sent."""
    hub = _hub(settings, instances)
    holding = {c for c in Category if settings.delivery_policy(c).on_unknown is OnUnknown.HOLD}
    named = [(n, table.notice, DIGESTED) for n, table in enumerate(settings.policies.digests)]
    for number, table in enumerate(settings.policies.escalations):
        named += [(number, notice, frozenset(Category) - holding) for notice in table.notice]
    known = hub.catalog.names()
    for number, notice, wanted in named:
        where = f"{field}.{number}.notice"
        if notice not in known:
            unknown = SettingsError(f"no notice `{notice}`", field=where, remedy=nearest(notice, known))
            yield wrong("policies", unknown)
            continue
        category = hub.catalog.notice(notice).manifest.category
        if category not in wanted:
            remedy = f"leave it out; it is for {', '.join(sorted(wanted))}"
            yield wrong("policies", SettingsError(f"`{notice}` is of {category}", field=where, remedy=remedy))


def _hub(settings: Settings, instances: Mapping[str, Instance]) -> Hub:
    """A hub to ask, with the instances that are built already and no ledger to leave anything in."""
    return Hub(
        forgetful(settings).model_copy(update={"providers": {}}),
        providers={name: instance.provider for name, instance in instances.items()},
        rules=unknown_rules(settings),
    )


def _of_plugins(settings: Settings, plugins: Plugins) -> Iterator[Finding]:
    for policy in plugins.policies(settings):
        yield fine("policies", policy.name, "brought by a plugin")


def dispatching(settings: Settings, plugins: Plugins) -> Iterator[Finding]:
    """Whether the engine is there and can work with this ledger."""
    dispatcher_from(settings, plugins.dispatcher_types())
    yield fine("dispatch", settings.dispatch.engine, "the engine is there")
