"""Inbox: what vendors push to the application, matched to the deliveries it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from notifyhub.chain import Chains
from notifyhub.errors import NotificationError, UnsupportedOperation, faults_of
from notifyhub.health import HealthBoard
from notifyhub.ledger import Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Receipt, Reply, TemplateReview
from notifyhub.plugins import Plugins
from notifyhub.providers import ParsesPushes, Push, PushAnswer
from notifyhub.routing import Instance
from notifyhub.suppressions import Suppressions

__all__ = ["Inbox"]

_log = get_logger("notifyhub.inbox")


class Inbox:
    """Takes pushes in. Repetitions are harmless, a receipt never lowers a status and never triggers a send.

    The answer is the same whether or not anything matched: a forger learns nothing from it.
    """

    def __init__(
        self,
        ledger: Ledger,
        plugins: Plugins,
        suppressions: Suppressions,
        health: HealthBoard,
        chains: Chains,
    ) -> None:
        self._ledger = ledger
        self._plugins = plugins
        self._suppressions = suppressions
        self._health = health
        self._chains = chains

    async def receive(self, instance: Instance, push: Push | Mapping[str, Any]) -> PushAnswer:
        """See `Hub.receive_push`."""
        provider = instance.provider
        if not isinstance(provider, ParsesPushes):
            raise UnsupportedOperation(f"`{instance.name}` reads no pushes", field="instance")
        parsed = provider.parse_push(push if isinstance(push, Push) else _push(push))
        if parsed.problem is not None:
            _log.warning("push_unreadable", provider=instance.name, problem=parsed.problem)
        for event in parsed.events:
            # The vendor's adapter knows its own name at most; the hub knows whose URL this was.
            named = replace(event, provider=instance.name)
            if isinstance(named, Receipt):
                await self._receipt(named)
            elif isinstance(named, Reply):
                await self._reply(named)
            else:
                await self._review(named)
        return parsed.answer

    async def _receipt(self, receipt: Receipt) -> None:
        delivery, news = await self._ledger.receive(receipt)
        _log.info(
            "receipt_received",
            provider=receipt.provider,
            provider_message_id=receipt.provider_message_id,
            delivered=receipt.delivered,
            code=receipt.code,
            result="repeated" if not news else "matched" if delivery else "parked",
        )
        if delivery is not None and news:
            self._health.receipt(receipt, delivery, datetime.now(UTC))
            await self._plugins.tell("notifyhub_receipt_received", receipt=delivery.receipts[-1])
            await self._plugins.tell("notifyhub_delivery_changed", delivery=delivery)
            if receipt.delivered:
                await self._chains.delivered(delivery)

    async def _reply(self, reply: Reply) -> None:
        # Before the reply counts as known: should it fail, the push comes again and all is done then.
        await self._suppressions.heed(reply)
        reply, news = await self._ledger.hear(reply)
        _log.info("reply_received", provider=reply.provider, delivery=reply.delivery_id, news=news)
        if news:
            await self._plugins.tell("notifyhub_reply_received", reply=reply)

    async def _review(self, review: TemplateReview) -> None:
        _log.info(
            "template_reviewed",
            provider=review.provider,
            template=review.template_id,
            approved=review.approved,
        )
        await self._plugins.tell("notifyhub_template_reviewed", review=review)


def _push(received: Mapping[str, Any]) -> Push:
    try:
        return Push.model_validate(dict(received))
    except ValidationError as error:
        fault = faults_of(error)[0]
        raise NotificationError(
            fault.said,
            field=".".join(["push", *fault.path]),
            remedy="a push has method, headers, body (bytes) and form",
        ) from None
