"""Sequel: what may follow an attempt.

Never decided by a vendor's code or by an `if` on a reason: a refusal, or a proof that nothing left, is
looked up in the reason table; an uncertain attempt in the category's delivery policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from notifyhub.category import Category, DeliveryPolicy, OnUnknown
from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Status
from notifyhub.reason import REASONS, Scope
from notifyhub.routing import Instance, Path

__all__ = [
    "CANCELLED",
    "WAITED",
    "Replayed",
    "Sequel",
    "Standing",
    "may_go_on",
    "may_wait",
    "replay",
    "what_follows",
]

LONGEST_WAIT = 300.0
"""Seconds in the queue, at most, between two times that a delivery nobody took is tried again."""
WAITED = "queue: tried again in "
"""How the step begins that says so. They are counted."""


@dataclass(slots=True)
class Standing:
    """How one instance stands within one delivery.

    out: it is not asked again. round: the last walk along the route in which it was considered.
    vendor_retries: repetitions that the reason table granted. unknowns: its uncertain attempts.
    """

    instance: Instance
    out: bool = False
    round: int = -1
    vendor_retries: int = 0
    unknowns: int = 0


@dataclass(frozen=True, slots=True)
class Sequel:
    """The same instance again after a pause (seconds), another one, or nothing more; and why, in words.

    excused: the instance is about to mend the cause, so its health is not judged by this outcome.
    only_this: no other instance may be asked any more, whatever this one comes to.
    """

    words: str
    again_after: float | None = None
    stop: bool = False
    excused: bool = False
    only_this: bool = False


DONE = Sequel("done", stop=True)
ANOTHER = Sequel("another instance may be asked")
CANCELLED = Sequel("its task was cancelled, nothing follows in it", stop=True)


def what_follows(
    outcome: Outcome, standing: Standing, policy: DeliveryPolicy, category: Category, copies: int
) -> Sequel:
    """What this outcome allows; keeps count in `standing`.

    copies: how many may be out by now, this attempt included.
    """
    if outcome.reason is None:  # accepted: an outcome's own invariant
        return DONE
    if outcome.kind is OutcomeKind.UNKNOWN:
        return _after_unknown(standing, policy, category, copies)
    rule = REASONS[outcome.reason]
    pause = outcome.retry_after
    if pause is not None and pause <= policy.max_wait and standing.vendor_retries < rule.retries:
        standing.vendor_retries += 1
        return Sequel(f"the same instance once more after {pause:g} s", again_after=pause, excused=True)
    if not rule.failover:
        return Sequel(f"no other instance: this is about the {rule.scope}", stop=True)
    if not (rule.rounds and outcome.kind is OutcomeKind.NOT_SENT):
        standing.out = True
    return ANOTHER


def _after_unknown(standing: Standing, policy: DeliveryPolicy, category: Category, copies: int) -> Sequel:
    standing.unknowns += 1
    if policy.on_unknown is OnUnknown.HOLD:
        return Sequel(f"held: {category} is never submitted again after an uncertain attempt", stop=True)
    if copies >= policy.max_submits:
        return Sequel(f"held: {copies} copies may be out, {policy.max_submits} at most", stop=True)
    if policy.on_unknown is OnUnknown.RETRY_SAME:
        return Sequel("the same instance once more, and only it", again_after=policy.backoff, only_this=True)
    if policy.on_unknown is OnUnknown.RETRY and standing.unknowns == 1:
        return Sequel("the same instance once more", again_after=policy.backoff)
    standing.out = True
    return Sequel("the same words may go through another instance")


class Replayed(NamedTuple):
    """Where attempts have left off. standings: who may still be asked. again: who is to be asked first, if
    anybody. words: what the last uncertain attempt allowed.
    """

    standings: list[Standing]
    again: Standing | None
    words: str


def replay(attempts: Sequence[Attempt], path: Path, policy: DeliveryPolicy, category: Category) -> Replayed:
    """How the instances stand after these attempts, whoever made them.

    Only what may have gone binds what is done later: a refusal then may be an acceptance now.
    """
    standings = [Standing(instance) for instance in path.instances]
    known = {standing.instance.name: standing for standing in standings}
    again: Standing | None = None
    words, copies = ANOTHER.words, 0
    for attempt in attempts:
        again = None
        if not attempt.outcome.may_have_gone:
            continue
        copies += 1
        configured = known.get(attempt.provider)
        sequel = what_follows(
            attempt.outcome, configured or Standing(path.instances[0]), policy, category, copies
        )
        words = sequel.words
        if sequel.stop:
            return Replayed([], None, words)
        if sequel.only_this:
            if configured is None:
                return Replayed([], None, f"held: {attempt.provider}, and only it, might be asked again")
            standings = [configured]
        again = configured if sequel.again_after is not None else None
    return Replayed(standings, again, words)


def may_go_on(delivery: Delivery, path: Path, policy: DeliveryPolicy) -> tuple[bool, str]:
    """Whether another attempt may follow where a delivery was cut off; and why, in words."""
    last = delivery.attempts[-1].outcome if delivery.attempts else None
    if last is not None and last.reason is not None and not last.may_have_gone:
        rule = REASONS[last.reason]
        if not rule.failover:
            return False, f"held: the last answer is about the {rule.scope}"
    if not delivery.copies:
        return True, "nothing has gone out yet"
    standings, _, words = replay(delivery.attempts, path, policy, delivery.category)
    if not standings:
        return False, words
    if all(standing.out for standing in standings):
        return False, "held: no other instance is left"
    return True, words


def may_wait(delivery: Delivery, path: Path, policy: DeliveryPolicy) -> float | None:
    """Seconds after which a delivery that surely nobody took is tried again from the queue; None is never.

    It waits for what mends itself or an operator mends: no connection, an account out of money. Each
    time it waits twice as long.
    """
    if delivery.status not in (Status.NOT_SENT, Status.REFUSED) or delivery.copies:
        return None
    waited = sum(isinstance(step, str) and step.startswith(WAITED) for step in delivery.steps)
    pause: float = min(policy.backoff * 2 ** min(waited, 16), LONGEST_WAIT)
    if delivery.attempts and (last := delivery.attempts[-1].outcome).reason is not None:
        rule = REASONS[last.reason]
        if not rule.failover:  # whoever carried it, the answer would be the same
            again = (
                sum(attempt.outcome.reason is last.reason for attempt in delivery.attempts) <= rule.retries
            )
            return max(pause, last.retry_after) if again and last.retry_after is not None else None
    newest = {attempt.provider: attempt.outcome for attempt in delivery.attempts}
    # Who was not asked at all was passed over for its breaker.
    pauses = [_mending(newest.get(instance.name)) for instance in path.instances]
    shortest = min((each for each in pauses if each is not None), default=None)
    return None if shortest is None else max(pause, shortest)


def _mending(outcome: Outcome | None) -> float | None:
    """Seconds that an instance asks to be left alone for before it may answer otherwise; None is never."""
    if outcome is None:
        return 0.0
    if outcome.reason is None:
        return None
    rule = REASONS[outcome.reason]
    return outcome.retry_after or 0.0 if rule.rounds or rule.scope is Scope.ACCOUNT else None
