"""Stock: the policies that come along, as the settings switch them on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from notifyhub.errors import SettingsError, nearest
from notifyhub.message import ANY_CHANNEL
from notifyhub.policies.billing import MILLION, Billing
from notifyhub.policies.budgets import Budget, Budgets
from notifyhub.policies.days_off import DaysOff, calendar_of
from notifyhub.policies.deduplicate import Deduplicate
from notifyhub.policies.limits import Limits
from notifyhub.policies.quiet_hours import QuietHours
from notifyhub.policies.quiet_time import QuietTime
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policies.time_zones import zone_from_settings
from notifyhub.policies.vendor_limits import VendorLimits
from notifyhub.policy import Policy
from notifyhub.providers import Provider
from notifyhub.quota import Limit, LimitRule
from notifyhub.settings import BudgetSettings, LimitSettings, QuietHoursSettings, Settings

__all__ = ["stock_policies"]


def stock_policies(settings: Settings, providers: Mapping[str, Provider] | None = None) -> list[Policy]:
    """Those that `[policies]` names, in the order they are asked.

    providers: the instances by name, for what their vendors declare and bill. Raises SettingsError.
    """
    return list(_built(settings, providers or {}, zone_from_settings(settings.default_time_zone)))


def _built(settings: Settings, providers: Mapping[str, Provider], zone: tzinfo) -> Iterator[Policy]:
    tables, policy_of = settings.policies, settings.delivery_policy
    listed = tables.suppression_list
    if listed is not None:
        country = settings.default_country
        yield SuppressionList(listed.addresses, categories=listed.categories, default_country=country)
    if tables.quiet_hours:
        yield QuietHours([_quiet_time(table) for table in tables.quiet_hours], zone)
    rules = [(table, _rule(table, zone)) for table in tables.limits]
    _each_once([name for _, rule in rules for name in rule.names()], "policies.limits")
    own = {rule: table.over for table, rule in rules if not table.provider}
    if own:
        yield Limits(own, policy_of)
    shared = _by_instance([(table, rule) for table, rule in rules if table.provider], providers)
    if tables.vendor_limits or shared:
        declared = {name: provider.capabilities.limits for name, provider in providers.items()}
        yield VendorLimits(
            declared if tables.vendor_limits else {},
            policy_of,
            shared=shared,
            over={rule.name: table.over for table, rule in rules if table.provider},
        )
    if tables.budgets:
        budgets = [_budget(table, zone) for table in tables.budgets]
        _each_once([budget.name for budget in budgets], "policies.budgets")
        _prices_known(settings, providers)
        yield Budgets(budgets, Billing(providers, tables.prices), policy_of, zone)
    if tables.deduplicate is not None:
        yield Deduplicate(tables.deduplicate.window)


def _quiet_time(table: QuietHoursSettings) -> QuietTime:
    country = table.holiday_country
    dates, workdays = frozenset(table.holidays), frozenset(table.workdays)
    return QuietTime(
        start=table.start,
        end=table.end,
        days=frozenset(table.days),
        categories=frozenset(table.category),
        holidays=DaysOff(dates, workdays, calendar_of(country)) if country else DaysOff(dates, workdays),
        on_holidays=table.on_holidays,
    )


def _rule(table: LimitSettings, zone: tzinfo) -> LimitRule:
    apart = f"per {' and '.join(table.per)}" if table.per else "altogether"
    return LimitRule(
        name=table.name or " ".join([*_kinds(table), *(f"by {name}" for name in table.provider), apart]),
        limits=tuple([Limit.parse(written, table.window) for written in table.limit]),
        per=table.per,
        channels=frozenset(table.channel),
        categories=frozenset(table.category),
        notices=frozenset(table.notice),
        countries=frozenset(table.country),
        zone=zone,
    )


def _budget(table: BudgetSettings, zone: tzinfo) -> Budget:
    amount = round(table.amount * MILLION) if table.unit == "money" else int(table.amount)
    return Budget(
        rule=LimitRule(
            name=table.name or " ".join([*_kinds(table), f"a {table.per}"]),
            limits=(Limit(amount, Limit.parse(f"1/{table.per}").seconds, "fixed"),),
            per=(),
            channels=frozenset(table.channel),
            categories=frozenset(table.category),
            notices=frozenset(table.notice),
            countries=frozenset(table.country),
            zone=zone,
        ),
        unit=table.unit,
        warn_at=table.warn_at,
        over=table.over,
    )


def _kinds(table: LimitSettings | BudgetSettings) -> tuple[str, ...]:
    return (*table.channel, *map(str, table.category), *table.notice, *table.country)


def _each_once(names: Sequence[str], field: str) -> None:
    """What has one name is counted on one tally: two rules must not meet there by accident."""
    for name, times in Counter(names).items():
        if times > 1:
            raise SettingsError(
                f"two tables are called `{name}`", field=field, remedy="give one of them another `name`"
            )


def _by_instance(
    rules: Sequence[tuple[LimitSettings, LimitRule]], providers: Mapping[str, Provider]
) -> dict[str, list[LimitRule]]:
    found: dict[str, list[LimitRule]] = {}
    for table, rule in rules:
        for name in table.provider:
            if name not in providers:
                raise SettingsError(
                    f"no provider instance is called `{name}`",
                    field="policies.limits.provider",
                    remedy=nearest(name, providers),
                )
            found.setdefault(name, []).append(rule)
    return found


def _prices_known(settings: Settings, providers: Mapping[str, Provider]) -> None:
    """Raises SettingsError where a budget in money meets an instance whose price nobody knows."""
    prices = settings.policies.prices
    for name in prices:
        if name not in providers:
            raise SettingsError(
                f"no provider instance is called `{name}`",
                field="policies.prices",
                remedy=nearest(name, providers),
            )
    for table in settings.policies.budgets:
        if table.unit != "money":
            continue
        for name in _may_carry(table, settings, providers):
            if name not in prices:
                raise SettingsError(
                    f"a budget in money needs the price of a part sent by `{name}`",
                    field=f"policies.prices.{name}",
                    remedy="give it there; 0 where it costs nothing",
                )


def _may_carry(table: BudgetSettings, settings: Settings, providers: Mapping[str, Provider]) -> Iterator[str]:
    """The instances on routes that a message of this budget may take."""
    for route in settings.routes:
        wanted = ((route.channel, table.channel), (route.country, table.country))
        meets = all(not one or not other or set(one) & set(other) for one, other in wanted)
        if meets and (not route.category or not table.category or set(route.category) & set(table.category)):
            yield from route.providers
    if not settings.routes:
        for name, provider in providers.items():
            takes = provider.capabilities.channels
            if not table.channel or ANY_CHANNEL in takes or takes & set(table.channel):
                yield name
