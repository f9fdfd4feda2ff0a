"""Sequel: what may follow an attempt.

Never decided by a vendor's code or by an `if` on a reason: a refusal, or a proof that nothing left, is
looked up in the reason table; an uncertain attempt in the category's delivery policy.
"""

from __future__ import annotations

from dataclasses import dataclass

from notifyhub.category import Category, DeliveryPolicy, OnUnknown
from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.reason import REASONS
from notifyhub.routing import Instance

__all__ = ["CANCELLED", "Sequel", "Standing", "what_follows"]


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
CANCELLED = Sequel("cancelled by the caller, nothing follows", stop=True)


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
