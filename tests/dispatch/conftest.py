"""A PostgreSQL server with PgQueuer's tables, once for the tests of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.servers.postgres import MISSING, PostgresServer, available, postgres

LEASE = 2.0
"""Seconds; short, for a killed worker's job is waited for."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if not available():
        pytest.skip(MISSING)
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def url(server: PostgresServer) -> str:
    """A database with the engine's tables."""
    pytest.importorskip("pgqueuer")
    from notifyhub.dispatch import DispatchContext
    from notifyhub.dispatch.pgqueuer import PGQUEUER

    url = server.create("queue")
    assert PGQUEUER.migrate is not None
    asyncio.run(PGQUEUER.migrate(DispatchContext(ledger_url=url, lease=LEASE)))
    return url
