"""Postmaster: carries a delivery that this process holds to where it rests, and has it written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from notifyhub.announcer import Announcer
from notifyhub.category import Category, DeliveryPolicy
from notifyhub.delivery import Courier
from notifyhub.errors import LedgerUnavailable, WrongState
from notifyhub.holding import Holding
from notifyhub.ledger import NOTHING_TAKEN, Job, Ledger, Question
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policies import Pipeline, Stop, interrupted
from notifyhub.reason import Reason
from notifyhub.recorder import Recorder
from notifyhub.resting import after_interruption, cut_off, put_back, put_off, queued
from notifyhub.routing import Path
from notifyhub.sequel import may_wait

__all__ = ["Postmaster"]

_log = get_logger("notifyhub.postmaster")
Kept = TypeVar("Kept")

UNASKED = "policies: the ledger they count in cannot be used now, and without them nothing is sent"
UNASKED_PAUSE = 5.0
"""Seconds until a delivery is tried again for which that was so."""


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
        """Keep what the caller waits for, and carry it on: one pass over the route, then it rests.

        Returns the first delivery where its key is known: it stands for both. Raises KeyReused, and
        LedgerUnavailable: then nothing is sent.
        """
        name = job.delivery.id
        self._at[name] = None
        try:
            if self._policies.policies:
                return await self._send_if_allowed(job, path)
            try:  # what `_or_else` does, without a coroutine more for every message
                opened = await self._ledger.open(job)
            except asyncio.CancelledError:
                await asyncio.shield(self._withdraw(job))
                raise
            return await self._send(job, path) if opened.id == name else opened
        finally:
            self._left(name)

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

    async def _send_if_allowed(self, job: Job, path: Path) -> Delivery:
        """As `send`, with the policies asked; what they count is taken in the write that keeps it."""
        policies, message, delivery = self._policies, job.message, job.delivery
        holding = Holding(policies, job)
        try:
            asked = await policies.question(delivery, message, path.names, job.deadline)
        except asyncio.CancelledError:
            await asyncio.shield(self._withdraw(job))
            raise
        if isinstance(asked, Stop):  # before anything is to be counted
            delivery = await policies.stopped(delivery, message, asked)
            opened = await _or_else(self._ledger.open(job), partial(self._withdraw, job))
            return opened if opened.id != job.id else await self._put_off(job, delivery)
        try:
            if asked is None:
                opened, admission = await self._ledger.open(job), NOTHING_TAKEN
            else:
                opened, admission = await self._ledger.enter(job, asked)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                await asyncio.shield(self._withdraw(job, asked))
            await policies.not_asked(delivery, message)
            raise
        if opened.id != delivery.id:
            await policies.not_asked(delivery, message)
            return opened
        refused = admission.listed is not None or admission.refused is not None
        if asked is not None and refused and (stop := policies.against(message, admission, asked)):
            unsent = partial(self._finish, holding, interrupted(delivery))
            return await self._put_off(job, await _or_else(policies.stopped(delivery, message, stop), unsent))
        over, path = holding.admitted(admission, path, None if asked is None else asked.demand)
        return await self._send(job, path, holding, policies.allowed(admission) + over)

    async def _put_off(self, job: Job, delivery: Delivery) -> Delivery:
        """Write down what a policy said of it."""
        return await self._recorder.record(put_off(job, delivery, waits=self._ledger.durable))

    async def _send(
        self, job: Job, path: Path, holding: Holding | None = None, said: tuple[str, ...] = ()
    ) -> Delivery:
        """holding: None where no policy was asked. said: by the policies."""
        delivery, message = job.delivery, job.message
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
            turn=holding.turn if holding is not None and self._policies.takes_turns else None,
            free=None if holding is None else holding.free,
            said=said,
            interrupted=partial(self._finish, holding),
        )
        return await self._finish(holding, sent)

    async def _carry(self, job: Job, path: Path) -> Delivery:
        delivery, message, policy = job.delivery, job.message, self.policy_of(job)
        committed = job.instance if delivery.status is Status.SENDING else None
        delivery = delivery.evolve(status=Status.SENDING, due=None, detail=None, reason=None)
        holding = Holding(self._policies, job)
        if self._policies.policies and not delivery.copies:
            stopped = partial(self._finish, holding, queued(job.delivery, 0, "queue: its worker stopped"))
            try:
                delivery, path = await _or_else(holding.ask(delivery, path), stopped)
            except LedgerUnavailable as error:
                _log.error("policies_not_asked", delivery=delivery.id, error=error.problem)
                return await self._recorder.record(queued(job.delivery, UNASKED_PAUSE, UNASKED))
            if delivery.status is not Status.SENDING:
                return await self._recorder.record(put_off(job, delivery, waits=True))

        def interrupted(delivery: Delivery) -> Coroutine[Any, Any, object]:
            return self._finish(holding, after_interruption(job, delivery, path, policy))

        sent = await self._courier.deliver(
            delivery,
            message,
            path,
            policy,
            deadline=job.deadline,
            committed=committed,
            submitting=self._ledger.submitting,
            turn=holding.turn if self._policies.takes_turns else None,
            free=holding.free,
            interrupted=interrupted,
            patient=True,
        )
        return await self._finish(holding, put_back(job, sent, may_wait(sent, path, policy)))

    async def recover(self, job: Job, path: Path | None, why: str) -> Delivery:
        """Say of a submission nobody saw the end of that it may have gone, and whether more may follow.

        path: None where nothing is configured any more that could carry it. why: what became of its sender.
        """
        delivery = job.delivery
        _log.warning(
            "delivery_recovered",
            delivery=delivery.id,
            provider=job.instance or "?",
            category=delivery.category,
        )
        uncertain = cut_off(job, path, why)
        if path is not None:
            uncertain = after_interruption(job, uncertain, path, self.policy_of(job))
        return await self._finish(Holding(self._policies, job), uncertain)

    async def put_back(self, job: Job, seconds: float, why: str) -> Delivery:
        """Back into the queue, for so many seconds, what was taken up and cannot be carried now."""
        step = f"queue: put back for {seconds:g} s: {why}"
        return await self._recorder.record(queued(job.delivery, seconds, step).evolve(detail=why))

    async def stop(self, job: Job, status: Status, why: str) -> Delivery:
        """End what was taken up and is not sent any more; `unknown` where a copy may be out."""
        delivery = job.delivery
        ended = Status.UNKNOWN if delivery.copies else status
        steps = (*delivery.steps, why)
        return await self._recorder.record(delivery.evolve(status=ended, due=None, detail=why, steps=steps))

    async def _finish(self, holding: Holding | None, delivery: Delivery) -> Delivery:
        """Write down where it rests now, and tell the policies that had allowed it."""
        kept = await self._recorder.record(delivery)
        if holding is not None:
            back = holding.unused(kept)
            if back or self._policies.tells:
                await holding.settle(kept, back)
        return kept

    async def _withdraw(self, job: Job, asked: Question | None = None) -> None:
        """End what may have been kept for a caller who stopped waiting before anything was sent.

        asked: what was asked along with it, and may have been taken.
        """
        with suppress(LedgerUnavailable):  # then recovery finds it, if it was kept at all
            opened = await self._ledger.open(job)  # once more: only its answer makes it ours
            if opened.id == job.id:
                step = "cancelled by the caller before anything was sent"
                await self._recorder.record(
                    opened.evolve(
                        status=Status.NOT_SENT, reason=Reason.INTERRUPTED, steps=(*opened.steps, step)
                    )
                )
                for follow_up in job.follow_ups:
                    with suppress(WrongState):  # taken up already: it looks at the one before it
                        await self._ledger.cancel(delivery_id=follow_up.id)
                if asked is not None:
                    # Once more: where it is known whose it is, nothing is taken twice. What it was goes back.
                    admission = await self._ledger.admit(asked)
                    await self._ledger.give_back([*admission.taken, *admission.turn])


async def _or_else(waited_for: Coroutine[Any, Any, Kept], otherwise: Callable[[], Awaitable[object]]) -> Kept:
    """What is waited for; where the task is cancelled meanwhile, something else is seen to before it ends."""
    try:
        return await waited_for
    except asyncio.CancelledError:
        await asyncio.shield(otherwise())
        raise


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
