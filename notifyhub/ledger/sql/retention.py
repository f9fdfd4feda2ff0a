"""Retention: what is forgotten in time, and what is told or erased when a person asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from notifyhub.ledger.exported import exported_delivery, exported_reply, exported_suppression
from notifyhub.ledger.job import Retention
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import erasure, given_up, locked
from notifyhub.ledger.sql.encoding import HOUR, microseconds
from notifyhub.ledger.sql.finding import HOURS
from notifyhub.ledger.sql.parking import PARKED_FOR
from notifyhub.ledger.sql.receiving import reply_of
from notifyhub.ledger.sql.rows import COLUMNS, Kept, delivery_of, job_of
from notifyhub.ledger.sql.script import Batch, Row, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.ledger.sql.suppressing import of_digests
from notifyhub.outcome import Status

__all__ = [
    "Chunk",
    "Erase",
    "Erasing",
    "Forget",
    "Forgetting",
    "about",
    "addresses_of",
    "chunk",
    "export",
    "tasks",
]

AT_ONCE = 500
"""Rows changed in one transaction: it holds everybody else up."""
_RESTS = "status NOT IN ('queued', 'sending')"
_BLANK = "address = NULL, search = NULL, subject = NULL, body = NULL, fingerprint = ''"
_COLUMN = {"bodies": "body", "addresses": "address", "deliveries": "id"}


class Forget(NamedTuple):
    """One kind of thing to forget. what: `bodies`, `addresses`, `deliveries`: the rows with these ids;
    `receipts`, `replies`: what came until the time given (microseconds).
    """

    what: str
    which: Sequence[Row]


class Chunk(NamedTuple):
    """Rows to forget something of, and the hour to go on from."""

    which: list[Row]
    hour: int


class Erase(NamedTuple):
    """Ids of a person's deliveries, digests of the addresses. now: microseconds."""

    ids: Sequence[str]
    digests: Sequence[str]
    now: int


def tasks(retention: Retention, now: datetime) -> list[tuple[str, int]]:
    """What is forgotten, in order, and until when it was created or came (microseconds)."""

    def before(days: float) -> int:
        return microseconds(now - timedelta(days=days))

    return [
        ("deliveries", before(retention.delivery)),
        ("bodies", before(min(retention.body, retention.address))),
        ("addresses", before(retention.address)),
        ("receipts", microseconds(now) - PARKED_FOR),
        ("replies", before(retention.address)),
    ]


def chunk(what: str, until: int, hour: int) -> Script[Chunk]:
    """Some of the rows that this task is about, from that hour on; none when it is done."""
    rows = yield Statement(
        "SELECT id, created FROM notifyhub_deliveries WHERE created / 3600000000 >= ?"  # noqa: S608
        f" AND created / 3600000000 <= ? AND created <= ? AND {_COLUMN[what]} IS NOT NULL AND {_RESTS}"
        " ORDER BY created / 3600000000 LIMIT ?",
        (hour, until // HOUR, until, AT_ONCE),
    )
    return Chunk([(delivery_id,) for delivery_id, _ in rows], rows[-1][1] // HOUR if rows else hour)


class Forgetting:
    """Erases or deletes rows; what has been taken up again meanwhile stays."""

    def __init__(self, sealer: Sealer) -> None:
        rests = f"WHERE id = ? AND {_RESTS}"
        self._sql = {
            "bodies": f"UPDATE notifyhub_deliveries SET {erasure(sealer)} {rests} AND body IS NOT NULL",  # noqa: S608
            "addresses": f"UPDATE notifyhub_deliveries SET {_BLANK} {rests} AND address IS NOT NULL",  # noqa: S608
            "deliveries": f"DELETE FROM notifyhub_deliveries {rests}",  # noqa: S608
            "receipts": "DELETE FROM notifyhub_parked WHERE at <= ?",
            "replies": "DELETE FROM notifyhub_replies WHERE at <= ?",
        }

    def __call__(self, operations: Sequence[Forget]) -> Script[Sequence[int | Exception]]:
        """The answer to each: how many rows it was."""
        answers = []
        for what, which in operations:
            ((number,),) = yield Batch(self._sql[what], which)
            if what == "deliveries":
                yield Batch(
                    "DELETE FROM notifyhub_aliases WHERE delivery = ?"
                    " AND NOT EXISTS (SELECT 1 FROM notifyhub_deliveries AS d WHERE d.id = delivery)",
                    which,
                )
            answers.append(number)
        return answers


class Erasing:
    """Erases a person: what is queued is cancelled first, states and attempts stay."""

    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Erase]) -> Script[Sequence[None]]:
        """Nothing is answered."""
        for operation in operations:
            for delivery_id in operation.ids:
                kept = yield from locked(delivery_id, self._dialect)
                if kept is not None and kept.status == Status.QUEUED:
                    delivery = delivery_of(kept, self._sealer)
                    said = "cancelled: the person's data was erased"
                    yield from given_up(delivery, Status.CANCELLED, said, self._sealer, operation.now)
            ids = [(delivery_id,) for delivery_id in operation.ids]
            yield Batch(f"UPDATE notifyhub_deliveries SET {_BLANK} WHERE id = ?", ids)  # noqa: S608
            yield Batch("DELETE FROM notifyhub_replies WHERE delivery = ?", ids)
            rows = [(digest,) for digest in operation.digests]
            # Whoever wants nothing more gets nothing more, though nobody can tell any longer who it is.
            yield Batch("UPDATE notifyhub_suppressions SET address = NULL WHERE search = ?", rows)
            for table in ("notifyhub_replies", "notifyhub_parked"):
                yield Batch(f"DELETE FROM {table} WHERE search = ?", rows)  # noqa: S608
        return [None] * len(operations)


