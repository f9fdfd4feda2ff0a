"""Embedded: the ledger's own rows are the queue, and each worker asks it for what is due."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.dispatch.contract import DispatcherType, Ticket, Work

__all__ = ["EMBEDDED", "EmbeddedDispatcher"]

LONGEST_PAUSE = 0.25
"""Seconds between two looks at a ledger in which nothing changes: so late, at most, is what becomes due."""


class EmbeddedDispatcher:
    """A loop over the ledger; nothing to install, and enough for one machine."""

    async def enqueue(self, tickets: Sequence[Ticket]) -> None:
        """Nothing to do: what is queued is found in the ledger."""

    def enqueue_in(self, connection: object, tickets: Sequence[Ticket]) -> None:
        """Nothing to do: what is committed is found in the ledger."""

    async def run(self, work: Work) -> None:
        """Take up what is due, as long as there is room, until told to stop."""
        while not work.stopping.is_set():
            if not await work.take():
                await work.pause(LONGEST_PAUSE)

    async def aclose(self) -> None:
        """Nothing is held open."""


EMBEDDED = DispatcherType(name="embedded", build=lambda context: EmbeddedDispatcher())
