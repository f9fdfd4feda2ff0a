"""Sheet: the suppression list as CSV, written and read so that what is written is read back exactly.

RFC 4180, UTF-8. Phone numbers are written as `tel:+8613800138000` (RFC 3966). Of `+8613800138000` a
spreadsheet makes a number and saves it without its plus, or rounded; and `14155552671` read back as a number
of the mainland would be somebody else's. They are read in any writing. Any other cell that a spreadsheet
would take for a formula (`=…`, `+…`, `-…`, `@…`) is written with an apostrophe before it and read without;
one that begins with an apostrophe gets a second one, so that nobody's own is lost.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, NamedTuple

from notifyhub.errors import NotificationError, nearest
from notifyhub.ledger import Suppression
from notifyhub.message import SMS, VOICE
from notifyhub.suppressions import suppression

__all__ = ["COLUMNS", "WrongLine", "read", "write"]

COLUMNS = ("address", "channel", "category", "instance", "reason", "source", "since", "until")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


class WrongLine(NamedTuple):
    """A line that is no entry. number: as an editor counts, where it begins."""

    number: int
    error: NotificationError

    def __str__(self) -> str:
        return f"line {self.number}: {self.error}"


def write(stream: IO[str], entries: Iterable[Suppression]) -> None:
    """Write entries under their columns. The stream leaves line ends alone."""
    lines = csv.writer(stream)
    lines.writerow(COLUMNS)
    lines.writerows(map(_cells, entries))


def read(stream: IO[str], *, default_country: str, now: datetime) -> Iterator[Suppression | WrongLine]:
    """The entries of a file, or what is wrong with a line, one at a time.

    now: since when entries hold that do not say so. Raises NotificationError where the file as a whole
    cannot be read: its columns, its encoding, its quoting.
    """
    lines = csv.reader(stream, strict=True)
    begins, columns = 1, _columns(_next(lines) or [])
    while True:
        begins = lines.line_num + 1
        cells = _next(lines)
        if cells is None:
            return
        if not cells:
            continue
        try:
            yield _entry(columns, cells, default_country, now)
        except NotificationError as error:
            yield WrongLine(begins, error)


def _next(lines: Iterator[list[str]]) -> list[str] | None:
    line = getattr(lines, "line_num", 0) + 1
    try:
        return next(lines, None)
    except csv.Error as error:
        # Where one cell does not end, nobody can tell where the next line begins.
        raise NotificationError(
            f"{error}",
            field=f"line {line}",
            remedy="put cells with quotes in quotes, and double those in them",
        ) from None
    except UnicodeDecodeError:
        raise NotificationError(
            "is not UTF-8", field=f"line {line} or later", remedy='save the file as "CSV UTF-8"'
        ) from None


def _columns(head: Sequence[str]) -> list[str]:
    columns = [name.strip().lower() for name in head]
    for name in columns:
        if name not in COLUMNS:
            # Not passed over: an entry whose category is spelt wrong would hold for all categories.
            said = (
                f"unknown column `{name}`" if re.fullmatch(r"[a-z_ -]{1,30}", name) else "an unknown column"
            )
            remedy = nearest(name, COLUMNS) or f"the columns are {', '.join(COLUMNS)}"
            raise NotificationError(said, field="line 1", remedy=remedy)
    if "address" not in columns or len(set(columns)) != len(columns):
        raise NotificationError(
            "`address` is missing, or a column is there twice",
            field="line 1",
            remedy=f"name the columns there, once each: {','.join(COLUMNS)}",
        )
    return columns


def _entry(columns: Sequence[str], cells: Sequence[str], default_country: str, now: datetime) -> Suppression:
    if len(cells) != len(columns):
        raise NotificationError(
            f"has {len(cells)} cells, the first line {len(columns)}",
            remedy="separate cells by commas, and put those with commas in quotes",
        )
    found = {name: _bare(cell) for name, cell in zip(columns, cells, strict=True)}
    try:
        return suppression(
            found["address"],
            channel=found.get("channel", "").strip() or None,
            category=found.get("category", "").strip().lower() or None,
            instance=found.get("instance", "").strip() or None,
            reason=found.get("reason", "").strip() or "imported",
            source=found.get("source", "").strip() or "import",
            since=_time(found.get("since", ""), "since") or now,
            until=_time(found.get("until", ""), "until"),
            default_country=default_country,
        )
    except NotificationError as error:
        field = "address" if error.field == "to" else error.field
        raise type(error)(error.problem, field=field, remedy=error.remedy) from None


def _cells(entry: Suppression) -> list[str]:
    is_number = entry.address.startswith("+") and entry.channel in (None, SMS, VOICE)
    until = "" if entry.until is None else entry.until.astimezone(UTC).isoformat()
    written = [
        f"tel:{entry.address}" if is_number else entry.address, entry.channel, entry.category,
        entry.instance, entry.reason, entry.source, entry.since.astimezone(UTC).isoformat(), until,
    ]  # fmt: skip
    return [_guarded(cell or "") for cell in written]


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _time(cell: str, field: str) -> datetime | None:
    if not cell.strip():
        return None
    remedy = "write it as 2026-11-22T20:00:00+08:00"
    try:
        time = datetime.fromisoformat(cell.strip())
        if time.tzinfo is None:
            raise NotificationError("has no time zone", field=field, remedy=remedy)
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotificationError("is no time", field=field, remedy=remedy) from None
