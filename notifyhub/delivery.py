"""Delivery: attempts along a route, under a delivery policy, until one is accepted or none may follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

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
Observer = Callable[[Attempt], Awaitable[None]]


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

    observe: called with each finished attempt. clock: monotonic seconds. sleep: pauses, seconds.
    """

    def __init__(
        self,
        observe: Observer | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._observe = observe
        self._clock = clock
        self._sleep = sleep
        self._watchdog = Watchdog()

    async def deliver(
        self,
        delivery: Delivery,
        message: Message,
        path: Path,
        policy: DeliveryPolicy,
        on_interrupt: Callable[[Delivery], Awaitable[object]] | None = None,
    ) -> Delivery:
        """Attempt until accepted, or until nothing may follow; returns the delivery as it then stands.

        on_interrupt: where this task is cancelled in an attempt, it is given the delivery (`unknown`)
        to keep, before the cancellation goes on.
        """
        left = self._time_left(message, policy)
        steps = [*delivery.steps, path.words]
        if left <= 0:
            steps.append("deadline: nothing is submitted after expires_at")
            return delivery.evolve(status=Status.EXPIRED, steps=tuple(steps))
        run = _Run(message, policy, [Standing(i) for i in path.instances], self._clock() + left, steps=steps)
        try:
            await self._walk(run)
        except asyncio.CancelledError:
            if on_interrupt is not None:
                await asyncio.shield(on_interrupt(_summed_up(delivery, run)))
            raise
        return _summed_up(delivery, run)

    def _time_left(self, message: Message, policy: DeliveryPolicy) -> float:
        if message.expires_at is None:
            return policy.deadline
        life = (message.expires_at - datetime.now(UTC)).total_seconds()
        return min(policy.deadline, life * policy.life_share)

    async def _walk(self, run: _Run) -> None:
        again: Standing | None = None
        while True:
            if self._clock() >= run.ends_at:
                run.steps.append("deadline: passed, no attempt may follow")
                return
            standing = again or await self._choose(run)
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

    async def _choose(self, run: _Run) -> Standing | None:
        """The next instance to ask; walks the route once more, after a pause, where that is allowed."""
        while True:
            waiting = [s for s in run.standings if not s.out and s.round < run.round]
            for standing in waiting:
                if standing.instance.breaker.admit():
                    standing.round = run.round
                    return standing
                standing.round = run.round
                run.steps.append(_skip_step(standing))
            if waiting and not run.attempts:
                # A breaker chooses between instances. With nothing to choose from it stands aside:
                # the caller is better served by the vendor's own answer than by a guess.
                standing = waiting[0]
                run.steps.append(f"breakers: all open, {standing.instance.name} is asked anyway")
                return standing
            if all(s.out for s in run.standings) or run.round >= run.policy.retries:
                return None
            pause = run.policy.backoff * 2**run.round
            run.round += 1
            if not await self._pause(run, pause):
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
        if self._observe is not None:
            await self._observe(attempt)
        return sequel, outcome


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
        if kind is OutcomeKind.ACCEPTED:
            return attempt
        if telling is not None and telling.outcome.kind is OutcomeKind.UNKNOWN:
            continue
        # That a fallback cannot carry this at all says less than what the one before it said.
        if telling is None or attempt.outcome.reason is not Reason.UNSUPPORTED:
            telling = attempt
    return telling


def _skip_step(standing: Standing) -> str:
    breaker = standing.instance.breaker
    return f"breaker: {standing.instance.name} skipped, {breaker.state} for {breaker.reason}"
