"""Announcer: tells the log and the observers what became of an attempt and of a delivery."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from notifyhub.health import HealthBoard
from notifyhub.log import get_logger
from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Receipt
from notifyhub.plugins import Plugins
from notifyhub.reason import Reason

__all__ = ["Announcer"]

_log = get_logger("notifyhub.announcer")


class Announcer:
    """One for a hub. plugins: whose observers are told; each is isolated from the others.

    blacklisted: told of attempts that a vendor refused since the number is on its own blacklist.
    Raises nothing. health: counts what each attempt says about its instance.
    """

    def __init__(
        self,
        plugins: Plugins,
        blacklisted: Callable[[Attempt], Awaitable[None]] | None = None,
        health: HealthBoard | None = None,
    ) -> None:
        self._plugins = plugins
        self._blacklisted = blacklisted
        self._health = health if health is not None and health.watches else None

    def attempt_finished(self, attempt: Attempt) -> Awaitable[None] | None:
        """Tell of an attempt; what is returned is to be awaited, unless it is None."""
        outcome = attempt.outcome
        if self._health is not None:
            self._health.attempt(attempt)
        if _log.wants(logging.INFO):
            _log.info(
                "attempt_finished",
                delivery=attempt.delivery_id, attempt=attempt.number, provider=attempt.provider,
                outcome=outcome.kind, reason=outcome.reason, code=outcome.code,
                provider_message_id=outcome.provider_message_id, elapsed_ms=round(attempt.elapsed_ms),
                allowed=attempt.allowed,
            )  # fmt: skip
        if outcome.reason is not None and self._blacklisted is not None and _is_blacklisted(outcome):
            return self._heeded(attempt, self._blacklisted)
        return self._observed(attempt)

    def _observed(self, attempt: Attempt) -> Awaitable[None] | None:
        if not self._plugins.observes("notifyhub_attempt_finished"):
            return None
        return self._plugins.tell("notifyhub_attempt_finished", attempt=attempt)

    async def _heeded(self, attempt: Attempt, heed: Callable[[Attempt], Awaitable[None]]) -> None:
        await heed(attempt)
        telling = self._observed(attempt)
        if telling is not None:
            await telling

    @property
    def heard(self) -> bool:
        """Whether anybody would hear of a delivery: asked for each, and mostly nobody would."""
        return _log.wants(logging.INFO) or self._plugins.observes("notifyhub_delivery_changed")

    async def delivery_changed(self, delivery: Delivery, joined: Sequence[Receipt] = ()) -> None:
        """Tell what a delivery has come to. joined: receipts that came before the submission was answered."""
        if _log.wants(logging.INFO):
            _log.info(
                "delivery_changed",
                delivery=delivery.id, status=delivery.status, notice=delivery.notice,
                category=delivery.category, provider=delivery.provider,
                provider_message_id=delivery.provider_message_id, reason=delivery.reason,
                attempts=len(delivery.attempts),
            )  # fmt: skip
        for receipt in joined:
            await self._plugins.tell("notifyhub_receipt_received", receipt=receipt)
        if self._plugins.observes("notifyhub_delivery_changed"):
            await self._plugins.tell("notifyhub_delivery_changed", delivery=delivery)


def _is_blacklisted(outcome: Outcome) -> bool:
    return outcome.reason is Reason.RECIPIENT_BLOCKED and outcome.kind is OutcomeKind.REFUSED
