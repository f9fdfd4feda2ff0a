"""Condition: what the last minute or two says of one instance, and how much it is trusted with.

A pure fold over slots of `SLOT` seconds: whoever has seen the same slots comes to the same condition,
so workers need agree on nothing but what was seen.

    well ──(it fails)──> asked last, probes only ──> 10 % ──> 25 % ──> 50 % ──> well
                            ^                         │        │        │
                            └────────(it fails)───────┴────────┴────────┘
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from notifyhub.ledger.health import Health

__all__ = ["FULL", "SHARES", "WELL", "Condition", "Trouble", "after_slot"]

SHARES = (0.0, 0.10, 0.25, 0.50, 1.0)
"""The share of its messages that an instance is trusted with, stage by stage; at the first, only probes."""
FULL = len(SHARES) - 1
"""The stage of an instance that is well."""

FADE = 0.85
"""What a slot counts for, one slot later: half after 21 s, a fiftieth after two minutes."""
PROOF = 5
"""Successes at a stage, at least, before the next one."""
PATIENCE = 12
"""Slots at a stage without bad news after which the next one follows, successes or not: where nothing goes
through an instance any more (a route of codes is never probed), what was seen of it has lost its meaning.
"""
MOST_RELAPSES = 3
"""Each relapse doubles the slots at each stage; so often at most."""
FORGIVEN = 24
"""Slots of being well after which former trouble is forgotten."""

# Few samples prove nothing: each share is reckoned as if so many good ones had been seen besides.
GOOD_SUBMISSIONS = 10
GOOD_WHILE_RETURNING = 3
GOOD_RECEIPTS = 10

# Where trouble begins, and (lower, so that nothing flaps) where it is over.
FAILING, FAILING_NO_MORE = 0.30, 0.10
FAILING_NOW = 0.50
"""In one slot alone: a vendor that goes down at once is left at once."""
UNDELIVERED, DELIVERED_AGAIN = 0.50, 0.25
LATE, ON_TIME = 120.0, 60.0
"""Seconds from acceptance to receipt, on average."""


class Trouble(StrEnum):
    """What an instance was last found to suffer from."""

    NONE = "none"
    FAILING = "submissions fail"
    UNDELIVERED = "receipts say undelivered"
    LATE = "receipts come late"


@dataclass(frozen=True, slots=True)
class Condition:
    """One instance as it stands.

    stage: index into `SHARES`. slots: so many it has been there. relapses: how often it has fallen back
    lately. trouble: why it is not well, or was not. accepted, failed, delivered, undelivered, lateness:
    what was seen, as in `Health`, the older the less; since the stage began, unless it is well.
    """

    stage: int = FULL
    slots: int = 0
    relapses: int = 0
    trouble: Trouble = Trouble.NONE
    accepted: float = 0.0
    failed: float = 0.0
    delivered: float = 0.0
    undelivered: float = 0.0
    lateness: float = 0.0

    @property
    def share(self) -> float:
        """The share of its messages it is trusted with, 0 to 1."""
        return SHARES[self.stage]

    @property
    def well(self) -> bool:
        """Whether it stands where the settings put it."""
        return self.stage == FULL

    def failing(self, prior: float) -> float:
        """The share of submissions that failed, were `prior` more good ones among them."""
        return self.failed / (self.accepted + self.failed + prior)

    @property
    def undeliverable(self) -> float:
        """The share of receipts that say undelivered, reckoned cautiously."""
        return self.undelivered / (self.delivered + self.undelivered + GOOD_RECEIPTS)

    @property
    def late(self) -> float:
        """Seconds from acceptance to receipt on average, reckoned cautiously."""
        return self.lateness / (self.delivered + self.undelivered + GOOD_RECEIPTS)

    @property
    def words(self) -> str:
        """In a few words, for people: `well`, or why not and what it is trusted with."""
        if self.well:
            return "well"
        trusted = f"trusted with {self.share:.0%}" if self.stage else "probes only"
        return f"{trusted}: {self.trouble}"

    def seeing(self, slot: Health) -> Condition:
        """With what one more slot has shown."""
        return replace(
            self,
            slots=self.slots + 1,
            accepted=self.accepted * FADE + slot.accepted,
            failed=self.failed * FADE + slot.failed,
            delivered=self.delivered * FADE + slot.delivered,
            undelivered=self.undelivered * FADE + slot.undelivered,
            lateness=self.lateness * FADE + slot.lateness,
        )


WELL = Condition()


def after_slot(condition: Condition, slot: Health) -> Condition:
    """The condition one slot later: as before, a stage further, or back to probes."""
    seen = condition.seeing(slot)
    trouble = _trouble(seen, slot)
    if trouble is not Trouble.NONE:
        return _fallen(seen, trouble)
    if seen.well:
        forgiven = seen.trouble is not Trouble.NONE and seen.slots >= FORGIVEN
        return replace(seen, relapses=0, trouble=Trouble.NONE) if forgiven else seen
    return _further(seen) if _proven(seen) else seen


def _trouble(seen: Condition, slot: Health) -> Trouble:
    prior = GOOD_SUBMISSIONS if seen.well else GOOD_WHILE_RETURNING
    if seen.failing(prior) >= FAILING or _alone(slot).failing(prior) >= FAILING_NOW:
        return Trouble.FAILING
    if seen.undeliverable >= UNDELIVERED:
        return Trouble.UNDELIVERED
    return Trouble.LATE if seen.late >= LATE else Trouble.NONE


def _alone(slot: Health) -> Condition:
    return WELL.seeing(slot)


def _fallen(seen: Condition, trouble: Trouble) -> Condition:
    """At probes, with nothing seen yet. Only who had been trusted again has relapsed."""
    relapses = seen.relapses
    if seen.stage and (not seen.well or seen.trouble is not Trouble.NONE):
        relapses = min(relapses + 1, MOST_RELAPSES)
    return Condition(stage=0, relapses=relapses, trouble=trouble)


def _proven(seen: Condition) -> bool:
    """Whether enough good has been seen at this stage, for long enough."""
    bad = (
        seen.failing(GOOD_WHILE_RETURNING) >= FAILING_NO_MORE
        or seen.undeliverable >= DELIVERED_AGAIN
        or seen.late >= ON_TIME
    )
    if bad or seen.slots < 2**seen.relapses:
        return False
    # What receipts have put in doubt, receipts must prove.
    good = seen.accepted if seen.trouble is Trouble.FAILING else seen.delivered
    return good >= PROOF or seen.slots >= PATIENCE


def _further(seen: Condition) -> Condition:
    return Condition(stage=seen.stage + 1, relapses=seen.relapses, trouble=seen.trouble)
