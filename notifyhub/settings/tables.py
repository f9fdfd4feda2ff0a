"""The tables of `notifyhub.toml`, as models. What a provider instance needs is known to its type only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from notifyhub.category import DELIVERY_POLICIES, Category, DeliveryPolicy
from notifyhub.settings.policies import PolicySettings, Table, several

__all__ = [
    "NOT_WRITTEN",
    "BreakerSettings",
    "DispatchSettings",
    "LedgerSettings",
    "PluginSettings",
    "RetentionSettings",
    "RouteSettings",
    "RouteTestSettings",
    "Settings",
]

NOT_WRITTEN = frozenset({"folder", "source"})
"""Fields of Settings that tell where it came from; nobody writes them."""


class RouteSettings(Table):
    """One `[[routes]]` table; the first that fits a message is taken.

    providers: instance names, in order. channel, country, carrier, category, notice: what it is for; each
    a word or a list, and left out where it does not matter; a notice may end in `*`. carrier: of mainland
    numbers, `mobile`, `unicom`, `telecom` or `broadnet`. rule: the name of a function that the application
    gave the hub. strategy: `in_order`; `weighted` by `weights` (per instance name; 1 where not given); or
    `by_health`, in order except that those which fail are asked later, and seldom until they are well again.
    """

    providers: tuple[str, ...] = Field(min_length=1)
    channel: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    carrier: tuple[str, ...] = ()
    category: tuple[Category, ...] = ()
    notice: tuple[str, ...] = ()
    rule: str | None = None
    strategy: Literal["in_order", "weighted", "by_health"] = "in_order"
    weights: Mapping[str, Annotated[float, Field(gt=0)]] = {}

    _lists = field_validator(
        "providers", "channel", "country", "carrier", "category", "notice", mode="before"
    )(several)

    @field_validator("country")
    @classmethod
    def _upper(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(country.upper() for country in countries)


class RouteTestSettings(Table):
    """One `[[route_tests]]` table: whom the routes are to choose; `notifyhub check` looks whether they do.

    to: a phone number or mail address. notice, category, channel: as in `hub.send`. expect: the instances,
    in order; the first alone may be given as a word. strategies that draw or look at health are tested by
    who is on the route.
    """

    to: str = Field(repr=False)
    expect: tuple[str, ...] = Field(min_length=1)
    notice: str | None = None
    category: Category | None = None
    channel: str | None = None

    _lists = field_validator("expect", mode="before")(several)


class BreakerSettings(Table):
    """`[breaker]`: failures in a row before an instance is passed over, and for how many seconds."""

    threshold: int = Field(default=5, ge=1)
    cooldown: float = Field(default=30.0, gt=0)


class RetentionSettings(Table):
    """`[ledger.retention]`: days after which `notifyhub ledger purge` erases.

    body: the words and variables; those of a code go at its delivery's end, whatever this says.
    address: addresses and replies. delivery: the rest, attempts and all.
    """

    body: float = Field(default=7.0, ge=0)
    address: float = Field(default=30.0, ge=0)
    delivery: float = Field(default=180.0, ge=0)


class LedgerSettings(Table):
    """`[ledger]`: where deliveries are kept.

    url: `memory://`, `sqlite:///notifyhub.db` (relative to the settings file) or `postgresql://…`; may
    be `env:NAME`. synchronous: SQLite only; `NORMAL` is quicker, and what was accepted in the last
    moments before a power failure may be forgotten (not when only the process dies). lease: seconds
    after which what a silent process was sending is taken from it. keys: that seal addresses and
    words, `env:NAME` each; the first seals, all open.
    """

    url: str = Field(default="memory://", repr=False)
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    lease: float = Field(default=30.0, gt=0)
    keys: tuple[str, ...] = Field(default=(), repr=False)
    retention: RetentionSettings = RetentionSettings()

    _lists = field_validator("keys", mode="before")(several)

    @field_validator("synchronous", mode="before")
    @classmethod
    def _upper(cls, synchronous: Any) -> Any:
        return synchronous.upper() if isinstance(synchronous, str) else synchronous


class DispatchSettings(Table):
    """`[dispatch]`: how workers are given what is queued.

    engine: `embedded`, `pgqueuer`, or one that a plugin brings. concurrency: deliveries under way at
    the same time in one worker. grace: seconds that a worker told to stop waits for what is under way.
    """

    engine: str = "embedded"
    concurrency: int = Field(default=16, ge=1, le=4096)
    grace: float = Field(default=10.0, ge=0)


class PluginSettings(Table):
    """`[plugins]`: installed plugins that are left out, by entry point name."""

    block: tuple[str, ...] = ()


class Settings(Table):
    """Everything a hub can be told. All of it has a default: with no settings everything goes to the console.

    default_locale: where neither the notification nor the recipient has one. default_country: how
    numbers without a country code are read. default_time_zone: how aware times are written where the
    recipient has none of their own. templates: folders of the application's own notices,
    relative to the settings file. providers: instance tables by name, each with a `type`.
    categories: changes to the delivery policies. folder: where the file lay; relative paths start there.
    """

    default_locale: str = "zh"
    default_country: str = Field(default="CN", min_length=2, max_length=2)
    default_time_zone: str = "Asia/Shanghai"
    templates: tuple[str, ...] = ()
    providers: Mapping[str, Mapping[str, Any]] = Field(default={}, repr=False)
    routes: tuple[RouteSettings, ...] = ()
    route_tests: tuple[RouteTestSettings, ...] = ()
    categories: Mapping[Category, DeliveryPolicy] = {}
    policies: PolicySettings = PolicySettings()
    breaker: BreakerSettings = BreakerSettings()
    ledger: LedgerSettings = LedgerSettings()
    dispatch: DispatchSettings = DispatchSettings()
    plugins: PluginSettings = PluginSettings()
    folder: Path = Field(default=Path(), exclude=True)
    source: str = Field(default="no settings file", exclude=True)

    _lists = field_validator("templates", mode="before")(several)

    def delivery_policy(self, category: Category) -> DeliveryPolicy:
        """The delivery policy of a category, with the changes of `[categories.…]`."""
        return self.categories.get(category) or DELIVERY_POLICIES[category]
