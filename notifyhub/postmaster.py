"""Postmaster: carries a delivery that this process holds to where it rests, and has it written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from notifyhub.announcer import Announcer
from notifyhub.category import Category, DeliveryPolicy
from notifyhub.delivery import Courier
from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.policies import Pipeline
from notifyhub.reason import Reason
from notifyhub.recorder import Recorder
from notifyhub.routing import Path
from notifyhub.sequel import WAITED, may_go_on, may_wait

__all__ = ["Postmaster"]

_log = get_logger("notifyhub.postmaster")


class Postmaster:
    """Policies, attempts, and what follows them, for what is sent directly and what comes from the queue.

    policies: asked before the first attempt. delivery_policies: of each category, complete.
    """

    def __init__(
        self,
        ledger: Ledger,
        policies: Pipeline,
        recorder: Recorder,
        announcer: Announcer,
        delivery_policies: Mapping[Category, DeliveryPolicy],
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._recorder = recorder
        self._delivery_policies = delivery_policies
        self._courier = Courier(announcer.attempt_finished)
        self._at: dict[str, asyncio.Event | None] = {}

    @property
    def asks_policies(self) -> bool:
        """Whether anything is asked before the first attempt."""
        return bool(self._policies.policies)

    def policy_of(self, job: Job) -> DeliveryPolicy:
        """The delivery policy that holds for it."""
        return job.policy or self._delivery_policies[job.message.category]

    async def open(self, job: Job) -> Delivery:
        """Keep what is to be sent now. Returns the first delivery where its key is known.

        Raises KeyReused, and LedgerUnavailable: then nothing is sent.
        """
        try:
            return await self._ledger.open(job)
        except asyncio.CancelledError:
            await asyncio.shield(self._withdraw(job))
            raise

    def is_at(self, delivery_id: str) -> bool:
        """Whether a task of this process is at it already.

        A lease can run out while its holder waits for a ledger that does not answer. What another process
        has put back by then may come to this one again: that the task is still at it, nobody else can know.
        """
        return delivery_id in self._at

    async def gone(self, delivery_id: str) -> None:
        """Return when no task of this process is at it any more."""
        while delivery_id in self._at:
            ended = self._at[delivery_id] = self._at[delivery_id] or asyncio.Event()
            await ended.wait()

    async def send(self, job: Job, path: Path) -> Delivery:
        """Carry on what the caller waits for: one pass over the route, then it rests."""
        self._at[job.id] = None
        try:
            return await self._send(job, path)
        finally:
            self._left(job.id)

    async def carry(self, job: Job, path: Path) -> Delivery:
        """Carry on what a worker has claimed; what nobody took goes back into the queue for later."""
        self._at[job.id] = None
        try:
            return await self._carry(job, path)
        finally:
            self._left(job.id)

    def _left(self, delivery_id: str) -> None:
        ended = self._at.pop(delivery_id)
        if ended is not None:
            ended.set()

    async def _send(self, job: Job, path: Path) -> Delivery:
        delivery, message = job.delivery, job.message
        if self._policies.policies:
            unsent = delivery.evolve(status=Status.NOT_SENT, reason=Reason.INTERRUPTED)
            delivery = await self._ask(delivery, message, unsent)
            if delivery.status is not Status.SENDING:
                return await self._recorder.record(self._put_off(job, delivery))
        if _log.wants(logging.DEBUG):
            _log_stages(message, delivery, path)
        sent = await self._courier.deliver(
            delivery,
            message,
            path,
            self.policy_of(job),
            deadline=job.deadline,
            committed=job.instance,
            submitting=self._ledger.submitting if self._ledger.durable else None,
            interrupted=self._finish,
        )
        return await self._finish(message, sent)

    async def _carry(self, job: Job, path: Path) -> Delivery:
        delivery, message, policy = job.delivery, job.message, self.policy_of(job)
        committed = job.instance if delivery.status is Status.SENDING else None
        delivery = delivery.evolve(status=Status.SENDING, due=None, detail=None, reason=None)
        if self._policies.policies and not delivery.copies:
            delivery = await self._ask(
                delivery, message, _queued(job.delivery, 0, "queue: its worker stopped")
            )
            if delivery.status is not Status.SENDING:
                return await self._recorder.record(self._put_off(job, delivery))

        def interrupted(message: Message, delivery: Delivery) -> Coroutine[Any, Any, object]:
            return self._finish(message, _after_interruption(job, delivery, path, policy))

        sent = await self._courier.deliver(
            delivery,
            message,
            path,
            policy,
            deadline=job.deadline,
            committed=committed,
            submitting=self._ledger.submitting,
            interrupted=interrupted,
            patient=True,
        )
        return await self._finish(message, _put_back(job, sent, may_wait(sent, path, policy)))

    async def recover(self, job: Job, path: Path | None, why: str) -> Delivery:
        """Say of a submission nobody saw the end of that it may have gone, and whether more may follow.

        path: None where nothing is configured any more that could carry it. why: what became of its sender.
        """
        delivery, instance = job.delivery, job.instance or "?"
        attempt = Attempt(
            delivery_id=delivery.id,
            number=len(delivery.attempts) + 1,
            provider=instance,
            provider_type=next((i.type for i in path.instances if i.name == instance), "?") if path else "?",
            started_at=datetime.now(UTC),
            elapsed_ms=0.0,
            outcome=Outcome.unknown(Reason.INTERRUPTED, detail=why),
            allowed="nobody saw how it ended",
        )
        _log.warning(
            "delivery_recovered", delivery=delivery.id, provider=instance, category=delivery.category
        )
        uncertain = delivery.evolve(
            status=Status.UNKNOWN,
            attempts=(*delivery.attempts, attempt),
            steps=(*delivery.steps, attempt),
        )
        if not delivery.copies:  # else the first uncertain attempt goes on to tell what it is
            uncertain = uncertain.evolve(provider=instance, reason=Reason.INTERRUPTED)
        if path is not None:
            uncertain = _after_interruption(job, uncertain, path, self.policy_of(job))
        return await self._finish(job.message, uncertain)

    async def put_back(self, job: Job, seconds: float, why: str) -> Delivery:
        """Back into the queue, for so many seconds, what was taken up and cannot be carried now."""
        step = f"queue: put back for {seconds:g} s: {why}"
        return await self._recorder.record(_queued(job.delivery, seconds, step).evolve(detail=why))

    async def _ask(self, delivery: Delivery, message: Message, unsent: Delivery) -> Delivery:
        """Ask the policies. unsent: what to write down where the task is cancelled meanwhile."""
        try:
            return await self._policies.ask(delivery, message)
        except asyncio.CancelledError:
            await asyncio.shield(self._finish(message, unsent))
            raise

    async def _finish(self, message: Message, delivery: Delivery) -> Delivery:
        """Write down where it rests now, and tell the policies that had allowed it."""
        kept = await self._recorder.record(delivery)
        if self._policies.settling and kept.status.is_final:
            await self._policies.settle(message, kept)
        return kept

    async def _withdraw(self, job: Job) -> None:
        """End what may have been kept for a caller who stopped waiting before anything was sent."""
        with suppress(LedgerUnavailable):  # then recovery finds it, if it was kept at all
            opened = await self._ledger.open(job)  # once more: only its answer makes it ours
            if opened.id == job.id:
                step = "cancelled by the caller before anything was sent"
                await self._recorder.record(
                    opened.evolve(
                        status=Status.NOT_SENT, reason=Reason.INTERRUPTED, steps=(*opened.steps, step)
                    )
                )

    def _put_off(self, job: Job, delivery: Delivery) -> Delivery:
        """A deferred delivery waits in the queue, where there is one, unless it would be too late then."""
        queue = self._ledger.durable or job.claims > 0
        if delivery.status is not Status.DEFERRED or delivery.due is None or not queue:
            return delivery
        if delivery.due >= job.deadline:
            step = "deadline: it passes before then"
            return delivery.evolve(status=Status.EXPIRED, due=None, steps=(*delivery.steps, step))
        return delivery.evolve(status=Status.QUEUED)


def _after_interruption(job: Job, delivery: Delivery, path: Path, policy: DeliveryPolicy) -> Delivery:
    """A delivery whose sender was cut off: back into the queue where its category lets it go on."""
    if delivery.status not in (Status.NOT_SENT, Status.REFUSED, Status.UNKNOWN):
        return delivery
    if datetime.now(UTC) >= job.deadline:
        goes_on, words = False, "deadline: passed, no attempt may follow"
    else:
        goes_on, words = may_go_on(delivery, path, policy)
    if not goes_on:
        return delivery.evolve(steps=(*delivery.steps, words))
    return _queued(delivery, 0, f"queue: {words}")


def _put_back(job: Job, sent: Delivery, pause: float | None) -> Delivery:
    """What nobody took, back in the queue for so long; None, or beyond its deadline, is not at all."""
    if pause is None or datetime.now(UTC) + timedelta(seconds=pause) >= job.deadline:
        return sent
    step = f"{WAITED}{pause:g} s"
    if len(sent.attempts) == len(job.delivery.attempts):
        # Nobody was asked. One line tells that, however often it comes to it.
        return _queued(job.delivery, pause, f"{step}: nobody can be asked now, {sent.reason}")
    return _queued(sent, pause, step)


def _queued(delivery: Delivery, seconds: float, step: str) -> Delivery:
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    return delivery.evolve(status=Status.QUEUED, due=due, steps=(*delivery.steps, step))


def _log_stages(message: Message, delivery: Delivery, path: Path) -> None:
    """The stages before the first attempt, for whoever reads the log at DEBUG."""
    _log.debug(
        "notification_composed",
        delivery=delivery.id, notice=message.notice, channel=message.channel, locale=message.locale,
        category=message.category, variables=len(message.variables), characters=len(message.text),
    )  # fmt: skip
    order = [instance.name for instance in path.instances]
    _log.debug("route_found", delivery=delivery.id, route=path.route.name, order=order)
    _log.debug("policies_asked", delivery=delivery.id, status=delivery.status, why=delivery.detail)
