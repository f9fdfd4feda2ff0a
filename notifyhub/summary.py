"""Summary: what the attempts made for a delivery add up to."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.outcome import Attempt, Delivery, OutcomeKind, Status
from notifyhub.reason import Reason

__all__ = ["summed_up"]

# Looked up for each attempt, and a look-up in an Enum class is slow.
_ACCEPTED, _UNKNOWN, _UNSUPPORTED = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN, Reason.UNSUPPORTED
_STATUS = {
    OutcomeKind.ACCEPTED: Status.ACCEPTED,
    OutcomeKind.UNKNOWN: Status.UNKNOWN,
    OutcomeKind.REFUSED: Status.REFUSED,
    OutcomeKind.NOT_SENT: Status.NOT_SENT,
}


def summed_up(delivery: Delivery, attempts: Sequence[Attempt], steps: Sequence[str | Attempt]) -> Delivery:
    """The delivery after these (there are some): an acceptance, else what is uncertain, else a refusal."""
    telling = _most_telling(attempts)
    outcome = telling.outcome
    return delivery.evolve(
        status=_STATUS[outcome.kind],
        provider=telling.provider,
        provider_message_id=outcome.provider_message_id,
        reason=outcome.reason,
        attempts=tuple(attempts),
        steps=tuple(steps),
    )


def _most_telling(attempts: Sequence[Attempt]) -> Attempt:
    """The acceptance, else the first uncertain attempt, else the last refusal that says something."""
    telling = attempts[0]
    for attempt in attempts:
        kind = attempt.outcome.kind
        if kind is _ACCEPTED:
            return attempt
        # That a fallback cannot carry this at all says less than what the one before it said.
        if telling.outcome.kind is not _UNKNOWN and attempt.outcome.reason is not _UNSUPPORTED:
            telling = attempt
    return telling
