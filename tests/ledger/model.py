"""Model: what a ledger is to do, in as few words as it can be said, and slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from notifyhub.ledger.job import MOST_CLAIMS
from notifyhub.outcome import Delivery, Status
from tests.ledger.keepings import LEASE

__all__ = ["Entry", "Model"]

UNDER_WAY = (Status.QUEUED, Status.SENDING)


@dataclass
class Entry:
    """One delivery. order: its place in the queue, priority and due time. gone: by number of the attempt,
    whether a copy may be out. holder, until: who has leased it. told: the receipts that were taken in.
    """

    name: str
    order: tuple[int, float]
    deadline: float
    key: str | None
    status: Status
    instance: str | None
    holder: int | None = None
    until: float = 0.0
    claims: int = 0
    gone: dict[int, bool] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    told: set[tuple[str, bool]] = field(default_factory=set)
    seen: Delivery | None = None

    def free(self, now: float) -> bool:
        """Whether it is nobody's now."""
        return self.holder is None or self.until <= now

    def waits(self, now: float) -> bool:
        """Whether it is queued and nobody's."""
        return self.status is Status.QUEUED and self.free(now)

    def claimable(self, now: float) -> bool:
        """Whether it could be given out, if it had not been too often."""
        return self.waits(now) and self.order[1] <= now < self.deadline

    def poison(self) -> bool:
        """Whether it was given out too often."""
        return self.claims >= MOST_CLAIMS

    def give_up(self, status: Status) -> None:
        """End it; where a copy may be out that is never certain."""
        self.status = Status.UNKNOWN if any(self.gone.values()) else status
        self.holder = None

    def hold(self, holder: int, now: float) -> None:
        """Lease it."""
        self.holder, self.until = holder, now + LEASE

    def attempt(self, number: int, gone: bool, *, late: bool = False) -> None:
        """Count an attempt; what its holder says counts more than what a former one does."""
        if number not in self.gone or (number in self.late and not late):
            self.gone[number] = gone
            self.late.discard(number)
            if late:
                self.late.add(number)

    def receipt(self, vendor_id: str, delivered: bool) -> bool:
        """Take a receipt in; whether it was news."""
        if (vendor_id, delivered) in self.told:
            return False
        self.told.add((vendor_id, delivered))
        self.status = self.status.after(Status.DELIVERED if delivered else Status.UNDELIVERED)
        return True


class Model:
    """All deliveries, and what else a ledger remembers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.entries: list[Entry] = []
        self.by_vendor_id: dict[str, Entry] = {}
        self.parked: dict[str, set[tuple[bool, bool]]] = {}

    def next_in_line(self) -> list[Entry]:
        """What is to be given out, in its order."""
        now = self.clock()
        ready = [entry for entry in self.entries if entry.claimable(now) and not entry.poison()]
        return sorted(ready, key=lambda entry: entry.order)

    def known_as(self, entry: Entry, vendor_id: str) -> None:
        """A vendor's id turned up: the receipts that waited for it, with the right number, are joined."""
        self.by_vendor_id[vendor_id] = entry
        for delivered, ours in sorted(self.parked.pop(vendor_id, ())):
            if ours:
                entry.receipt(vendor_id, delivered)
