"""Rehearsal: which way a message would take, and why, without sending one.

A route depends on the channel, the country, the carrier, the category and the notice, so no words and no
variables are needed. An application's own rules are asked about a message without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifyhub.breaker import BreakerState
from notifyhub.category import Category
from notifyhub.errors import NoRoute, NotifyhubError
from notifyhub.health import Condition
from notifyhub.hub import Hub
from notifyhub.ledger import Suppression
from notifyhub.message import EMAIL, SMS, Message, normalise_address
from notifyhub.policies import SuppressionList
from notifyhub.providers import refuse_unsupported
from notifyhub.routing import Instance, Judgement, Path
from notifyhub.settings import RouteTestSettings

__all__ = ["RouteExplanation", "RouteTest", "Standing", "explain_route", "imagined", "run_route_tests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One instance of the route, as it stands now.

    health: what every process has seen of it; well where no route looks at that. breaker: of this process.
    against: why it would be passed over or refuse, where that is known beforehand.
    """

    name: str
    type: str
    health: Condition
    breaker: BreakerState
    against: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteExplanation:
    """The decision about one message.

    judged: each configured route up to the one that fits, with its conditions. path: None where there is no
    route; then `problem` says so. standings: of the path's instances, in the order they would be asked now.
    listed: the entry of the suppression list that would stop the message altogether.
    """

    message: Message
    judged: tuple[Judgement, ...]
    path: Path | None
    problem: str | None = None
    standings: tuple[Standing, ...] = ()
    listed: Suppression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTest:
    """What one `[[route_tests]]` table came to. number: its place, from 0. expected, found: instances.
    problem: None where it passed. by_rules: whether a rule had a say in it.
    """

    number: int
    expected: tuple[str, ...]
    found: tuple[str, ...] = ()
    problem: str | None = None
    by_rules: bool = False

    @property
    def passed(self) -> bool:
        """Whether the routes choose whom the table expects."""
        return self.problem is None


def imagined(
    hub: Hub,
    to: str,
    *,
    notice: str | None = None,
    category: Category | str | None = None,
    channel: str | None = None,
) -> Message:
    """A message without words, to ask the router about.

    channel: without it a mail address means email, anything else sms. category: without it the notice's own,
    else order. Raises NotificationError, TemplateError where the notices cannot be read.
    """
    channel = channel or (EMAIL if "@" in to else SMS)
    if category is None and notice is not None:
        category = hub.catalog.notice(notice).manifest.category
    return Message(
        channel=channel,
        to=normalise_address(channel, to, hub.settings.default_country),
        text="",
        category=Category(category or Category.ORDER),
        notice=notice,
    )


async def explain_route(hub: Hub, message: Message) -> RouteExplanation:
    """The decision as it would be taken now. Nothing is sent, taken or counted.

    Vendors' limits are not asked: asking would take a place. Raises LedgerUnavailable.
    """
    if hub.health.watches:
        await hub.health.exchange()
    judged = tuple(hub.router.judge(message))
    try:
        path = hub.router.route(message)
    except NoRoute as error:
        return RouteExplanation(message=message, judged=judged, path=None, problem=str(error))
    entries = await _entries(hub, message)
    listed = next((entry for entry in entries if entry.instance is None), None)
    return RouteExplanation(
        message=message,
        judged=judged,
        path=path,
        standings=tuple(_standing(hub, instance, message, entries) for instance in path.instances),
        listed=listed,
    )


def run_route_tests(hub: Hub) -> list[RouteTest]:
    """Each `[[route_tests]]` table of the hub's settings, tried.

    In an application's own tests, with its rules given to the hub: `assert all(t.passed for t in …)`.
    """
    return [_tried(hub, number, table) for number, table in enumerate(hub.settings.route_tests)]


def _tried(hub: Hub, number: int, table: RouteTestSettings) -> RouteTest:
    expected = table.expect
    try:
        message = imagined(hub, table.to, notice=table.notice, category=table.category, channel=table.channel)
        path = hub.router.route(message)
    except NotifyhubError as error:
        by_rules = isinstance(error, NoRoute) and any(route.rule for route in hub.router.routes)
        # Which routes there are stands in the settings beside the test, and need not be told for each.
        said = error.problem if isinstance(error, NoRoute) else str(error)
        return RouteTest(number=number, expected=expected, problem=said, by_rules=by_rules)
    by_rules = any(route.rule for route in (*path.passed_over, path.route))
    found = tuple(instance.name for instance in path.route.instances)
    if path.route.strategy == "in_order":
        as_expected = found[:1] == expected if len(expected) == 1 else found == expected
    else:  # whom chance or health puts first today is no test
        as_expected = set(expected) <= set(found) and (len(expected) == 1 or len(expected) == len(found))
    problem = None
    if not as_expected:
        order = ", " if path.route.strategy != "in_order" else " → "
        problem = f"expected {order.join(expected)}, but {path.route.name} has {order.join(found)}"
    return RouteTest(number=number, expected=expected, found=found, problem=problem, by_rules=by_rules)


async def _entries(hub: Hub, message: Message) -> Sequence[Suppression]:
    """Those of the suppression list that are about such a message, where anybody looks at the list."""
    if not any(isinstance(policy, SuppressionList) for policy in hub.policies):
        return ()
    return [
        entry
        for entry in await hub.ledger.suppressions(address=message.to)
        if entry.channel in (None, message.channel) and entry.category in (None, message.category)
    ]


def _standing(hub: Hub, instance: Instance, message: Message, entries: Sequence[Suppression]) -> Standing:
    refusal = refuse_unsupported(message, instance.provider.capabilities)
    own = next((entry for entry in entries if entry.instance == instance.name), None)
    against = f"would refuse: {refusal}" if refusal is not None else None
    if own is not None:
        against = f"on the suppression list for it: {own.reason}"
    return Standing(
        name=instance.name,
        type=instance.type,
        health=hub.health.condition(instance.name),
        breaker=instance.breaker.state,
        against=against,
    )
