"""Gathering: queued deliveries that become one message, and what becomes of them if it is never sent.

While it waits, a delivery's column `digest` says with which it belongs together (a digest of
`group_of`, under the sealer's key); once it is merged, the id of the delivery its words go out in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from notifyhub.errors import LeaseLost
from notifyhub.ledger.grouping import group_of, left_behind, merged_step
from notifyhub.ledger.job import Gathered, Job
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import FENCED, changed
from notifyhub.ledger.sql.encoding import decode, encode, moment
from notifyhub.ledger.sql.history import extent_of, line_of
from notifyhub.ledger.sql.rows import COLUMNS, Kept, delivery_of, job_of
from notifyhub.ledger.sql.script import Batch, Row, Script, Statement, in_turn
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Status

__all__ = ["Gather", "Gathering", "released", "step_line"]

_OF_D = ", ".join(f"d.{column.strip()}" for column in COLUMNS.split(","))
_LED = f"SELECT {COLUMNS} FROM notifyhub_deliveries WHERE status = 'merged' AND digest"  # noqa: S608


class Gather(NamedTuple):
    """A delivery and the token under which it is held, and how many go in one message. now: microseconds."""

    job: Job
    token: int | None
    most: int
    now: int


class Gathering:
    """Merges what belongs together into the delivery that is about to be sent."""

    def __init__(self, owner: str, sealer: Sealer, dialect: Dialect) -> None:
        self._owner = owner
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Gather]) -> Script[Sequence[Gathered | Exception]]:
        """The answer to each: what goes out in it, or LeaseLost."""
        return in_turn(operations, self._gather)

    def _gather(self, asked: Gather) -> Script[Gathered | Exception]:
        job, now = asked.job, asked.now
        rows = yield Statement(
            "SELECT digest, owner, token, copies FROM notifyhub_deliveries WHERE id = ?"  # noqa: S608
            f" AND status IN ('queued', 'sending'){self._dialect.lock}",
            (job.id,),
        )
        if not rows or tuple(rows[0][1:3]) != (self._owner, asked.token):
            return LeaseLost(
                "another worker owns this delivery now, or it has ended", remedy="stop working on it"
            )
        group, _, _, copies = rows[0]
        leaders, place = yield from self._leaders(job)
        before = yield from self._led(leaders)
        merged: list[Kept] = []
        if not copies:  # else what went out once goes out again, to the word
            before = yield from self._in_time(before, now)
            room = asked.most - 1 - len(before)
            if room > 0 and group in self._sealer.digests(group_of(job.delivery)):
                merged = yield from self._joining(job, group, room, now)
        taken = yield from self._merge(merged, job.id, now)
        brought: list[Kept] = []
        for kept in merged:
            brought += yield from self._bring(kept.id, job.id, now)
        others = filter(None, (job_of(kept, self._sealer) for kept in [*before, *merged, *brought]))
        placed = [(place, job), *(((each.delivery.created_at, each.id), each) for each in others)]
        placed.sort(key=itemgetter(0))
        return Gathered(tuple(each for _, each in placed), tuple(taken))

    def _leaders(self, job: Job) -> Script[tuple[list[str], tuple[datetime, str]]]:
        """Itself and what it is a resend of; and its place in the order, which is that one's."""
        leaders = [job.id]
        created = job.delivery.created_at
        former = job.delivery.resend_of
        while former is not None and former not in leaders:
            leaders.append(former)
            sql = "SELECT facts, created FROM notifyhub_deliveries WHERE id = ?"
            rows = yield Statement(sql, (former,))
            former = decode(rows[0][0]).get("resend_of") if rows else None
            created = moment(rows[0][1]) if rows else created
        return leaders, (created, leaders[-1])

    def _led(self, leaders: Sequence[str]) -> Script[list[Kept]]:
        """What has been merged into these."""
        found: list[Kept] = []
        for leader in leaders:
            rows = yield Statement(f"{_LED} = ?", (leader,))
            found += (Kept(*row) for row in rows)
        return found

    def _in_time(self, led: list[Kept], now: int) -> Script[list[Kept]]:
        """Those that are not too late by now; the others end."""
        for kept in led:
            if kept.deadline <= now:
                delivery = delivery_of(kept, self._sealer).evolve(detail=None)
                said = "deadline: passed while the digest it is part of waited"
                yield from changed(delivery, said, self._sealer, now, status=Status.EXPIRED)
        return [kept for kept in led if kept.deadline > now]

    def _joining(self, job: Job, group: str, room: int, now: int) -> Script[list[Kept]]:
        """Those that join it, the oldest first. One that has others merged into it brings them along."""
        rows = yield Statement(
            f"SELECT {_OF_D}, (SELECT count(*) FROM notifyhub_deliveries AS m WHERE m.digest = d.id"  # noqa: S608
            " AND m.status = 'merged') FROM notifyhub_deliveries AS d WHERE d.digest = ? AND d.id <> ?"
            " AND d.status = 'queued' AND d.copies = 0 AND d.deadline > ?"
            " AND (d.lease IS NULL OR d.lease <= ?)"
            f" AND d.body IS NOT NULL ORDER BY d.created, d.id LIMIT ?{self._dialect.skip_locked}",
            (group, job.id, now, now, room),
        )
        joining = []
        for *row, brings in rows:
            if 1 + brings <= room:
                room -= 1 + brings
                joining.append(Kept(*row))
        return joining

    def _merge(self, merged: Sequence[Kept], leader: str, now: int) -> Script[list[Delivery]]:
        step = merged_step(leader)
        after, rows = [], []
        for kept in merged:
            before = delivery_of(kept, self._sealer)
            delivery = before.evolve(
                status=Status.MERGED, due=None, detail=f"into {leader}", steps=(*before.steps, step)
            )
            after.append(delivery)
            rows.append((leader, line_of(delivery, now, extent_of(before)), kept.id))
        if rows:
            yield Batch(
                "UPDATE notifyhub_deliveries SET status = 'merged', due = NULL, digest = ?,"  # noqa: S608
                f" history = history || ?{FENCED} WHERE id = ?",
                rows,
            )
        return after

    def _bring(self, former: str, leader: str, now: int) -> Script[list[Kept]]:
        """What had been merged into a delivery that is itself merged now."""
        rows = yield Statement(f"{_LED} = ?", (former,))
        brought = yield from self._in_time([Kept(*row) for row in rows], now)
        line = step_line(merged_step(leader), now)
        moved: list[Row] = [(leader, line, kept.id) for kept in brought]
        yield Batch("UPDATE notifyhub_deliveries SET digest = ?, history = history || ? WHERE id = ?", moved)
        return brought


def released(leader: Delivery, sealer: Sealer, now: int) -> Script[None]:
    """Queue again what was merged into a delivery that ended unsent: what it said is still to be said."""
    rows = yield Statement(f"{_LED} = ?", (leader.id,))
    if leader.copies or not rows:
        return
    said = left_behind(leader.id, leader.status)
    for kept in (Kept(*row) for row in rows):
        delivery = delivery_of(kept, sealer).evolve(detail=None)
        # Due since they were asked for: the oldest is taken up first, and leads the others.
        since = delivery.created_at
        yield from changed(delivery, said, sealer, now, status=Status.QUEUED, due=since)
        yield Statement(
            "UPDATE notifyhub_deliveries SET digest = ? WHERE id = ?",
            (sealer.digest(group_of(delivery)), kept.id),
        )


def step_line(step: str, now: int) -> str:
    """A line of history that adds a step and sets nothing."""
    return encode({"at": now, "steps": [step]}) + "\n"
