"""Opening: a delivery kept by the ledger within an application's transaction."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable
from functools import cache
from typing import Any

from notifyhub.ledger import Ledger, open_ledger
from notifyhub.ledger.connections import connected
from notifyhub.outcome import Delivery
from tests.ledger.deliveries import Clock, queued

__all__ = ["keep", "open_in", "settled"]


@cache
def _ledger(backend: str) -> Ledger:
    """A ledger whose own database is nowhere: what it keeps, it can only keep by the connection given."""
    return open_ledger(
        {"sqlite": "sqlite:////nowhere/n.db", "postgresql": "postgresql://n@nowhere/n"}[backend]
    )


def open_in(connection: object, key: str, words: str = "words") -> Delivery | Awaitable[Delivery]:
    """Have a delivery under this key kept. words: another request has others."""
    job = queued(Clock(time.time()), key=key, words=words)
    return _ledger(connected(connection).backend).open_in(connection, job)


async def keep(connection: object, key: str, words: str = "words") -> Delivery:
    """The same, awaited where the connection is asynchronous."""
    delivery: Delivery = await settled(open_in(connection, key, words))
    return delivery


async def settled(value: Any) -> Any:
    """The value, awaited where it wants to be."""
    return await value if inspect.isawaitable(value) else value
