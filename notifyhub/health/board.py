"""HealthBoard: counts what this process sees of its instances, and looks at what everybody has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from notifyhub.errors import LedgerUnavailable
from notifyhub.health.condition import WELL, Condition, after_slot
from notifyhub.ledger import Ledger
from notifyhub.ledger.health import SLOT, Health
from notifyhub.outcome import Attempt, Delivery, Outcome, Receipt
from notifyhub.reason import REASONS, BreakerEffect

__all__ = ["HealthBoard"]

LOOKS_BACK = 24
"""Slots that a process reads when it starts: two minutes, what the picture is made of."""
UNSETTLED = 3
"""The newest slots, to which a slower process may still add; they are read again each time."""
NOTHING = Health("", 0)


class _Count:
    """What this process has seen of one instance in one slot and not told yet."""

    __slots__ = ("accepted", "delivered", "failed", "lateness", "undelivered")

    def __init__(self) -> None:
        self.accepted = self.failed = self.delivered = self.undelivered = 0
        self.lateness = 0.0

    def add(self, more: _Count) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(more, name))

    def told(self, instance: str, slot: int) -> Health:
        return Health(instance, slot, **{name: getattr(self, name) for name in self.__slots__})


_Counts = dict[tuple[str, int], _Count]


class HealthBoard:
    """The instances' conditions. Counting is a few additions; `exchange` does the rest, about once a second.

    ledger: where all processes add up what they see. instances: the names it is about.
    clock: seconds since the epoch; those of the machines should agree to a few seconds.
    """

    def __init__(
        self, ledger: Ledger, instances: Iterable[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._own: _Counts = {}
        self._settled = dict.fromkeys(instances, WELL)
        self._now = dict(self._settled)
        self._next = self._slot() - LOOKS_BACK

    @property
    def watches(self) -> bool:
        """Whether there is anything to exchange; without it nothing is counted either."""
        return bool(self._settled)

    def condition(self, instance: str) -> Condition:
        """How an instance stands, as of the last exchange; one that nobody watches is well."""
        return self._now.get(instance, WELL)

    def attempt(self, attempt: Attempt) -> None:
        """Take a finished attempt into account, if it says something about the instance."""
        if attempt.provider not in self._now:
            return
        failed = _failed(attempt.outcome)
        if failed is None:
            return
        count = self._count(attempt.provider)
        if failed:
            count.failed += 1
        else:
            count.accepted += 1

    def receipt(self, receipt: Receipt, delivery: Delivery, at: datetime) -> None:
        """Take a receipt into account. delivery: what it is about. at: when it came, aware."""
        if receipt.provider not in self._now:
            return
        count = self._count(receipt.provider)
        if receipt.delivered:
            count.delivered += 1
        else:
            count.undelivered += 1
        count.lateness += _lateness(receipt, delivery, at)

    async def exchange(self) -> None:
        """Tell what was seen here, and look at what was seen everywhere.

        Raises LedgerUnavailable; the last picture then stays, and what was seen here is told later.
        """
        await self._tell()
        newest = self._slot()
        first = max(self._next, newest - LOOKS_BACK)
        seen = {(each.instance, each.slot): each for each in await self._ledger.health(first)}
        first = max(first, self._next)  # somebody else may have gone on meanwhile
        settled = newest - UNSETTLED
        for instance, condition in list(self._settled.items()):
            now = condition
            for slot in range(first, newest + 1):
                now = after_slot(now, seen.get((instance, slot), NOTHING))
                if slot == settled:
                    self._settled[instance] = now
            self._now[instance] = now
        self._next = max(first, settled + 1)

    async def _tell(self) -> None:
        own, self._own = self._own, {}
        if not own:
            return
        try:
            await self._ledger.observe([count.told(*key) for key, count in own.items()])
        except BaseException as error:
            # A cancelled write may have been made: telling it again would count it twice.
            if isinstance(error, LedgerUnavailable):
                self._keep(own)
            raise

    def _keep(self, untold: _Counts) -> None:
        oldest = self._slot() - LOOKS_BACK
        for key, count in untold.items():
            if key[1] >= oldest:
                self._own.setdefault(key, _Count()).add(count)

    def _slot(self) -> int:
        return int(self._clock() // SLOT)

    def _count(self, instance: str) -> _Count:
        key = (instance, self._slot())
        count = self._own.get(key)
        if count is None:
            count = self._own[key] = _Count()
        return count


def _failed(outcome: Outcome) -> bool | None:
    """Whether it speaks against the instance; None where it speaks neither for nor against it."""
    if outcome.reason is None:  # accepted: an outcome's own invariant
        return False
    return None if REASONS[outcome.reason].breaker is BreakerEffect.IGNORED else True


def _lateness(receipt: Receipt, delivery: Delivery, at: datetime) -> float:
    """Seconds from the acceptance; 0 where that is not known, or the receipt was there before."""
    for attempt in reversed(delivery.attempts):
        if attempt.outcome.provider_message_id == receipt.provider_message_id:
            accepted = attempt.started_at + timedelta(milliseconds=attempt.elapsed_ms)
            return max((at - accepted).total_seconds(), 0.0)
    return 0.0
