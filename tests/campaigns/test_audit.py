"""The audit of the campaigns sees what it is there to see: a judge that never convicts proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifyhub.category import Category
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.reason import Reason
from tests.campaigns.audit import Accepted, Audit, Promise, audited

MOBILE = "13900000001"
BEGUN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TAKEN = Outcome.accepted("s1")
UNSURE = Outcome.unknown(Reason.TIMEOUT)


def delivered(
    status: Status, *outcomes: Outcome, category: Category = Category.ORDER, name: str = "d1"
) -> Delivery:
    """A delivery in a ledger."""
    attempts = tuple(
        Attempt(
            delivery_id=name, number=number, provider="sms_a", provider_type="ihuyi", started_at=BEGUN,
            elapsed_ms=1.0, outcome=outcome, allowed="",
        )
        for number, outcome in enumerate(outcomes, 1)
    )  # fmt: skip
    vendor_id = outcomes[-1].provider_message_id if outcomes else None
    return Delivery(
        id=name, status=status, channel="sms", category=category, address=f"+86{MOBILE}", attempts=attempts,
        provider_message_id=vendor_id, created_at=BEGUN,
    )  # fmt: skip


def held(deliveries: list[Delivery], *copies: str, told: str = "queued", after: float = 1.0) -> Audit:
    """What the audit of these says; copies: their smsids at the gateway."""
    at = (BEGUN + timedelta(seconds=after)).timestamp()
    promise = Promise(number=1, mobile=MOBILE, id="d1", status=told)
    return audited([promise], [Accepted(smsid=each, mobile=MOBILE, at=at) for each in copies], deliveries)


@pytest.mark.parametrize(
    "audit",
    [
        held([delivered(Status.ACCEPTED, TAKEN)], "s1"),
        held([delivered(Status.UNKNOWN, UNSURE)], "s1"),
        held([delivered(Status.UNKNOWN, UNSURE)]),
        held([delivered(Status.REFUSED, Outcome.refused(Reason.BALANCE))]),
        held([delivered(Status.ACCEPTED, UNSURE, TAKEN, category=Category.OTP)], "s0", "s1"),
    ],
)
def test_what_is_in_order_passes(audit: Audit) -> None:
    """Deliveries that are what the gateway says they are break no promise."""
    assert audit.passed, audit.broken


@pytest.mark.parametrize(
    ("audit", "why"),
    [
        (held([]), "lost: promised, not in the ledger"),
        (held([delivered(Status.QUEUED)]), "lost: never ended"),
        (held([delivered(Status.SENDING)], "s1"), "lost: never ended"),
        (held([delivered(Status.ACCEPTED, UNSURE, TAKEN)], "s0", "s1"), "order: more than 1"),
        (
            held([delivered(Status.REFUSED, Outcome.refused(Reason.BALANCE))], "s1"),
            "said never sent, and went",
        ),
        (held([delivered(Status.EXPIRED)], "s1"), "said never sent, and went"),
        (held([delivered(Status.ACCEPTED, TAKEN)]), "said accepted, and was not"),
        (held([delivered(Status.ACCEPTED, TAKEN)], "s9"), "said accepted, and was not"),
        (held([delivered(Status.UNKNOWN, UNSURE)], told="accepted"), "told accepted, kept as less"),
        (held([delivered(Status.UNKNOWN)], "s1"), "copies that no attempt speaks of"),
        (held([], "s1"), "sent without a record"),
        (
            held([delivered(Status.ACCEPTED, TAKEN), delivered(Status.ACCEPTED, TAKEN, name="d2")], "s1"),
            "two deliveries for one key",
        ),
        (
            held([delivered(Status.ACCEPTED, TAKEN, category=Category.OTP)], "s1", after=40.0),
            "codes sent after their end",
        ),
    ],
)
def test_what_is_broken_is_found(audit: Audit, why: str) -> None:
    """Each promise, broken, is told by its name."""
    assert any(case.startswith(why) for case in audit.broken), audit.broken
