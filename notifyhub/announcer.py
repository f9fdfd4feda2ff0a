"""Announcer: tells the log and the observers what became of an attempt and of a delivery."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence

from notifyhub.log import get_logger
from notifyhub.outcome import Attempt, Delivery, Receipt
from notifyhub.plugins import Plugins

__all__ = ["Announcer"]

_log = get_logger("notifyhub.announcer")


class Announcer:
    """One for a hub. plugins: whose observers are told; each is isolated from the others."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins

    def attempt_finished(self, attempt: Attempt) -> Awaitable[None] | None:
        """Tell of an attempt; what is returned is to be awaited, unless it is None."""
        outcome = attempt.outcome
        if _log.wants(logging.INFO):
            _log.info(
                "attempt_finished",
                delivery=attempt.delivery_id, attempt=attempt.number, provider=attempt.provider,
                outcome=outcome.kind, reason=outcome.reason, code=outcome.code,
                provider_message_id=outcome.provider_message_id, elapsed_ms=round(attempt.elapsed_ms),
                allowed=attempt.allowed,
            )  # fmt: skip
        if not self._plugins.observes("notifyhub_attempt_finished"):
            return None
        return self._plugins.tell("notifyhub_attempt_finished", attempt=attempt)

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
