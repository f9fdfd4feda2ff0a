"""Connections to one database on one event loop: made when needed, kept while they live, never shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from notifyhub.errors import SettingsError

__all__ = ["Connections", "need_asyncpg"]

_SESSION = {
    "application_name": "notifyhub",
    # A plan compiled to machine code costs more than any of our statements takes.
    "jit": "off",
    # All we ask often has its index. Plans made while the table was nearly empty, and kept by a worker,
    # must not read through the burst that fills it.
    "enable_seqscan": "off",
    # A transaction of ours lasts milliseconds. One whose machine vanished must not hold its rows for the
    # hours that TCP takes to notice, and one that meets an application's open transaction makes room.
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "2s",
}


class Connections:
    """A free list. dsn: `postgresql://…`. connect_timeout, command_timeout: seconds."""

    def __init__(self, dsn: str, *, connect_timeout: float, command_timeout: float) -> None:
        self._dsn = dsn
        self._connect_timeout = connect_timeout
        self._command_timeout = command_timeout
        self._free: list[Any] = []
        # A loop that ends without `aclose` cancels its tasks; that is when its connections are let go.
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="notifyhub-postgres")

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Any]:
        """A connection for the block; one that broke, or whose block was left by force, is dropped."""
        connection = await self._take()
        try:
            yield connection
        except BaseException as error:
            # After a timeout nobody knows what it is still busy with.
            forced = not isinstance(error, Exception) or isinstance(error, OSError)
            if forced or connection.is_closed() or connection.is_in_transaction():
                connection.terminate()
            else:
                self._free.append(connection)
            raise
        else:
            self._free.append(connection)

    async def close(self) -> None:
        """Disconnect in good order."""
        free, self._free = self._free, []
        for connection in free:
            try:
                await connection.close(timeout=self._connect_timeout)
            except Exception:  # noqa: BLE001 - it is to go, in whatever order
                connection.terminate()
        self._keeper.cancel()
        await asyncio.wait([self._keeper])

    async def _take(self) -> Any:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        import asyncpg

        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=self._connect_timeout,
                command_timeout=self._command_timeout,
                server_settings=_SESSION,
            )
        except ValueError:  # it quotes what it was given
            raise SettingsError("is not what asyncpg can connect to", field="ledger.url") from None

    async def _keep(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for connection in self._free:
                connection.terminate()
            self._free.clear()
            await asyncio.sleep(0)  # in which the transports close their sockets


def need_asyncpg() -> None:
    """Raise SettingsError where the driver is not installed."""
    if find_spec("asyncpg") is None:
        raise SettingsError(
            "a PostgreSQL ledger needs asyncpg",
            field="ledger.url",
            remedy="pip install 'notifyhub-core[postgres]'",
        )
