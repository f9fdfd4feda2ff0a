"""Recording: what the holder of a delivery has done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from notifyhub.errors import LeaseLost, UnknownDelivery
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import FREE, erases, erasure, locked, put, vendor_keys
from notifyhub.ledger.sql.encoding import RECENT, microseconds, moment
from notifyhub.ledger.sql.history import NOTHING, Extent, History, extent_of, late_line, line_of
from notifyhub.ledger.sql.parking import join, parked
from notifyhub.ledger.sql.rows import Kept, delivery_of
from notifyhub.ledger.sql.script import Batch, Row, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Receipt, Status

__all__ = ["Record", "Recording", "Submission", "Submitting"]

# A receipt may have raised the status since: then this does not fit, and it is done with care.
_OURS = "WHERE id = ? AND owner = ? AND token = ? AND status IN ('queued', 'sending')"
# Or the person was erased: then what is kept is not what the holder has.
_WHOLE = "AND address IS NOT NULL"
_RECORD = (
    "UPDATE notifyhub_deliveries SET status = ?, due = ?, provider = ?, vendor_id = ?, copies = ?,"  # noqa: S608
    f" history = history || ?{FREE}"
)
_SUBMIT = (
    "UPDATE notifyhub_deliveries SET status = 'sending', instance = ?, provider = ?, vendor_id = ?,"  # noqa: S608
    f" copies = ?, history = history || ? {_OURS}"
)
_ALIAS = (
    "INSERT INTO notifyhub_aliases (provider, vendor_id, delivery, at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (provider, vendor_id) DO UPDATE SET delivery = excluded.delivery, at = excluded.at"
)


class Record(NamedTuple):
    """A delivery's newest state. token: under which it is held, None where it is not (any more).
    kept: how much of it is kept already. now: microseconds.
    """

    delivery: Delivery
    token: int | None
    kept: Extent
    now: int


class Submission(NamedTuple):
    """That a delivery is being submitted to an instance; the rest as in `Record`."""

    delivery: Delivery
    instance: str
    token: int | None
    kept: Extent
    now: int


class _Fenced:
    """What recording and submitting have in common: what follows when the fence holds a write off."""

    def __init__(self, owner: str, sealer: Sealer, dialect: Dialect) -> None:
        self._owner = owner
        self._sealer = sealer
        self._dialect = dialect

    def _late(self, kept: Kept, operation: Record | Submission) -> Script[LeaseLost]:
        """Keep what a former holder saw, as steps; the vendor ids it was given lead here all the same."""
        delivery, extent = operation.delivery, operation.kept
        if operation.token is None:
            extent = _overlap(kept, delivery)
        if extent != extent_of(delivery):
            yield Statement(
                "UPDATE notifyhub_deliveries SET history = history || ? WHERE id = ?",
                (late_line(delivery, operation.now, extent), delivery.id),
            )
        own = (kept.provider, kept.vendor_id)
        yield Batch(_ALIAS, [(*k, kept.id, operation.now) for k in vendor_keys(delivery) if k != own])
        return LeaseLost(
            "another worker owns this delivery now, or it has ended",
            remedy="stop working on it; what was seen is kept among its steps",
        )


class Recording(_Fenced):
    """Keeps newest states and gives leases back, many at once."""

    def __call__(self, operations: Sequence[Record]) -> Script[Sequence[Delivery | Exception]]:
        """The answer to each: what is kept now, or LeaseLost."""
        plain: list[Row] = []
        erasing: list[Row] = []
        aliases: list[tuple[str, str, str, int]] = []
        keys: list[tuple[str, str]] = []
        recent = moment(operations[0].now - RECENT)
        for delivery, token, kept, now in operations:
            status = delivery.status
            due = None
            if status is Status.QUEUED:
                due = now if delivery.due is None else microseconds(delivery.due)
            provider, vendor_id = delivery.provider, delivery.provider_message_id
            copies = 0
            for attempt in delivery.attempts:
                outcome = attempt.outcome
                copies += outcome.may_have_gone
                known_by = outcome.provider_message_id
                if known_by is not None:
                    keys.append((attempt.provider, known_by))
                    own = known_by == vendor_id and attempt.provider == provider
                    if not own or delivery.created_at < recent:
                        aliases.append((attempt.provider, known_by, delivery.id, now))
            line = line_of(delivery, now, kept)
            row = (str(status), due, provider, vendor_id, copies, line, delivery.id, self._owner, token)
            (erasing if erases(delivery) else plain).append(row)
        written = 0
        if plain:
            ((written,),) = yield Batch(f"{_RECORD} {_OURS} {_WHOLE}", plain)
        if erasing:
            ((erased,),) = yield Batch(f"{_RECORD}, {erasure(self._sealer)} {_OURS} {_WHOLE}", erasing)
            written += erased
        answers: list[Delivery | Exception] = [operation.delivery for operation in operations]
        if written != len(operations):
            for place, operation in enumerate(operations):
                answers[place] = yield from self._with_care(operation)
        if aliases:
            yield Batch(_ALIAS, aliases)
        receipts = yield from parked(keys, self._sealer, self._dialect)
        if receipts:
            for place, operation in enumerate(operations):
                mine = set(vendor_keys(operation.delivery))
                early = [each for each in receipts if (each.provider, each.provider_message_id) in mine]
                answers[place] = yield from self._joined(answers[place], early, operation)
        return answers

    def _with_care(self, operation: Record) -> Script[Delivery | Exception]:
        """One whose row was perhaps not as it should have been."""
        delivery = operation.delivery
        kept = yield from locked(delivery.id, self._dialect)
        if kept is None:
            return UnknownDelivery("no such delivery", field="delivery_id")
        if operation.token is None or kept.token != operation.token or kept.owner not in (None, self._owner):
            return (yield from self._late(kept, operation))
        now_kept = delivery_of(kept, self._sealer)
        if kept.owner is None:
            return now_kept  # written just now, or before a connection broke
        status = now_kept.status.after(delivery.status)
        after = delivery.evolve(status=status, receipts=now_kept.receipts)
        if kept.address is None and status is Status.QUEUED:
            said = "cancelled: the person's data was erased"
            ended = Status.UNKNOWN if delivery.copies else Status.CANCELLED
            after = after.evolve(status=ended, due=None, steps=(*after.steps, said))
        line = line_of(after.evolve(receipts=()), operation.now, operation.kept)
        yield from put(after, line, self._sealer, now=operation.now)
        kept = yield from locked(delivery.id, self._dialect)
        return delivery if kept is None else delivery_of(kept, self._sealer)

    def _joined(
        self, answer: Delivery | Exception, early: list[Receipt], operation: Record
    ) -> Script[Delivery | Exception]:
        kept = yield from locked(operation.delivery.id, self._dialect)
        if kept is None or not early:
            return answer
        joined = yield from join(delivery_of(kept, self._sealer), early, self._sealer, operation.now)
        return answer if isinstance(answer, Exception) else joined


class Submitting(_Fenced):
    """Commits, before the first byte, to whom a delivery is being submitted."""

    def __call__(self, operations: Sequence[Submission]) -> Script[Sequence[Exception | None]]:
        """The answer to each: nothing, or LeaseLost."""
        rows, aliases = [], []
        for delivery, instance, token, extent, now in operations:
            line = line_of(delivery.evolve(status=Status.SENDING), now, extent)
            own = (delivery.provider, delivery.provider_message_id)
            rows.append((instance, *own, delivery.copies, line, delivery.id, self._owner, token))
            aliases += [(*key, delivery.id, now) for key in vendor_keys(delivery) if key != own]
        ((written,),) = yield Batch(_SUBMIT, rows)
        answers: list[Exception | None] = [None] * len(operations)
        if written != len(operations):
            for place, operation in enumerate(operations):
                answers[place] = yield from self._with_care(operation)
        if aliases:
            yield Batch(_ALIAS, aliases)
        return answers

    def _with_care(self, operation: Submission) -> Script[Exception | None]:
        kept = yield from locked(operation.delivery.id, self._dialect)
        if kept is None:
            return UnknownDelivery("no such delivery", field="delivery_id")
        if kept.token == operation.token and kept.owner == self._owner and kept.status == Status.SENDING:
            return None
        if kept.token == operation.token and kept.owner == self._owner:
            # A receipt ended it while we held it.
            sql = "UPDATE notifyhub_deliveries SET owner = NULL, lease = NULL WHERE id = ?"
            yield Statement(sql, (kept.id,))
        return (yield from self._late(kept, operation))


def _overlap(kept: Kept, delivery: Delivery) -> Extent:
    """How much of a delivery is kept, where nobody has counted: as many steps as it begins with alike."""
    history = History(kept.history, kept.id, delivery.address)
    steps = 0
    for ours, theirs in zip(delivery.steps, history.steps, strict=False):
        if ours != theirs:
            break
        steps += 1
    attempts = sum(attempt in history.attempts for attempt in delivery.attempts)
    return Extent(steps, attempts, len(delivery.receipts)) if steps or attempts else NOTHING
