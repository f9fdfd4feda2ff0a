"""Finding: deliveries by what is known of them. Every script here changes nothing."""

from __future__ import annotations

from typing import Any

from notifyhub.ledger.job import Backlog, Query
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.encoding import HOUR, microseconds, optional_moment
from notifyhub.ledger.sql.rows import COLUMNS, Kept
from notifyhub.ledger.sql.script import Script, Statement

__all__ = ["HOURS", "backlog", "by_id", "by_key", "by_vendor_id", "overdue", "past_deadline", "search"]

HOURS = (
    "WITH RECURSIVE hours (hour) AS ("
    "SELECT max(created / 3600000000) FROM notifyhub_deliveries"
    " UNION ALL SELECT (SELECT max(created / 3600000000) FROM notifyhub_deliveries"
    " WHERE created / 3600000000 < hours.hour) FROM hours WHERE hours.hour > ?) "
)
"""The hours in which anything was created, the newest first, one seek each; down to the one given. The
indexes begin with the hour, so that inserts stay local; here is how they are searched."""

_FREE = "status = 'queued' AND (lease IS NULL OR lease <= ?)"
_FROM_ROWS = f"SELECT {COLUMNS} FROM notifyhub_deliveries"  # noqa: S608 - our own words


def by_id(delivery_id: str) -> Script[Kept | None]:
    """The delivery with this id."""
    rows = yield Statement(f"{_FROM_ROWS} WHERE id = ?", (delivery_id,))
    return Kept(*rows[0]) if rows else None


def by_key(key: str) -> Script[Kept | None]:
    """The delivery under this idempotency key."""
    rows = yield Statement(f"{_FROM_ROWS} WHERE key = ?", (key,))
    return Kept(*rows[0]) if rows else None


def by_vendor_id(provider: str, vendor_id: str, since: int = 0) -> Script[str | None]:
    """The id of the newest delivery that the instance knows by this id.

    since: of what was created earlier (microseconds), only that which has an alias is found.
    """
    key = (provider, vendor_id)
    rows = yield Statement(
        f"{HOURS}SELECT d.id FROM hours CROSS JOIN notifyhub_deliveries AS d"  # noqa: S608
        " WHERE d.created / 3600000000 = hours.hour AND d.provider = ? AND d.vendor_id = ? LIMIT 1",
        (since // HOUR, *key),
    )
    if not rows:
        rows = yield Statement(
            "SELECT delivery FROM notifyhub_aliases WHERE provider = ? AND vendor_id = ?", key
        )
    found: str | None = rows[0][0] if rows else None
    return found


def search(query: Query, sealer: Sealer) -> Script[list[Kept]]:
    """The deliveries that fit, the newest first."""
    since = 0 if query.since is None else microseconds(query.since)
    conditions = ["d.created >= ?"]
    values: list[Any] = [since]
    head, source = "", "notifyhub_deliveries AS d"
    before: list[Any] = []
    if query.address is not None:
        digests = sealer.digests(query.address)
        head, source, before = HOURS, "hours CROSS JOIN notifyhub_deliveries AS d", [since // HOUR]
        conditions.append(f"d.created / 3600000000 = hours.hour AND d.search IN ({_marks(digests)})")
        values += digests
    else:
        conditions.append("d.created / 3600000000 >= ?")
        values.append(since // HOUR)
    if query.status is not None:
        conditions.append("d.status = ?")
        values.append(query.status)
    if query.category is not None:
        conditions.append("d.facts LIKE ?")
        values.append(f'{{"category":"{query.category}"%')
    rows = yield Statement(
        f"{head}SELECT {_OF_D} FROM {source} WHERE {' AND '.join(conditions)}"  # noqa: S608
        " ORDER BY d.created / 3600000000 DESC, d.created DESC, d.id DESC LIMIT ?",
        (*before, *values, query.limit),
    )
    return [Kept(*row) for row in rows]


def past_deadline(now: int, limit: int) -> Script[list[str]]:
    """Ids of what is queued, nobody's and past its deadline."""
    sql = f"SELECT id FROM notifyhub_deliveries WHERE {_FREE} AND deadline <= ? LIMIT ?"  # noqa: S608
    rows = yield Statement(sql, (now, now, limit))
    return [delivery_id for (delivery_id,) in rows]


def overdue(since: int, now: int, limit: int) -> Script[list[tuple[str, int]]]:
    """Ids and priorities of what has been due since then and nobody took up, the most urgent first."""
    rows = yield Statement(
        f"SELECT id, priority FROM notifyhub_deliveries WHERE {_FREE} AND due <= ? AND deadline > ?"  # noqa: S608
        " ORDER BY priority, due LIMIT ?",
        (now, since, now, limit),
    )
    return [(delivery_id, priority) for delivery_id, priority in rows]


def backlog(now: int) -> Script[Backlog]:
    """What waits."""
    ((ready, later, next_due),) = yield Statement(
        "SELECT count(CASE WHEN due <= ? THEN 1 END), count(CASE WHEN due > ? THEN 1 END),"
        " min(CASE WHEN due > ? THEN due END) FROM notifyhub_deliveries WHERE status = 'queued'",
        (now, now, now),
    )
    ((sending,),) = yield Statement(
        "SELECT count(*) FROM notifyhub_deliveries WHERE lease IS NOT NULL AND status = 'sending'"
    )
    return Backlog(ready=ready, later=later, sending=sending, next_due=optional_moment(next_due))


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))


_OF_D = ", ".join(f"d.{column.strip()}" for column in COLUMNS.split(","))
