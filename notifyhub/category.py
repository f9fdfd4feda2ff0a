"""Category: what a message is for, and the delivery policy that follows from it.

The figures are explained in docs/explanation/unknown.md. In one sentence: a phone cannot tell a
second copy from a second message, so whether an uncertain attempt may be repeated depends on what
a second copy would do to the person who gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DELIVERY_POLICIES", "Category", "DeliveryPolicy", "OnUnknown"]


class Category(StrEnum):
    """What a message is for."""

    OTP = "otp"
    ALERT = "alert"
    ORDER = "order"
    MARKETING = "marketing"
    OPS = "ops"

    __hash__ = str.__hash__  # Enum's own is written in Python, and these are keys on the hot path

    @property
    def priority(self) -> int:
        """Its place in the queue: 0 goes first, so that a backlog of marketing never delays a code."""
        return _PRIORITY[self]


_PRIORITY = {
    Category.OTP: 0,
    Category.ALERT: 1,
    Category.ORDER: 2,
    Category.OPS: 3,
    Category.MARKETING: 4,
}


class OnUnknown(StrEnum):
    """What may follow an attempt that may or may not have gone out."""

    HOLD = "hold"
    """Nothing is submitted again; a receipt, a query or an operator decides."""
    FAILOVER = "failover"
    """The same words go through another instance, never this one again; with none left, hold."""
    RETRY = "retry"
    """The same instance once more, then the others."""
    RETRY_SAME = "retry_same"
    """Only ever the same instance: its receiver can recognise the message id."""


class DeliveryPolicy(BaseModel):
    """How far delivery may go for one message.

    on_unknown: see `OnUnknown`.
    max_submits: copies that may ever go out, i.e. attempts that were accepted or are uncertain.
    deadline: seconds from `send` after which nothing more is submitted.
    life_share: the share of the time left until `expires_at` that may be used up as well
        (0.5 for a code: half of its life is left to type it in).
    attempt_deadline: seconds after which one attempt is given up as unknown, whatever the provider does.
    retries: how often the whole route is walked again after attempts that surely sent nothing.
    backoff: seconds before the first such round; it doubles each time.
    max_wait: the longest single pause inside one `send`, seconds; what would wait longer stops.
    limited: what becomes of a message that a rate limit or a budget does not let through: it waits until
        there is room again (`defer`, if that is in time), or is not sent (`suppress`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    on_unknown: OnUnknown = OnUnknown.HOLD
    max_submits: int = Field(default=1, ge=1, le=10)
    deadline: float = Field(default=24 * 3600.0, gt=0)
    life_share: float = Field(default=1.0, gt=0, le=1)
    attempt_deadline: float = Field(default=30.0, gt=0)
    retries: int = Field(default=2, ge=0, le=20)
    backoff: float = Field(default=0.5, gt=0)
    max_wait: float = Field(default=5.0, ge=0)
    limited: Literal["defer", "suppress"] = "defer"

    def ends(self, start: datetime, expires_at: datetime | None) -> datetime:
        """After this nothing is submitted, if sending may begin at `start`."""
        if expires_at is None:
            return start + timedelta(0, self.deadline)
        life = (expires_at - start).total_seconds()
        return start + timedelta(0, min(self.deadline, life * self.life_share))

    @classmethod
    def of(cls, category: Category | str, **changes: Any) -> DeliveryPolicy:
        """A category's default policy with some fields changed: `DeliveryPolicy.of("otp", max_submits=1)`.

        Raises ValueError for an unknown category, pydantic's ValidationError for a wrong field.
        """
        return cls.model_validate({**DELIVERY_POLICIES[Category(category)].model_dump(), **changes})


DELIVERY_POLICIES: Mapping[Category, DeliveryPolicy] = MappingProxyType(
    {
        # A second copy of the same code is harmless, a lost one locks someone out.
        Category.OTP: DeliveryPolicy(
            on_unknown=OnUnknown.FAILOVER,
            max_submits=2,
            deadline=30,
            life_share=0.5,
        ),
        # A missed login alert is worse than two.
        Category.ALERT: DeliveryPolicy(on_unknown=OnUnknown.RETRY, max_submits=3, deadline=600),
        # "You were charged" twice frightens.
        Category.ORDER: DeliveryPolicy(on_unknown=OnUnknown.HOLD, max_submits=1, deadline=24 * 3600),
        # Two copies of an advertisement bring complaints; a late one is worth nothing.
        Category.MARKETING: DeliveryPolicy(on_unknown=OnUnknown.HOLD, max_submits=1, deadline=24 * 3600),
        # Chat rooms and webhooks can recognise a message id.
        Category.OPS: DeliveryPolicy(on_unknown=OnUnknown.RETRY_SAME, max_submits=5, deadline=3600),
    }
)
"""The delivery policy of each category unless settings or the notification say otherwise."""
