"""Suppressing: the suppression list; addresses are sealed, and found by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from notifyhub.category import Category
from notifyhub.errors import UnknownSuppression
from notifyhub.ledger.admission import Suppression
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.chunks import chunks, marks
from notifyhub.ledger.sql.encoding import decode, encode, microseconds, moment, optional_moment
from notifyhub.ledger.sql.script import Row, Script, Statement, in_turn
from notifyhub.ledger.sql.store import Dialect
from notifyhub.message import new_id

__all__ = [
    "LIVE",
    "Lift",
    "Lifting",
    "Suppress",
    "Suppressing",
    "forgetting",
    "list_of",
    "of_digests",
    "suppression_of",
]

_COLUMNS = "id, search, since, until, lifted, facts, address"
_SELECT = f"SELECT {_COLUMNS} FROM notifyhub_suppressions"  # noqa: S608 - our own words
LIVE = f"{_SELECT} WHERE lifted IS NULL AND (until IS NULL OR until > ?)"
"""Entries that hold at a time; the time is the first parameter."""


class Suppress(NamedTuple):
    """An entry to be put on the list. now: microseconds."""

    entry: Suppression
    now: int


class Lift(NamedTuple):
    """An entry to be taken off, and by whom. now: microseconds."""

    entry_id: str
    by: str
    now: int


class Suppressing:
    """Puts entries on the list; the same one once."""

    rank = 2

    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Suppress]) -> Script[Sequence[Suppression | Exception]]:
        """The answer to each: the entry that is on the list now."""
        return in_turn(operations, self._suppress)

    def _suppress(self, asked: Suppress) -> Script[Suppression]:
        entry, now = asked.entry, asked.now
        digests = self._sealer.digests(entry.address)
        holds = [_holds(digest, entry) for digest in digests]
        yield Statement(  # what is over makes room
            f"UPDATE notifyhub_suppressions SET holds = NULL WHERE holds IN ({marks(holds)}) AND until <= ?",  # noqa: S608
            (*holds, now),
        )
        there = f"{_SELECT} WHERE holds IN ({marks(holds)}) ORDER BY since LIMIT 1{self._dialect.lock}"
        rows = yield Statement(there, holds)
        while not rows:
            entry_id = new_id()
            yield Statement(
                f"INSERT INTO notifyhub_suppressions ({_COLUMNS}, holds) VALUES (?, ?, ?, ?, NULL, ?, ?, ?)"  # noqa: S608
                " ON CONFLICT (holds) DO NOTHING",
                (
                    entry_id,
                    digests[0],
                    microseconds(entry.since),
                    None if entry.until is None else microseconds(entry.until),
                    _facts(entry),
                    self._sealer.seal(entry.address, _context(entry_id)),
                    holds[0],
                ),
            )
            rows = yield Statement(there, holds)  # ours, or that of somebody who was quicker
        kept = suppression_of(rows[0], self._sealer)
        until = entry.until
        if kept.until is not None and (until is None or until > kept.until):
            later = None if until is None else microseconds(until)
            yield Statement("UPDATE notifyhub_suppressions SET until = ? WHERE id = ?", (later, kept.id))
            rows = yield Statement(f"{_SELECT} WHERE id = ?", (kept.id,))
            kept = suppression_of(rows[0], self._sealer)
        return kept


class Lifting:
    """Takes entries off the list; they stay visible."""

    rank = 2

    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Lift]) -> Script[Sequence[Suppression | Exception]]:
        """The answer to each: the entry, lifted now or before; or UnknownSuppression."""
        return in_turn(operations, self._lift)

    def _lift(self, asked: Lift) -> Script[Suppression | Exception]:
        one = f"{_SELECT} WHERE id = ?{self._dialect.lock}"
        rows = yield Statement(one, (asked.entry_id,))
        if not rows:
            return UnknownSuppression("no such entry of the suppression list", field="entry_id")
        facts = decode(rows[0][5])
        if rows[0][4] is None:
            facts["lifted_by"] = asked.by
            yield Statement(
                "UPDATE notifyhub_suppressions SET lifted = ?, holds = NULL, facts = ? WHERE id = ?",
                (asked.now, encode(facts), asked.entry_id),
            )
            rows = yield Statement(one, (asked.entry_id,))
        return suppression_of(rows[0], self._sealer)


def list_of(
    address: str | None, lifted: bool, limit: int, sealer: Sealer, now: int
) -> Script[list[Suppression]]:
    """Entries of the list, the newest first. lifted: also those lifted or over."""
    sql, values = (f"{_SELECT} WHERE since > ?", [-1]) if lifted else (LIVE, [now])
    digests = () if address is None else sealer.digests(address)
    if digests:
        sql += f" AND search IN ({marks(digests)})"
    rows = yield Statement(f"{sql} ORDER BY since DESC, id DESC LIMIT ?", (*values, *digests, limit))
    return [suppression_of(row, sealer) for row in rows]


def of_digests(digests: Sequence[str], sealer: Sealer) -> Script[list[Suppression]]:
    """All entries of these addresses, the oldest first."""
    found: dict[str, Suppression] = {}
    for chunk in chunks(digests):
        rows = yield Statement(f"{_SELECT} WHERE search IN ({marks(chunk)}) ORDER BY since, id", chunk)
        found.update((row[0], suppression_of(row, sealer)) for row in rows)
    return list(found.values())


def forgetting(operations: Sequence[int]) -> Script[Sequence[None]]:
    """Forget entries that were lifted or ended before these times (microseconds)."""
    for before in operations:
        yield Statement("DELETE FROM notifyhub_suppressions WHERE lifted < ? OR until < ?", (before, before))
    return [None] * len(operations)


def suppression_of(row: Row, sealer: Sealer) -> Suppression:
    """The entry in a row."""
    entry_id, _, since, until, lifted, written, address = row
    facts = decode(written)
    category = facts.get("category")
    return Suppression(
        address="" if address is None else sealer.open(address, _context(entry_id)),
        reason=facts["reason"],
        source=facts["source"],
        since=moment(since),
        channel=facts.get("channel"),
        category=None if category is None else Category(category),
        instance=facts.get("instance"),
        until=optional_moment(until),
        id=entry_id,
        lifted_at=optional_moment(lifted),
        lifted_by=facts.get("lifted_by"),
    )


def _facts(entry: Suppression) -> str:
    facts = {
        "reason": entry.reason,
        "source": entry.source,
        "channel": entry.channel,
        "category": None if entry.category is None else str(entry.category),
        "instance": entry.instance,
    }
    return encode({name: value for name, value in facts.items() if value is not None})


def _holds(digest: str, entry: Suppression) -> str:
    return encode(
        [digest, entry.channel, None if entry.category is None else str(entry.category), entry.instance]
    )


def _context(entry_id: str) -> str:
    return f"suppression:{entry_id}"
