"""Claiming: deliveries taken up under a lease, given back, prolonged, taken over from the dead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from notifyhub.category import Category
from notifyhub.ledger.job import MOST_CLAIMS, Job
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import changed, given_up
from notifyhub.ledger.sql.rows import COLUMNS, Kept, delivery_of, job_of
from notifyhub.ledger.sql.script import Batch, Row, Rows, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Status
from notifyhub.reason import Reason

__all__ = ["Claim", "Claiming", "GivingBack", "Renewing", "Taken", "TakingOver"]

PRIORITIES = range(len(Category))

# Picked once and for all: as a mere subquery PostgreSQL may look again for each row it compares, find
# others (those looked at before are locked) and take more than the limit.
_PICKED = "picked AS MATERIALIZED (SELECT id FROM notifyhub_deliveries WHERE "
# Of those that are to become one message only the first is given out, and none while one is held: else
# many would be taken up at once, each to gather the others.
_FREE = (
    "status = 'queued' AND due <= ? AND deadline > ? AND (lease IS NULL OR lease <= ?)"
    " AND (digest IS NULL OR NOT EXISTS (SELECT 1 FROM notifyhub_deliveries AS other"
    " WHERE other.digest = notifyhub_deliveries.digest AND other.status = 'queued'"
    " AND other.id <> notifyhub_deliveries.id AND (other.lease > ? OR (other.deadline > ?"
    " AND (other.due, other.id) < (notifyhub_deliveries.due, notifyhub_deliveries.id)))))"
)


class Claim(NamedTuple):
    """Up to `limit` of what is due at `now`, or one delivery only, leased `until` then (microseconds)."""

    limit: int
    submitting: bool
    delivery_id: str | None
    now: int
    until: int


class Taken(NamedTuple):
    """A job and the fencing token under which it is held."""

    job: Job
    token: int


class Claiming:
    """Claims by priority, seeking the oldest of each: a backlog costs nothing to those before it."""

    def __init__(self, owner: str, sealer: Sealer, dialect: Dialect) -> None:
        self._owner = owner
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Claim]) -> Script[Sequence[list[Taken] | Exception]]:
        """The answer to each: what it has taken."""
        answers: list[list[Taken]] = [[] for _ in operations]
        # Engines that carry ids ask for one each, many at the same time: those are one statement.
        by_id: dict[bool, dict[str, int]] = defaultdict(dict)
        for place, claim in enumerate(operations):
            if claim.delivery_id is not None:
                by_id[claim.submitting].setdefault(claim.delivery_id, place)
            else:
                answers[place] = yield from self._most_urgent(claim)
        for places in by_id.values():
            claim = operations[max(places.values())]
            rows = yield self._update(claim, f"id IN ({_marks(len(places))})", "", _padded(places))
            for taken in (yield from self._taken(rows, claim.now)):
                answers[places[taken.job.id]].append(taken)
        return answers

    def _most_urgent(self, claim: Claim) -> Script[list[Taken]]:
        found: list[Taken] = []
        for priority in PRIORITIES:
            left = claim.limit - len(found)
            if left <= 0:
                break
            rows = yield self._update(claim, "priority = ?", " ORDER BY due LIMIT ?", (priority,), (left,))
            found += yield from self._taken(rows, claim.now)
        return found

    def _update(self, claim: Claim, which: str, how: str, these: Row, rest: Row = ()) -> Statement:
        # Nobody is named as the one to submit to where it is not known: then the caller says it first.
        return Statement(
            f"WITH {_PICKED}{which} AND {_FREE}{how}{self._dialect.skip_locked})"  # noqa: S608 - our own words
            " UPDATE notifyhub_deliveries SET owner = ?, token = token + 1, lease = ?, claims = claims + 1,"
            " status = CASE WHEN instance IS NULL THEN 'queued' ELSE ? END"
            f" WHERE id IN (SELECT id FROM picked) RETURNING {COLUMNS}",
            (
                *these,
                *[claim.now] * 5,
                *rest,
                self._owner,
                claim.until,
                Status.SENDING if claim.submitting else Status.QUEUED,
            ),
        )

    def _taken(self, rows: Rows, now: int) -> Script[list[Taken]]:
        """The jobs in the order of the queue; what cannot be carried on any more is ended instead."""
        taken = []
        for kept in sorted((Kept(*row) for row in rows), key=lambda each: (each.priority, each.due or 0)):
            job = None if kept.claims > MOST_CLAIMS else job_of(kept, self._sealer)
            if job is not None:
                taken.append(Taken(job, kept.token))
                continue
            delivery = delivery_of(kept, self._sealer)
            if kept.claims > MOST_CLAIMS:
                said = f"queue: taken up {kept.claims - 1} times and never brought to an end"
                yield from changed(delivery, said, self._sealer, now, status=Status.DEAD)
            else:
                said = "cancelled: the person's data was erased"
                yield from given_up(delivery, Status.CANCELLED, said, self._sealer, now)
        return taken


class TakingOver:
    """Takes over what is `sending` under a lease that ran out; its operations are claims."""

    def __init__(self, owner: str, sealer: Sealer, dialect: Dialect) -> None:
        self._owner = owner
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Claim]) -> Script[Sequence[list[Taken] | Exception]]:
        """The answer to each: what it has taken over."""
        answers = []
        for claim in operations:
            # No claims counted: a claim whose answer was lost is told from this by having some.
            rows = yield Statement(
                f"WITH {_PICKED}status = 'sending' AND lease <= ? ORDER BY lease LIMIT ?"  # noqa: S608 - our own words
                f"{self._dialect.skip_locked}) UPDATE notifyhub_deliveries SET owner = ?, token = token + 1,"
                f" lease = ?, claims = 0 WHERE id IN (SELECT id FROM picked) RETURNING {COLUMNS}",
                (claim.now, claim.limit, self._owner, claim.until),
            )
            taken = []
            for kept in (Kept(*row) for row in rows):
                job = job_of(kept, self._sealer)
                if job is not None:
                    taken.append(Taken(job, kept.token))
                    continue
                # Erased while it was being sent: there is nothing to carry on, and it may have gone.
                delivery = delivery_of(kept, self._sealer)
                said = "recovery: its words were erased while it was sent"
                ended = {"status": Status.UNKNOWN, "reason": Reason.INTERRUPTED}
                yield from changed(delivery, said, self._sealer, claim.now, **ended)
            answers.append(taken)
        return answers


class Renewing:
    """Prolongs leases: operations are rows of (until, id, owner, token)."""

    def __call__(self, operations: Sequence[Sequence[Row]]) -> Script[Sequence[None]]:
        """Nothing is answered: who has lost a lease learns it from the next write."""
        yield Batch(
            "UPDATE notifyhub_deliveries SET lease = ? WHERE id = ? AND owner = ? AND token = ?",
            [row for rows in operations for row in rows],
        )
        return [None] * len(operations)


class GivingBack:
    """Puts back what was claimed for us in a claim whose answer never reached us: nothing of it was sent.

    Operations are the ids that we know we hold.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner

    def __call__(self, operations: Sequence[Collection[str]]) -> Script[Sequence[None]]:
        """Nothing is answered."""
        rows = yield Statement(
            "SELECT id FROM notifyhub_deliveries WHERE lease IS NOT NULL AND owner = ? AND claims > 0"
            " AND status IN ('queued', 'sending')",
            (self._owner,),
        )
        known = set().union(*operations)
        yield Batch(
            "UPDATE notifyhub_deliveries SET status = 'queued', owner = NULL, lease = NULL,"
            " claims = claims - 1 WHERE id = ?",
            [(delivery_id,) for (delivery_id,) in rows if delivery_id not in known],
        )
        return [None] * len(operations)


def _padded(ids: Collection[str]) -> list[str]:
    """The ids, the last one repeated up to a power of two: few different statements to prepare."""
    listed = list(ids)
    return listed + listed[-1:] * (_power(len(listed)) - len(listed))


def _marks(number: int) -> str:
    return ", ".join("?" * _power(number))


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()
