"""Audit: the journal of the gateway and the promises of the application, held against the ledger."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifyhub.category import DELIVERY_POLICIES, Category
from notifyhub.outcome import Attempt, Delivery, OutcomeKind, Status
from notifyhub.reason import Reason

NEVER_WENT = frozenset({
    Status.REFUSED, Status.NOT_SENT, Status.EXPIRED, Status.CANCELLED, Status.SUPPRESSED, Status.DEFERRED,
})  # fmt: skip
"""What says that nothing went out."""
SAID_TAKEN = frozenset({Status.ACCEPTED, Status.DELIVERED})
LATENESS = 3.0
"""Seconds between the moment a submission is begun and the gateway's own word for it, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A line of the journal: one copy that a phone will show."""

    smsid: str
    mobile: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the application was told. id: of the delivery. status: of it, then."""

    number: int
    mobile: str
    id: str
    status: str


def journal(path: Path) -> list[Accepted]:
    """Every copy accepted. To be read when nothing is under way any more."""
    copies = []
    for line in path.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        copies.append(Accepted(smsid=said["smsid"], mobile=said["mobile"], at=said["accepted_at"]))
    return copies


@dataclass(slots=True)
class Audit:
    """The numbers, and each broken promise in a line."""

    numbers: dict[str, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every promise held."""
        return not self.broken

    def _count(self, name: str, cases: Iterable[str], *, breaks: bool = True) -> None:
        found = list(cases)
        self.numbers[name] = len(found)
        if breaks:
            self.broken += [f"{name}: {case}" for case in found]


def audited(promises: Sequence[Promise], copies: Sequence[Accepted], deliveries: Sequence[Delivery]) -> Audit:
    """Hold one against the other."""
    audit = Audit(statuses=Counter(str(delivery.status) for delivery in deliveries))
    by_id = {delivery.id: delivery for delivery in deliveries}
    by_mobile: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_mobile[national(delivery)].append(delivery)
    gone: defaultdict[str, list[Accepted]] = defaultdict(list)
    for copy in copies:
        gone[copy.mobile].append(copy)
    audit.numbers["promised"] = len(promises)
    audit.numbers["in the ledger"] = len(deliveries)
    audit.numbers["copies at the gateway"] = len(copies)
    audit._count("lost: promised, not in the ledger", (p.id for p in promises if p.id not in by_id))
    audit._count("lost: never ended", (_told(d, gone) for d in deliveries if not d.status.is_final))
    audit._count(
        "two deliveries for one key",
        (f"{mobile}: {len(same)}" for mobile, same in by_mobile.items() if len(same) > 1),
    )
    audit._count("sent without a record", (mobile for mobile in gone if mobile not in by_mobile))
    audit._count(
        "said never sent, and went",
        (_told(d, gone) for d in deliveries if d.status in NEVER_WENT and gone[national(d)]),
    )
    audit._count(
        "said accepted, and was not",
        (_told(d, gone) for d in deliveries if d.status in SAID_TAKEN and not _is_there(d, gone)),
    )
    audit._count(
        "told accepted, kept as less",
        (f"{p.id}: {by_id[p.id].status}" for p in promises if _fell(p, by_id.get(p.id))),
    )
    audit._count(
        "copies that no attempt speaks of",
        (_told(d, gone) for d in deliveries if len(gone[national(d)]) > d.copies),
    )
    for category in Category:
        most = DELIVERY_POLICIES[category].max_submits
        ours = [d for d in deliveries if d.category is category]
        if not ours:
            continue
        audit.numbers[f"{category}: most copies"] = max(len(gone[national(d)]) for d in ours)
        audit._count(
            f"{category}: more than {most}", (_told(d, gone) for d in ours if len(gone[national(d)]) > most)
        )
    audit._count(
        "codes sent after their end",
        (_told(d, gone) for d in deliveries if d.category is Category.OTP and _too_late(d, gone)),
    )
    audit._count("recovered", (d.id for d in deliveries if _recovered(d)), breaks=False)
    return audit


def national(delivery: Delivery) -> str:
    """The number as the gateway knows it."""
    return delivery.address.removeprefix("+86")


def _is_there(delivery: Delivery, gone: dict[str, list[Accepted]]) -> bool:
    return delivery.provider_message_id in {copy.smsid for copy in gone[national(delivery)]}


def _fell(promise: Promise, delivery: Delivery | None) -> bool:
    """Whether a caller was told that it was taken, and the ledger now says less and does not know of it.

    An answer that came after its lease had run out is among the steps of what is `unknown` by then.
    """
    if promise.status not in SAID_TAKEN or delivery is None or delivery.status in SAID_TAKEN:
        return False
    seen = [step.outcome.kind for step in delivery.steps if isinstance(step, Attempt)]
    return OutcomeKind.ACCEPTED not in seen


def _too_late(delivery: Delivery, gone: dict[str, list[Accepted]]) -> bool:
    ends = delivery.created_at.timestamp() + DELIVERY_POLICIES[delivery.category].deadline + LATENESS
    return any(copy.at > ends for copy in gone[national(delivery)])


def _recovered(delivery: Delivery) -> bool:
    return any(
        attempt.outcome.reason is Reason.INTERRUPTED and "process" in (attempt.outcome.detail or "")
        for attempt in delivery.attempts
    )


def _told(delivery: Delivery, gone: dict[str, list[Accepted]]) -> str:
    return f"{len(gone[national(delivery)])} at the gateway, but {delivery.explain()}"
