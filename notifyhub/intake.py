"""Intake: from what was asked for to a job: composed, routed, and refused to the caller if it cannot be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.composer import Composer
from notifyhub.errors import NotificationError
from notifyhub.ledger import Job
from notifyhub.log import get_logger
from notifyhub.message import Message, Notification
from notifyhub.outcome import Delivery, Status
from notifyhub.providers import refused_beforehand
from notifyhub.routing import Path, Router

__all__ = ["Intake"]

_log = get_logger("notifyhub.intake")
_SENDING = Status.SENDING  # a look-up in an Enum class is slow


class Intake:
    """Makes jobs. delivery_policies: of each category, complete."""

    def __init__(
        self, composer: Composer, router: Router, delivery_policies: Mapping[Category, DeliveryPolicy]
    ) -> None:
        self._composer = composer
        self._router = router
        self._delivery_policies = delivery_policies

    def now(self, arguments: dict[str, Any]) -> tuple[Job, Path]:
        """A job that is sent at once, and its path. Raises NotificationError, ConfigurationError."""
        asked = self._composer.notification(arguments)
        if asked.send_at is not None:
            raise NotificationError("is for enqueue", field="send_at", remedy="use hub.enqueue to send later")
        message, steps = self._composer.compose(asked)
        path = self._router.route(message)
        return self._job(asked, message, steps, path, _SENDING), path

    def later(self, arguments: Mapping[str, Any]) -> Job:
        """A job that a worker sends. What it would surely be refused for then is raised now."""
        asked = self._composer.notification(dict(arguments))
        message, steps = self._composer.compose(asked)
        path = self._router.route(message)
        _refuse_unsendable(message, path)
        when = "at once" if asked.send_at is None else f"from {asked.send_at.isoformat(timespec='seconds')}"
        steps = (*steps, f"queue: kept for a worker, to be sent {when}")
        return self._job(asked, message, steps, path, Status.QUEUED)

    def _job(
        self, asked: Notification, message: Message, steps: tuple[str, ...], path: Path, status: Status
    ) -> Job:
        now = datetime.now(UTC)
        start = now if asked.send_at is None else max(now, asked.send_at)
        if asked.expires_at is not None and status is Status.QUEUED and asked.expires_at <= start:
            raise NotificationError(
                "is over before it could be sent", field="expires_at", remedy="give a later time, or leave it"
            )
        delivery = Delivery(
            id=message.id,
            status=status,
            channel=message.channel,
            category=message.category,
            address=message.to,
            notice=message.notice,
            locale=message.locale,
            key=asked.key,
            due=asked.send_at,
            created_at=now,
            steps=steps,
        )
        policy = asked.delivery or self._delivery_policies[message.category]
        return Job(
            delivery=delivery,
            message=message,
            deadline=policy.ends(start, message.expires_at),
            fingerprint="" if asked.key is None else _fingerprint(message),
            policy=asked.delivery,
            subject=asked.to.id,
            instance=path.instances[0].name,
        )


def _refuse_unsendable(message: Message, path: Path) -> None:
    """Raise what the caller should know now, instead of a worker later: nobody on the route would take it."""
    refusals = []
    for instance in path.instances:
        try:
            refusal = refused_beforehand(instance.provider, message)
        except Exception as error:  # noqa: BLE001 - a plugin's bug says nothing about the message
            _log.error("provider_bug", provider=instance.name, type=instance.type, detail=_raised(error))
            return
        if refusal is None:
            return
        refusals.append(f"{instance.name}: {refusal}")
    raise NotificationError(
        f"would be refused by {'; '.join(refusals)}",
        field="text" if message.notice is None else "data",
        remedy="change the words or the address, or add a provider that takes them",
    )


def _raised(error: Exception) -> str:
    # The exception's text may quote anything; its class is what can be told safely.
    return f"check raised {type(error).__name__}"


def _fingerprint(message: Message) -> str:
    """Tells one request from another under the same key: two hashes, of whom it is for and of its words."""
    who = (message.channel, message.to, message.notice, message.category)
    return f"{_hash(who)}.{_hash((message.subject, message.text))}"


def _hash(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
