"""History: what became of a delivery, as lines of JSON that are only ever appended.

A line tells what was added at one time: steps with the attempts among them, receipts and, where the
state was set, the state's own words. Nothing in it is personal: the address of a receipt is the
delivery's own and is put back from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from notifyhub.ledger.sql.encoding import decode, encode, microseconds, moment, optional_moment, quote
from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Receipt
from notifyhub.reason import Reason

__all__ = ["NOTHING", "Extent", "History", "extent_of", "late_line", "line_of", "receipt_line"]

LATE = "late: what its former holder saw, whose lease had run out"
"""The step before those that a former holder adds."""


class Extent(NamedTuple):
    """How much of a delivery is in its history already."""

    steps: int = 0
    attempts: int = 0
    receipts: int = 0


NOTHING = Extent()


def extent_of(delivery: Delivery) -> Extent:
    """All of it."""
    return Extent(len(delivery.steps), len(delivery.attempts), len(delivery.receipts))


def line_of(delivery: Delivery, at: int, kept: Extent = NOTHING) -> str:
    """The line that sets the delivery's state and adds what is not kept yet. at: microseconds."""
    head = f'"at":{at},"status":{quote(delivery.status)}'
    if delivery.reason is not None:
        head += f',"reason":{quote(delivery.reason)}'
    if delivery.detail is not None:
        head += f',"detail":{_value(delivery.detail)}'
    if delivery.due is not None:
        head += f',"due":{microseconds(delivery.due)}'
    return f"{{{head}{_added(delivery, kept)}}}\n"


def late_line(delivery: Delivery, at: int, kept: Extent) -> str:
    """The line that adds what a former holder saw, and sets nothing."""
    return f'{{"at":{at},"late":true{_added(delivery, kept, late=True)}}}\n'


def receipt_line(receipts: Sequence[Receipt], steps: Sequence[str | Attempt], at: int) -> str:
    """The line that adds receipts and the steps that tell of them."""
    said = [step for step in steps if isinstance(step, str)]
    return encode({"at": at, "receipts": [_receipt_values(each) for each in receipts], "steps": said}) + "\n"


# Two lines are written for each delivery: put together by hand they take two thirds of the encoder's time.


def _added(delivery: Delivery, kept: Extent, *, late: bool = False) -> str:
    """What is not kept yet, as members of an object. late: a former holder saw it."""
    words = ""
    steps = delivery.steps[kept.steps :]
    told = [quote(step) if isinstance(step, str) else _told(step) for step in steps]
    if late:
        told.insert(0, quote(LATE))
    if told:
        words = f',"steps":[{",".join(told)}]'
    if len(delivery.attempts) > kept.attempts:
        untold = [each for each in delivery.attempts[kept.attempts :] if each not in steps]
        if untold:
            words += f',"attempts":[{",".join(map(_told, untold))}]'
    if len(delivery.receipts) > kept.receipts:
        receipts = [_receipt_values(each) for each in delivery.receipts[kept.receipts :]]
        words += f',"receipts":{encode(receipts)}'
    return words


def _told(attempt: Attempt) -> str:
    outcome = attempt.outcome
    words = (
        f'{{"attempt":{attempt.number},"provider":{quote(attempt.provider)}'
        f',"type":{quote(attempt.provider_type)},"started":{microseconds(attempt.started_at)}'
        f',"ms":{attempt.elapsed_ms!r},"allowed":{quote(attempt.allowed)},"outcome":{quote(outcome.kind)}'
    )
    if outcome.reason is not None:
        words += f',"reason":{quote(outcome.reason)}'
    if outcome.provider_message_id is not None:
        words += f',"id":{_value(outcome.provider_message_id)}'
    if outcome.code is not None:
        words += f',"code":{_value(outcome.code)}'
    if outcome.detail is not None:
        words += f',"detail":{_value(outcome.detail)}'
    if outcome.retry_after is not None:
        words += f',"retry_after":{encode(outcome.retry_after)}'
    if outcome.parts is not None:
        words += f',"parts":{encode(outcome.parts)}'
    if outcome.price is not None:
        words += f',"price":{encode(outcome.price)}'
    return words + "}"


def _value(value: str) -> str:
    """A string as JSON; from a stranger's plugin it may be something else, whatever its annotations say."""
    return quote(value) if isinstance(value, str) else encode(value)


def _attempt(values: dict[str, Any], delivery_id: str) -> Attempt:
    get = values.get
    reason = get("reason")
    outcome = Outcome(
        OutcomeKind(values["outcome"]),
        None if reason is None else Reason(reason),
        get("id"),
        get("code"),
        get("detail"),
        get("retry_after"),
        get("parts"),
        get("price"),
    )
    return Attempt(
        delivery_id=delivery_id,
        number=values["attempt"],
        provider=values["provider"],
        provider_type=values["type"],
        started_at=moment(values["started"]),
        elapsed_ms=values["ms"],
        outcome=outcome,
        allowed=values["allowed"],
    )


def _receipt_values(receipt: Receipt) -> dict[str, Any]:
    values: dict[str, Any] = {
        "provider": receipt.provider,
        "id": receipt.provider_message_id,
        "delivered": receipt.delivered,
    }
    if receipt.code is not None:
        values["code"] = receipt.code
    if receipt.detail is not None:
        values["detail"] = receipt.detail
    if receipt.reported_at is not None:
        values["reported"] = microseconds(receipt.reported_at)
    return values


def _receipt(values: dict[str, Any], delivery_id: str, address: str) -> Receipt:
    return Receipt(
        provider=values["provider"],
        provider_message_id=values["id"],
        delivered=values["delivered"],
        address=address,
        code=values.get("code"),
        detail=values.get("detail"),
        reported_at=optional_moment(values.get("reported")),
        delivery_id=delivery_id,
    )


class History:
    """What the lines of a delivery add up to.

    steps, attempts, receipts: as in `Delivery`. reason, detail, due: as the newest line that set the
    state has them.
    """

    __slots__ = ("attempts", "detail", "due", "reason", "receipts", "steps")

    def __init__(self, lines: str, delivery_id: str, address: str) -> None:
        steps: list[str | Attempt] = []
        by_number: dict[int, Attempt] = {}
        receipts: list[Receipt] = []
        late: set[int] = set()
        state: dict[str, Any] = {}
        previous: dict[str, Any] | None = None
        for line in decode(f"[{lines[:-1].replace(chr(10), ',')}]"):
            if line == previous:
                continue  # written again, because nobody could know that the first time had succeeded
            previous = line
            attempts = [_attempt(values, delivery_id) for values in line.get("attempts", ())]
            for step in line.get("steps", ()):
                if step.__class__ is not str:
                    step = _attempt(step, delivery_id)
                    attempts.append(step)
                steps.append(step)
            for attempt in attempts:
                # The holder's own attempt counts where a former holder tells of one with its number.
                if attempt.number not in by_number or (attempt.number in late and "late" not in line):
                    by_number[attempt.number] = attempt
                    late.discard(attempt.number)
                    if "late" in line:
                        late.add(attempt.number)
            receipts += [_receipt(values, delivery_id, address) for values in line.get("receipts", ())]
            if "status" in line:
                state = line
        reason = state.get("reason")
        self.steps = tuple(steps)
        self.attempts = tuple(by_number[number] for number in sorted(by_number))
        self.receipts = tuple(receipts)
        self.reason = None if reason is None else Reason(reason)
        self.detail: str | None = state.get("detail")
        self.due = optional_moment(state.get("due"))
