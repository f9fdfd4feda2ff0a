"""Strategies: in what order the instances of a route are asked for one message.

Pure but for what they are given: chance, and how well each instance is. Whatever comes of those, the
order has every instance of the route once and no other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from notifyhub.health import Condition

__all__ = ["IN_ORDER", "PROBES", "Strategy", "by_health", "weighted"]

Strategy = Literal["in_order", "weighted", "by_health"]
IN_ORDER: Strategy = "in_order"

PROBES = 0.05
"""The share of a route's messages that go first to somebody who is not well, at most, so that it is
noticed when that mends."""


def weighted(weights: Sequence[float], rng: random.Random) -> list[int]:
    """Places in the order of one draw: the first by weight, then the next of the rest. Weights are > 0."""
    # Efraimidis and Spirakis: sorting by u^(1/w) draws without replacement by weight.
    drawn = sorted(((rng.random() ** (1.0 / w), i) for i, w in enumerate(weights)), key=lambda k: -k[0])
    return [place for _, place in drawn]


def by_health(conditions: Sequence[Condition], rng: random.Random, *, probing: bool = True) -> list[int]:
    """Places in the order to ask, for instances in these conditions.

    Who is well keeps the settings' order. Who is coming back has its place again in its share of the
    messages, and is behind the others in the rest, where who is not trusted at all always is.
    probing: whether this message may be one of those shares, or a probe; otherwise whoever is not well is
    behind.
    """
    if all(condition.well for condition in conditions):
        return list(range(len(conditions)))
    trusted = [
        condition.well or (probing and condition.share > 0 and rng.random() < condition.share)
        for condition in conditions
    ]
    order = sorted(
        range(len(conditions)),
        key=lambda place: (not trusted[place], 0 if trusted[place] else -conditions[place].stage, place),
    )
    if probing:
        # One that the settings put second gets nothing to prove itself with at its own place.
        unproven = [place for place in order if not conditions[place].well]
        if order[0] not in unproven and rng.random() < PROBES:
            chosen = rng.choice(unproven)
            order.remove(chosen)
            order.insert(0, chosen)
    return order
