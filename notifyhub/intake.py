"""Intake: from what was asked for to a job: composed, routed, and refused to the caller if it cannot be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.composer import Composer
from notifyhub.digest import Digests
from notifyhub.errors import NotificationError
from notifyhub.escalation import Escalations
from notifyhub.ledger import Job
from notifyhub.log import get_logger
from notifyhub.message import Message, Notification
from notifyhub.outcome import Delivery, Status
from notifyhub.providers import refused_beforehand
from notifyhub.record import maker
from notifyhub.routing import Path, Router

__all__ = ["Intake"]

_log = get_logger("notifyhub.intake")
_SENDING = Status.SENDING  # a look-up in an Enum class is slow
_new_delivery, _new_job = maker(Delivery), maker(Job)


class Intake:
    """Makes jobs. delivery_policies: of each category, complete.

    carried: whether anybody will carry on what is queued: a ledger on disk is a worker's some day, one in
    memory only this process's own.
    """

    def __init__(
        self,
        composer: Composer,
        router: Router,
        delivery_policies: Mapping[Category, DeliveryPolicy],
        digests: Digests,
        escalations: Escalations,
        carried: Callable[[], bool],
    ) -> None:
        self._composer = composer
        self._router = router
        self._delivery_policies = delivery_policies
        self._digests = digests
        self._escalations = escalations
        self._carried = carried
        self._arranges = bool(digests or escalations)

    def now(self, arguments: dict[str, Any]) -> tuple[Job, Path]:
        """A job that is sent at once, and its path; `queued`, where it is to wait for others of its kind.

        Raises NotificationError, ConfigurationError.
        """
        asked = self._composer.notification(arguments)
        if asked.send_at is not None:
            raise NotificationError("is for enqueue", field="send_at", remedy="use hub.enqueue to send later")
        message, steps = self._composer.compose(asked)
        path = self._router.route(message)
        job = self._job(asked, message, steps, path, _SENDING)
        return self._arranged(asked, job) if self._arranges else job, path

    def later(self, arguments: Mapping[str, Any]) -> Job:
        """A job that a worker sends. What it would surely be refused for then is raised now."""
        asked = self._composer.notification(dict(arguments))
        message, steps = self._composer.compose(asked)
        path = self._router.route(message)
        _refuse_unsendable(message, path)
        when = "at once" if asked.send_at is None else f"from {asked.send_at.isoformat(timespec='seconds')}"
        steps = (*steps, f"queue: kept for a worker, to be sent {when}")
        job = self._job(asked, message, steps, path, Status.QUEUED)
        return self._arranged(asked, job) if self._arranges else job

    def _arranged(self, asked: Notification, job: Job) -> Job:
        """The job as it waits for others of its kind, or with what follows it where it is not delivered."""
        delivery = job.delivery
        start = max(delivery.created_at, delivery.due or delivery.created_at)
        wait = self._digests.wait(asked, job.message, start)
        if delivery.status is _SENDING and not self._carried():
            if wait is None and not self._escalations.concern(job.message):
                return job
            said = "queue: nothing waits or follows, for the ledger is in memory and no worker runs here"
            return job.evolve(delivery=delivery.evolve(steps=(*delivery.steps, said)))
        if wait is None:
            return self._escalations.followed(asked, job, _refuse_unsendable)
        policy = asked.delivery or self._delivery_policies[job.message.category]
        return job.evolve(
            delivery=delivery.evolve(
                status=Status.QUEUED, due=wait.until, steps=(*delivery.steps, wait.step)
            ),
            deadline=policy.ends(wait.until, job.message.expires_at),
            instance=None,  # never straight to sending: first is seen who goes along
            digested=True,
        )

    def _job(
        self, asked: Notification, message: Message, steps: tuple[str, ...], path: Path, status: Status
    ) -> Job:
        now = datetime.now(UTC)
        start = now if asked.send_at is None else max(now, asked.send_at)
        if asked.expires_at is not None and status is Status.QUEUED and asked.expires_at <= start:
            raise NotificationError(
                "is over before it could be sent", field="expires_at", remedy="give a later time, or leave it"
            )
        delivery = _new_delivery(
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
        return _new_job(
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
