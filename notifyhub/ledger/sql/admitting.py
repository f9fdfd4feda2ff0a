"""Admitting: taking what messages are allowed to take, many messages at once, and giving it back.

Whatever is asked for together is answered in order, from tallies that are read once and written once. On
PostgreSQL their rows are locked in the order of their names, whatever order the questions have, so that
batches of several workers wait for each other and never in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias, overload

from notifyhub.ledger.admission import NOTHING_TAKEN, Admission, Suppression
from notifyhub.ledger.demand import RECIPIENT
from notifyhub.ledger.judging import Posed, decide
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.chunks import chunks, marks
from notifyhub.ledger.sql.opening import Opened, Opening
from notifyhub.ledger.sql.pages import Pages
from notifyhub.ledger.sql.script import Batch, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.ledger.sql.suppressing import LIVE, suppression_of
from notifyhub.ledger.tallies import Tallies, elsewhere, going_on
from notifyhub.outcome import Delivery
from notifyhub.quota import Taken

__all__ = ["Admitting", "Enter", "Entered", "GiveBack", "swept"]

_PUT = (
    "INSERT INTO notifyhub_tallies (name, until, state) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET until = excluded.until, state = excluded.state"
)
_MAKE, _EMPTY = "INSERT INTO notifyhub_tallies (name, until, state) VALUES", "(?, 0, '')"
_UNLESS_THERE = "ON CONFLICT (name) DO NOTHING RETURNING name"
SWEEP_AFTER = 256
"""New tallies after which twice as many are looked at, whether they still mean anything."""


class GiveBack(NamedTuple):
    """What is given back."""

    taken: Sequence[Taken]


_NOTHING_ASKED = GiveBack(())


class Enter(NamedTuple):
    """A delivery to keep, and the question about it."""

    opening: Opened
    asked: Posed


Entered: TypeAlias = tuple[Delivery, Admission]


class Admitting:
    """Answers questions and takes back what was taken for nothing; both, because both lock tallies.

    Deliveries that enter with their questions are opened here first: one transaction, one order to wait for.

    clock: microseconds since the epoch; looked at when the rows are locked, for a message that waited for
    them goes out afterwards.
    """

    rank = 3
    """See `Work`: tallies are what most workers want at once, and are held for the shortest time."""

    def __init__(self, sealer: Sealer, dialect: Dialect, clock: Callable[[], int]) -> None:
        self._sealer = sealer
        self._opening = Opening(sealer)
        self._dialect = dialect
        self._clock = clock
        self._made = 0
        self._swept_to = ""

    @overload
    def __call__(self, operations: Sequence[Posed | GiveBack]) -> Script[Sequence[Admission | Exception]]: ...

    @overload
    def __call__(self, operations: Sequence[Enter]) -> Script[Sequence[Entered | Exception]]: ...

    def __call__(
        self, operations: Sequence[Posed | GiveBack | Enter]
    ) -> Script[Sequence[Admission | Entered | Exception]]:
        """The answer to each: an admission; to what enters, the delivery that is kept as well; to what is
        given back, that nothing was taken.
        """
        openings = [each.opening for each in operations if isinstance(each, Enter)]
        opened = iter((yield from self._opening(openings)) if openings else ())
        asking: list[Posed | GiveBack] = []
        kept: list[Delivery | Exception | None] = []
        for operation in operations:
            if not isinstance(operation, Enter):
                asking.append(operation)
                kept.append(None)
                continue
            delivery = next(opened)
            kept.append(delivery)
            # Nothing is asked for one whose key stands for another, or that cannot be kept.
            new = isinstance(delivery, Delivery) and delivery.id == operation.opening.job.delivery.id
            asking.append(operation.asked if new else _NOTHING_ASKED)
        answers = yield from self._answers(asking)
        both = zip(kept, answers, strict=True)
        return [
            answer if one is None else (one, answer) if isinstance(one, Delivery) else one
            for one, answer in both
        ]

    def _answers(self, operations: Sequence[Posed | GiveBack]) -> Script[Sequence[Admission]]:
        names: set[str] = set()
        for operation in operations:
            if isinstance(operation, Posed):
                demand, own = operation.question.demand, operation.pages
                names.update(demand.common)
                for whose in demand.own:
                    names.add(own[whose])
            else:
                names.update([taken.page for taken in operation.taken])
        pages = Pages()
        yield from self._load(sorted(names), pages)
        tallies = pages.tallies
        further = _further(operations, tallies)
        if further:
            # Only whoever holds the page that they go on from is after these: nobody waits in a circle.
            yield from self._load(sorted(further), pages)
        now = self._clock()
        listed = yield from self._listed(operations, now)
        answers: list[Admission] = []
        for operation in operations:
            if isinstance(operation, Posed):
                digests = operation.digests if listed else ()
                entries = [entry for digest in digests for entry in listed.get(digest, ())]
                answers.append(decide(operation, tallies, entries, now))
            else:
                for taken in operation.taken:
                    tallies.give_back(taken)
                answers.append(NOTHING_TAKEN)
        rows = list(pages.written(now))
        if rows:
            yield Batch(_PUT, rows)
        if self._made >= SWEEP_AFTER:
            self._made = 0
            self._swept_to = yield from swept(self._swept_to, 2 * SWEEP_AFTER, now, self._dialect)
        return answers

    def _load(self, names: Sequence[str], pages: Pages) -> Script[None]:
        """Read the pages of these names, in order, which nobody else changes until the transaction ends."""
        if not self._dialect.lock:
            yield from self._read(names, pages)
            self._made += len(pages.missing(names))
            return
        # A row that is not there cannot be locked: it is made first. It may be swept before it is locked.
        while names:
            for chunk in chunks(names):
                made = yield Statement(f"{_MAKE} {marks(chunk, _EMPTY)} {_UNLESS_THERE}", chunk)
                self._made += len(made)
            yield from self._read(names, pages)
            names = pages.missing(names)

    def _read(self, names: Sequence[str], pages: Pages) -> Script[None]:
        # In the order of their letters, which is Python's: chunks of several workers are cut differently.
        lock = f' ORDER BY name COLLATE "C"{self._dialect.lock}' if self._dialect.lock else ""
        for chunk in chunks(names):
            rows = yield Statement(
                f"SELECT name, until, state FROM notifyhub_tallies WHERE name IN ({marks(chunk)}){lock}",  # noqa: S608
                chunk,
            )
            pages.read(rows)

    def _listed(
        self, operations: Sequence[Posed | GiveBack], now: int
    ) -> Script[dict[str, list[Suppression]]]:
        """The entries that hold now for these addresses, by digest."""
        digests: Collection[str] = {
            digest for each in operations if isinstance(each, Posed) for digest in each.digests
        }
        listed: dict[str, list[Suppression]] = {}
        for chunk in chunks(sorted(digests)):
            rows = yield Statement(f"{LIVE} AND search IN ({marks(chunk)})", (now, *chunk))
            for row in rows:
                listed.setdefault(row[1], []).append(suppression_of(row, self._sealer))
        return listed


def _further(operations: Sequence[Posed | GiveBack], tallies: Tallies) -> set[str]:
    """Names of the pages that those go on with which were long."""
    long = {name for name, page in tallies.pages.items() if page.elsewhere}
    if not long:
        return long
    further: set[str] = set()
    for operation in operations:
        if isinstance(operation, Posed):
            own = operation.pages
            if own and own[RECIPIENT] in long and operation.words:
                further.add(elsewhere(own[RECIPIENT], operation.words))
        else:
            further.update([going_on(each.page, each.tally) for each in operation.taken if each.page in long])
    return further - {""}


def swept(after: str, most: int, now: int, dialect: Dialect) -> Script[str]:
    """Look at so many tallies after this name, and remove those that mean nothing any more.

    Returns the name to go on from, "" at the end. What somebody is at work with stays for another time.
    An index on `until` would be written with every message, and spare nothing but this.
    """
    ((last,),) = yield Statement(
        "SELECT max(name) FROM"
        " (SELECT name FROM notifyhub_tallies WHERE name > ? ORDER BY name LIMIT ?) AS looked_at",
        (after, most),
    )
    if last is None:
        return ""
    names = yield Statement(
        "SELECT name FROM notifyhub_tallies WHERE name > ? AND name <= ? AND until <= ?"  # noqa: S608
        f"{dialect.skip_locked}",
        (after, last, now),
    )
    if names:
        yield Batch("DELETE FROM notifyhub_tallies WHERE name = ?", [tuple(row) for row in names])
    return str(last)
