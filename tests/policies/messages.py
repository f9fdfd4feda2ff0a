"""What the tests of policies send, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from notifyhub.category import DELIVERY_POLICIES, Category, DeliveryPolicy
from notifyhub.message import Message
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.providers import Balance, Capabilities
from notifyhub.quota import LimitRule
from notifyhub.summary import summed_up
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"


def policy_of(category: Category) -> DeliveryPolicy:
    """The default delivery policy."""
    return DELIVERY_POLICIES[category]


def message(category: str = "order", **fields: Any) -> Message:
    """A message to the usual number."""
    values: dict[str, Any] = {"channel": "sms", "to": NUMBER, "text": "words", **fields}
    return Message(category=Category(category), **values)


def opening(sent: Message) -> Delivery:
    """Its delivery before the policies."""
    return Delivery(
        id=sent.id,
        status=Status.SENDING,
        channel=sent.channel,
        category=sent.category,
        address=sent.to,
    )


def ended(sent: Message, *outcomes: tuple[str, Outcome]) -> Delivery:
    """Its delivery after attempts that came to this, by instance."""
    attempts = tuple(
        Attempt(
            delivery_id=sent.id,
            number=number,
            provider=instance,
            provider_type="recording",
            started_at=datetime.now(UTC),
            elapsed_ms=1.0,
            outcome=outcome,
            allowed="",
        )
        for number, (instance, outcome) in enumerate(outcomes, 1)
    )
    return summed_up(opening(sent), attempts, attempts) if attempts else opening(sent)


class Vendor(RecordingProvider):
    """A provider with limits, parts and a balance of its own."""

    def __init__(
        self, name: str = "vendor", *, limits: tuple[LimitRule, ...] = (), parts: int = 1, **options: Any
    ) -> None:
        super().__init__(name, **options)
        self.capabilities = Capabilities(channels=self.capabilities.channels, limits=limits)
        self.left: Balance | Outcome | Exception = Balance(amount=1000, unit="messages")
        self._parts = parts

    def parts(self, sent: Message) -> int:
        """What the vendor bills, at most."""
        return self._parts

    async def balance(self) -> Balance | Outcome:
        """What the test says is left."""
        if isinstance(self.left, Exception):
            raise self.left
        return self.left
