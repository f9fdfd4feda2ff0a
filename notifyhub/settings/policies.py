"""The tables under `[policies]`, as models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from notifyhub.category import Category
from notifyhub.errors import SettingsError
from notifyhub.quota import Limit, Per

__all__ = [
    "BalanceGuardSettings",
    "BudgetSettings",
    "DeduplicateSettings",
    "DigestSettings",
    "EscalationSettings",
    "EscalationStep",
    "LimitSettings",
    "PolicySettings",
    "QuietHoursSettings",
    "SuppressionListSettings",
    "Table",
    "several",
]


class Table(BaseModel):
    """What every table is: frozen, without unknown keys, and quoting nothing in its errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def several(value: Any) -> Any:
    """`"CN"` where a list is expected means `["CN"]`."""
    return (value,) if isinstance(value, str) else value


def _upper(countries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(country.upper() for country in countries)


class _For(Table):
    """What a table is for; each a word or a list, and left out where it does not matter."""

    channel: tuple[str, ...] = ()
    category: tuple[Category, ...] = ()
    notice: tuple[str, ...] = ()
    country: tuple[str, ...] = ()

    _lists = field_validator("channel", "category", "notice", "country", mode="before")(several)
    _countries = field_validator("country")(_upper)


class SuppressionListSettings(Table):
    """`[policies.suppression_list]`: who gets nothing, or nothing of some categories.

    addresses: suppressed for `categories` (all, if left out), besides those in the ledger's own list.
    opt_out_words: a reply of one of these words puts a number on the ledger's list for
    `opt_out_categories`; case, width and spaces do not matter. vendor_blacklist: a number that a vendor
    says is on its blacklist is put on the list for that instance.
    """

    addresses: tuple[str, ...] = ()
    categories: tuple[Category, ...] | None = None
    opt_out_words: tuple[str, ...] = ("TD", "T", "退订", "STOP")
    opt_out_categories: tuple[Category, ...] = (Category.MARKETING,)
    vendor_blacklist: bool = True

    _lists = field_validator("addresses", "categories", "opt_out_words", "opt_out_categories", mode="before")(
        several
    )


class DeduplicateSettings(Table):
    """`[policies.deduplicate]`: the same words to the same address once in `window` seconds."""

    window: float = Field(default=60.0, gt=0)


class LimitSettings(_For):
    """One `[[policies.limits]]` table: how often messages of some kind go out.

    limit: `"5/day"`, `"1/60s"`, or several that hold together. per: what is counted apart: `recipient`,
    `words`, `notice`, `category`, `country`; an empty list counts everything together. channel, category,
    notice, country: what it is for. window: `sliding` (in any stretch of that length) or `fixed` (by the
    calendar of `default_time_zone`). over: `defer` or `suppress` what is too much; without it, what the
    category's delivery policy says (`limited`). name: as `explain()` calls it. provider: count what is
    submitted to these instances, all of them together (several instances may share an account): where the
    limit is reached, the others of the route are asked.
    """

    limit: tuple[str, ...] = Field(min_length=1)
    per: tuple[Per, ...] = ("recipient",)
    provider: tuple[str, ...] = ()
    window: Literal["sliding", "fixed"] = "sliding"
    over: Literal["defer", "suppress"] | None = None
    name: str | None = None

    _more_lists = field_validator("limit", "per", "provider", mode="before")(several)

    @field_validator("limit")
    @classmethod
    def _readable(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        for each in written:
            try:
                Limit.parse(each)
            except SettingsError as error:
                raise ValueError(f"{error.problem}; {error.remedy}") from None
        return written


class QuietHoursSettings(Table):
    """One `[[policies.quiet_hours]]` table: when messages of some categories wait.

    start, end: local time of the recipient (`22:00`, `08:00`; over midnight where `end` is earlier).
    days: weekdays on which they begin, 1 is Monday. category: which wait. holidays: dates that are
    quiet all day (`whole_day`) or not quiet at all (`ignore`), as `on_holidays` says. workdays: dates that
    are no holidays whatever the calendar says (调休). holiday_country: that country's public holidays too,
    `CN`, or those of a part of it, `DE-BY`; needs the extra `notifyhub-core[holidays]`.
    """

    start: time
    end: time
    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    category: tuple[Category, ...] = (Category.MARKETING,)
    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()
    holiday_country: str | None = None
    on_holidays: Literal["whole_day", "ignore"] = "whole_day"

    _lists = field_validator("category", mode="before")(several)

    @model_validator(mode="after")
    def _some_time(self) -> QuietHoursSettings:
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("start and end are local times of the recipient; write them without a time zone")
        if self.start == self.end:
            raise ValueError("start and end are the same; leave the table out, or give a stretch of time")
        return self


class BudgetSettings(_For):
    """One `[[policies.budgets]]` table: how much may go out in a day, or another fixed window.

    amount: at most so much; unit: `messages`, `parts` (of 67 or 70 characters, as vendors bill) or `money`
    (parts × the price of the dearest instance on the route, see `[policies.prices]`). per: the window.
    warn_at: the share at which a warning is logged, once a window. over: what becomes of the rest.
    name: as `explain()` calls it.
    """

    amount: Annotated[float, Field(gt=0)]
    unit: Literal["messages", "parts", "money"] = "parts"
    per: str = "day"
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8
    over: Literal["defer", "suppress"] | None = None
    name: str | None = None

    @field_validator("per")
    @classmethod
    def _readable(cls, written: str) -> str:
        try:
            Limit.parse(f"1/{written}")
        except SettingsError:
            raise ValueError('no window; write "day", "hour" or "7d"') from None
        return written


class BalanceGuardSettings(Table):
    """`[policies.balance_guard]`: asks the providers that can say their balance.

    every: seconds between two looks. warn_below, empty_below: in the provider's own unit; by instance
    name, or `default` for all. An instance below `empty_below` is left out of its routes until it is filled.
    """

    every: float = Field(default=300.0, ge=1)
    warn_below: Mapping[str, float] = {"default": 100.0}
    empty_below: Mapping[str, float] = {"default": 1.0}


class DigestSettings(Table):
    """One `[[policies.digests]]` table: notifications of one notice to one recipient become one message.

    notice: which; it has a digest template. window: seconds from the first one. most: so many go in one
    message, the rest in the next.
    """

    notice: str
    window: float = Field(gt=0)
    most: int = Field(default=100, ge=2)


class EscalationStep(Table):
    """Who is asked when nothing was delivered so many seconds after the first message.

    channel: by this channel (the recipient needs an address for it). provider: by this instance.
    """

    after: float = Field(gt=0)
    channel: str | None = None
    provider: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> EscalationStep:
        if (self.channel is None) == (self.provider is None):
            raise ValueError("give either a channel or a provider")
        return self


class EscalationSettings(Table):
    """One `[[policies.escalations]]` table: what follows where nothing is delivered in time.

    category, notice: what it is for. steps: in order, each later than the one before.
    """

    steps: tuple[EscalationStep, ...] = Field(min_length=1)
    category: tuple[Category, ...] = ()
    notice: tuple[str, ...] = ()

    _lists = field_validator("category", "notice", mode="before")(several)

    @field_validator("steps")
    @classmethod
    def _ordered(cls, steps: tuple[EscalationStep, ...]) -> tuple[EscalationStep, ...]:
        if any(later.after <= earlier.after for earlier, later in pairwise(steps)):
            raise ValueError("each step comes later than the one before it")
        return steps


class PolicySettings(Table):
    """`[policies]`: the stock policies that are on.

    vendor_limits: keep the limits that providers declare (ihuyi: so many codes a day to a number, …)
    before the vendor has to refuse. prices: of one part, by instance, in the account's currency.
    """

    suppression_list: SuppressionListSettings | None = None
    deduplicate: DeduplicateSettings | None = None
    quiet_hours: tuple[QuietHoursSettings, ...] = ()
    limits: tuple[LimitSettings, ...] = ()
    vendor_limits: bool = False
    budgets: tuple[BudgetSettings, ...] = ()
    prices: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    balance_guard: BalanceGuardSettings | None = None
    digests: tuple[DigestSettings, ...] = ()
    escalations: tuple[EscalationSettings, ...] = ()
