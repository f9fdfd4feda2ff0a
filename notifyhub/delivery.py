"""Delivery: attempts along a route, under a delivery policy, until one is accepted or none may follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from notifyhub.category import DeliveryPolicy
from notifyhub.errors import LedgerUnavailable
from notifyhub.http import classify
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Status
from notifyhub.reason import Reason
from notifyhub.record import maker
from notifyhub.routing import Instance, Path
from notifyhub.sequel import CANCELLED, Sequel, Standing, replay, what_follows
from notifyhub.summary import summed_up
from notifyhub.watchdog import Watchdog

__all__ = ["Courier", "Turn"]

_log = get_logger("notifyhub.delivery")
_new_attempt = maker(Attempt)
Observer = Callable[[Attempt], Awaitable[None] | None]
Submitting = Callable[[Delivery, str], Awaitable[None]]
Turn = Callable[[str, int], Awaitable[str | None]]
Keeper = Callable[[Delivery], Coroutine[Any, Any, object]]


@dataclass(slots=True)
class _Run:
    """One delivery under way. committed: the instance to which a submission is on record already. free: the
    one whose turn was taken already.

    Made by position, which is quicker than by name.
    """

    delivery: Delivery
    message: Message
    policy: DeliveryPolicy
    standings: list[Standing]
    ends_at: float
    steps: list[str | Attempt]
    committed: str | None
    submitting: Submitting | None
    turn: Turn | None
    free: str | None
    patient: bool
    attempts: list[Attempt] = field(default_factory=list)
    copies: int = 0
    round: int = 0


class Courier:
    """Makes the attempts. Knows no vendor, keeps no state between deliveries.

    observe: called with each finished attempt; what it returns is awaited, unless it is None.
    clock: monotonic seconds. sleep: pauses, seconds.
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
        *,
        deadline: datetime | None = None,
        committed: str | None = None,
        submitting: Submitting | None = None,
        turn: Turn | None = None,
        free: str | None = None,
        said: tuple[str, ...] = (),
        interrupted: Keeper | None = None,
        patient: bool = False,
    ) -> Delivery:
        """Attempt until accepted, or until nothing may follow; returns the delivery as it then stands.

        A delivery with attempts is carried on: what those that are uncertain allow still holds.
        deadline: by default that of one that begins now. submitting: awaited before the first byte of
        each submission, with the delivery so far and the instance's name, except where the name is
        `committed`: that one is on record already. turn: awaited before each submission with the instance's
        name and how many copies may be out; where it answers with a sentence, that instance is passed over.
        free: the instance whose turn was taken before; its first submission does not ask. said: what
        `explain()` says of it besides its own steps, before the route.
        interrupted: where the task is cancelled in an attempt, it is given the delivery (`unknown`) to keep,
        before the cancellation goes on. patient: with every breaker open nothing is asked, since the caller
        can wait.
        """
        left = policy.deadline
        if deadline is not None or message.expires_at is not None:
            now = datetime.now(UTC)
            left = ((deadline or policy.ends(now, message.expires_at)) - now).total_seconds()
        steps = [*delivery.steps, *said, path.words]
        run = _Run(
            delivery, message, policy, [Standing(i) for i in path.instances], self._clock() + left,
            steps, committed, submitting, turn, free, patient,
        )  # fmt: skip
        again: Standing | None = None
        if delivery.attempts:
            again = _carried_on(run, path)
        if left <= 0:
            steps.append("deadline: passed, nothing is submitted any more")
            return (
                _summed_up(run) if run.copies else delivery.evolve(status=Status.EXPIRED, steps=tuple(steps))
            )
        try:
            await self._walk(run, again)
        except asyncio.CancelledError:
            if interrupted is not None:
                await asyncio.shield(interrupted(_summed_up(run)))
            raise
        return _summed_up(run)

    async def _walk(self, run: _Run, again: Standing | None) -> None:
        while True:
            if self._clock() >= run.ends_at:
                run.steps.append("deadline: passed, no attempt may follow")
                return
            standing = again or self._next(run) or await self._next_round(run)
            if standing is None:
                return
            if run.turn is not None:
                if run.free == standing.instance.name and not run.copies:
                    run.free = None
                elif not await self._free(run, run.turn, standing):
                    again, standing.out = None, True
                    continue
            committed, run.committed = run.committed, None
            if (
                run.submitting is not None
                and committed != standing.instance.name
                and not await self._commit(run, run.submitting, standing)
            ):
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
        if waiting and not run.attempts and not run.patient:
            # A breaker chooses between instances. With nothing to choose from it stands aside:
            # the caller is better served by the vendor's own answer than by a guess.
            last = next((s for s in waiting if not s.instance.breaker.held), waiting[0])
            run.steps.append(f"breakers: all open, {last.instance.name} is asked anyway")
            return last
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

    async def _free(self, run: _Run, turn: Turn, standing: Standing) -> bool:
        """Whether this instance may be asked now."""
        try:
            why = await turn(standing.instance.name, run.copies)
        except LedgerUnavailable as error:
            why = f"ledger: {type(error).__name__}, so {standing.instance.name} is passed over"
        if why is not None:
            run.steps.append(why)
        return why is None

    async def _commit(self, run: _Run, submitting: Submitting, standing: Standing) -> bool:
        """Have the submission committed before its first byte. Without that it is not made."""
        instance = standing.instance.name
        try:
            await submitting(_so_far(run), instance)
        except LedgerUnavailable as error:
            run.steps.append(f"ledger: {type(error).__name__}, so nothing is submitted to {instance}")
            _log.error("submission_not_committed", delivery=run.message.id, error=type(error).__name__)
            return False
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
        attempt = _new_attempt(
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


def _carried_on(run: _Run, path: Path) -> Standing | None:
    """Put the run where the delivery's attempts left off; the instance to ask again first, if any."""
    run.attempts.extend(run.delivery.attempts)
    run.copies = run.delivery.copies
    run.standings, again, _ = replay(run.attempts, path, run.policy, run.message.category)
    return again


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


def _summed_up(run: _Run) -> Delivery:
    if run.attempts:
        return summed_up(run.delivery, run.attempts, run.steps)
    why = [s.instance.breaker.reason for s in run.standings if s.instance.breaker.reason is not None]
    reason = why[0] if why else Reason.INTERRUPTED
    return run.delivery.evolve(status=Status.NOT_SENT, reason=reason, steps=tuple(run.steps))


def _so_far(run: _Run) -> Delivery:
    if run.attempts:
        return _summed_up(run).evolve(status=Status.SENDING)
    return run.delivery.evolve(status=Status.SENDING, steps=tuple(run.steps))


def _skip_step(standing: Standing) -> str:
    breaker = standing.instance.breaker
    return f"breaker: {standing.instance.name} skipped, {breaker.state} for {breaker.reason}"
