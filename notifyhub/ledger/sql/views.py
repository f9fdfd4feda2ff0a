"""Views: what a ledger in a database shows; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifyhub.ledger.job import Backlog, Job, Query
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql import finding, retention
from notifyhub.ledger.sql.rows import Kept, delivery_of, job_of
from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sql.store import Store
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery

__all__ = ["Views"]

_log = get_logger("notifyhub.ledger")


class Views:
    """The part of a `Ledger` that reads. store, sealer: see `SqlLedger`."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._started = False

    async def start(self) -> None:
        """See `Ledger.start`."""
        await self._store.start()
        if not self._started:
            self._started = True
            if not self._sealer.seals:
                _log.warning("ledger_in_clear", remedy="set `keys` in [ledger] to seal addresses and words")

    async def overdue(self, seconds: float, limit: int) -> Sequence[tuple[str, int]]:
        """See `Ledger.overdue`."""
        await self.start()
        now = self._store.now()
        return await self._store.read(finding.overdue(now - int(seconds * 1e6), now, limit))

    async def backlog(self) -> Backlog:
        """See `Ledger.backlog`."""
        await self.start()
        return await self._store.read(finding.backlog(self._store.now()))

    async def get(self, delivery_id: str) -> Delivery | None:
        """See `Ledger.get`."""
        return await self._found(finding.by_id(delivery_id))

    async def job(self, delivery_id: str) -> Job | None:
        """See `Ledger.job`."""
        await self.start()
        kept = await self._store.read(finding.by_id(delivery_id))
        return None if kept is None else job_of(kept, self._sealer)

    async def by_key(self, key: str) -> Delivery | None:
        """See `Ledger.by_key`."""
        return await self._found(finding.by_key(key))

    async def find(self, provider: str, provider_message_id: str) -> Delivery | None:
        """See `Ledger.find`."""
        await self.start()
        delivery_id = await self._store.read(finding.by_vendor_id(provider, provider_message_id))
        return None if delivery_id is None else await self.get(delivery_id)

    async def search(self, query: Query) -> Sequence[Delivery]:
        """See `Ledger.search`."""
        await self.start()
        found = await self._store.read(finding.search(query, self._sealer))
        return [delivery_of(kept, self._sealer) for kept in found]

    async def export(
        self, *, subject: str | None = None, address: str | None = None
    ) -> Sequence[dict[str, Any]]:
        """See `Ledger.export`."""
        await self.start()
        return await self._store.read(retention.export(subject, address, self._sealer))

    async def _found(self, script: Script[Kept | None]) -> Delivery | None:
        await self.start()
        kept = await self._store.read(script)
        return None if kept is None else delivery_of(kept, self._sealer)
