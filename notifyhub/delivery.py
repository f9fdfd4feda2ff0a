"""Delivery: attempts along a route, under a delivery policy, until one is accepted or none may follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from notifyhub.category import DeliveryPolicy
from notifyhub.http import classify
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Status
from notifyhub.reason import Reason
from notifyhub.routing import Instance, Path
from notifyhub.sequel import CANCELLED, Sequel, Standing, what_follows
from notifyhub.watchdog import Watchdog

__all__ = ["Courier"]

_log = get_logger("notifyhub.delivery")
# Looked up for each attempt, and a look-up in an Enum class is slow.
_ACCEPTED, _UNKNOWN, _UNSUPPORTED = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN, Reason.UNSUPPORTED
Observer = Callable[[Attempt], Awaitable[None] | None]
Keeper = Callable[[Message, Delivery], Coroutine[Any, Any, object]]


@dataclass(slots=True)
class _Run:
    """One delivery under way."""

    message: Message
    policy: DeliveryPolicy
    standings: list[Standing]
    ends_at: float
    attempts: list[Attempt] = field(default_factory=list)
    steps: list[str | Attempt] = field(default_factory=list)
    copies: int = 0
    round: int = 0


class Courier:
    """Makes the attempts. Knows no vendor, keeps no state between deliveries.

    observe: called with each finished attempt; what it returns is awaited, unless it is None.
    interrupted: where a task is cancelled in an attempt, it is given the message and the delivery
        (`unknown`) to keep, before the cancellation goes on.
    clock: monotonic seconds. sleep: pauses, seconds.
    """

    def __init__(
        self,
        observe: Observer | None = None,
        interrupted: Keeper | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._observe = observe
        self._interrupted = interrupted
        self._clock = clock
        self._sleep = sleep
        self._watchdog = Watchdog()

    async def deliver(
        self,
        delivery: Delivery,
        message: Message,
        path: Path,
        policy: DeliveryPolicy,
    ) -> Delivery:
        """Attempt until accepted, or until nothing may follow; returns the delivery as it then stands."""
        left = policy.deadline if message.expires_at is None else _time_left(message.expires_at, policy)
        steps = [*delivery.steps, path.words]
        if left <= 0:
            steps.append("deadline: nothing is submitted after expires_at")
            return delivery.evolve(status=Status.EXPIRED, steps=tuple(steps))
        run = _Run(message, policy, [Standing(i) for i in path.instances], self._clock() + left, steps=steps)
        try:
            await self._walk(run)
        except asyncio.CancelledError:
            if self._interrupted is not None:
                await asyncio.shield(self._interrupted(message, _summed_up(delivery, run)))
            raise
        return _summed_up(delivery, run)

    async def _walk(self, run: _Run) -> None:
        again: Standing | None = None
        while True:
            if self._clock() >= run.ends_at:
                run.steps.append("deadline: passed, no attempt may follow")
                return
            standing = again or self._next(run) or await self._next_round(run)
            if standing is None:
                return
            sequel, outcome = await self._attempt(run, standing)
            if not sequel.excused and standing.instance.breaker.record(outcome):
                # Once per opening: the operator is told, not flooded.
                _log.error(
                    "breaker_opened",
                    provider=standing.instance.name,
                    reason=str(outcome.reason),
                    code=outcome.code,
                )
            if sequel.stop:
                return
            if sequel.only_this:
                run.standings = [standing]
            again = None
            if sequel.again_after is not None:
                if not await self._pause(run, sequel.again_after):
                    return
                again = standing

    def _next(self, run: _Run) -> Standing | None:
        """The next instance to ask on this walk along the route."""
        waiting = [s for s in run.standings if not s.out and s.round < run.round]
        for standing in waiting:
            standing.round = run.round
            if standing.instance.breaker.admit():
                return standing
            run.steps.append(_skip_step(standing))
        if waiting and not run.attempts:
            # A breaker chooses between instances. With nothing to choose from it stands aside:
            # the caller is better served by the vendor's own answer than by a guess.
            run.steps.append(f"breakers: all open, {waiting[0].instance.name} is asked anyway")
            return waiting[0]
        return None

    async def _next_round(self, run: _Run) -> Standing | None:
        """The next instance on another walk along the route, after a pause, where that is allowed."""
        while run.round < run.policy.retries and not all(s.out for s in run.standings):
            pause = run.policy.backoff * 2**run.round
            run.round += 1
            if not await self._pause(run, pause):
                return None
            standing = self._next(run)
            if standing is not None:
                return standing
        return None

    async def _pause(self, run: _Run, seconds: float) -> bool:
        if seconds > run.policy.max_wait or self._clock() + seconds >= run.ends_at:
            run.steps.append(f"pause: {seconds:g} s is too long, nothing follows")
            return False
        if seconds > 0:
            await self._sleep(seconds)
        return True

    async def _attempt(self, run: _Run, standing: Standing) -> tuple[Sequel, Outcome]:
        instance = standing.instance
        started_at, started = datetime.now(UTC), self._clock()
        cancelled: asyncio.CancelledError | None = None
        try:
            seconds = min(run.policy.attempt_deadline, run.ends_at - started)
            answer: object = await self._watchdog.limit(seconds, instance.provider.send(run.message))
            # A stranger's plugin may return anything, whatever its annotations say.
            outcome = answer if isinstance(answer, Outcome) else _no_outcome(instance, answer)
        except TimeoutError:
            outcome = Outcome.unknown(Reason.TIMEOUT, detail="no outcome before the deadline")
        except asyncio.CancelledError as error:
            outcome, cancelled = (
                Outcome.unknown(Reason.INTERRUPTED, detail="the sending task was cancelled"),
                error,
            )
        except Exception as error:  # noqa: BLE001 - a plugin's bug must end in a named state
            outcome = _outcome_of_bug(instance, error)
        if outcome.may_have_gone:
            run.copies += 1
        sequel = CANCELLED
        if cancelled is None:
            sequel = what_follows(outcome, standing, run.policy, run.message.category, run.copies)
        attempt = Attempt(
            delivery_id=run.message.id,
            number=len(run.attempts) + 1,
            provider=instance.name,
            provider_type=instance.type,
            started_at=started_at,
            elapsed_ms=(self._clock() - started) * 1000,
            outcome=outcome,
            allowed=sequel.words,
        )
        run.attempts.append(attempt)
        run.steps.append(attempt)
        if cancelled is not None:
            raise cancelled
        telling = self._observe(attempt) if self._observe is not None else None
        if telling is not None:
            await telling
        return sequel, outcome


def _time_left(expires_at: datetime, policy: DeliveryPolicy) -> float:
    life = (expires_at - datetime.now(UTC)).total_seconds()
    return min(policy.deadline, life * policy.life_share)


def _bug(instance: Instance, detail: str) -> Outcome:
    _log.error("provider_bug", provider=instance.name, type=instance.type, detail=detail)
    return Outcome.unknown(Reason.PROVIDER_BUG, detail=detail)


def _no_outcome(instance: Instance, answer: object) -> Outcome:
    return _bug(instance, f"send returned {type(answer).__name__}, not an Outcome")


def _outcome_of_bug(instance: Instance, error: Exception) -> Outcome:
    """What an exception that a provider let through proves: that nothing left, or (nearly always) nothing."""
    proof = classify(error)
    # The exception's text may quote anything; its class is what can be told safely.
    outcome = _bug(instance, f"send raised {type(error).__name__}")
    return proof if proof.kind is OutcomeKind.NOT_SENT else outcome


_STATUS = {
    OutcomeKind.ACCEPTED: Status.ACCEPTED,
    OutcomeKind.UNKNOWN: Status.UNKNOWN,
    OutcomeKind.REFUSED: Status.REFUSED,
    OutcomeKind.NOT_SENT: Status.NOT_SENT,
}


def _summed_up(delivery: Delivery, run: _Run) -> Delivery:
    """The delivery its attempts add up to: an acceptance, else what is uncertain, else the last refusal."""
    telling = _most_telling(run.attempts)
    if telling is None:
        return delivery.evolve(status=Status.NOT_SENT, reason=Reason.INTERRUPTED, steps=tuple(run.steps))
    outcome = telling.outcome
    return delivery.evolve(
        status=_STATUS[outcome.kind],
        provider=telling.provider,
        provider_message_id=outcome.provider_message_id,
        reason=outcome.reason,
        attempts=tuple(run.attempts),
        steps=tuple(run.steps),
    )


def _most_telling(attempts: list[Attempt]) -> Attempt | None:
    """The acceptance, else the first uncertain attempt, else the last refusal that says something."""
    telling: Attempt | None = None
    for attempt in attempts:
        kind = attempt.outcome.kind
        if kind is _ACCEPTED:
            return attempt
        if telling is not None and telling.outcome.kind is _UNKNOWN:
            continue
        # That a fallback cannot carry this at all says less than what the one before it said.
        if telling is None or attempt.outcome.reason is not _UNSUPPORTED:
            telling = attempt
    return telling


def _skip_step(standing: Standing) -> str:
    breaker = standing.instance.breaker
    return f"breaker: {standing.instance.name} skipped, {breaker.state} for {breaker.reason}"