def about(subject: str | None, address: str | None, sealer: Sealer) -> Script[list[Kept]]:
    """The deliveries to a person, the oldest first."""
    found: dict[str, Kept] = {}
    if address is not None:
        digests = sealer.digests(address)
        marks = ", ".join("?" * len(digests))
        columns = ", ".join(f"d.{column}" for column in COLUMNS.split(", "))
        rows = yield Statement(
            f"{HOURS}SELECT {columns} FROM hours CROSS JOIN notifyhub_deliveries AS d"  # noqa: S608
            f" WHERE d.created / 3600000000 = hours.hour AND d.search IN ({marks})",
            (0, *digests),
        )
        found.update((row[0], Kept(*row)) for row in rows)
    if subject is not None:
        # Asked for a few times a year: that is not worth an index on every delivery.
        digests = sealer.digests(subject)
        marks = ", ".join("?" * len(digests))
        sql = f"SELECT {COLUMNS} FROM notifyhub_deliveries WHERE subject IN ({marks})"  # noqa: S608
        rows = yield Statement(sql, digests)
        found.update((row[0], Kept(*row)) for row in rows)
    return sorted(found.values(), key=lambda kept: (kept.created, kept.id))


def addresses_of(concerned: Sequence[Kept], address: str | None, sealer: Sealer) -> list[str]:
    """Digests of all addresses that the person has been written to at, or that was asked for."""
    known = {delivery_of(kept, sealer).address for kept in concerned} | {address or ""}
    return sorted({digest for each in known if each for digest in sealer.digests(each)})


def export(subject: str | None, address: str | None, sealer: Sealer) -> Script[list[dict[str, Any]]]:
    """Everything kept about a person, as plain values: deliveries, replies, entries of the suppression list;
    of each the oldest first.
    """
    concerned = yield from about(subject, address, sealer)
    told = []
    for kept in concerned:
        job = job_of(kept, sealer)
        message, recipient = (None, None) if job is None else (job.message, job.subject)
        told.append(exported_delivery(delivery_of(kept, sealer), message, recipient))
    ids, digests = {kept.id for kept in concerned}, set(addresses_of(concerned, address, sealer))
    rows = yield Statement("SELECT digest, delivery, body, search FROM notifyhub_replies ORDER BY at")
    for digest, delivery_id, body, search in rows:
        if delivery_id in ids or search in digests:
            told.append(exported_reply(reply_of(digest, delivery_id, body, sealer)))
    entries = yield from of_digests(sorted(digests), sealer)
    told += [exported_suppression(entry) for entry in entries]
    return told
