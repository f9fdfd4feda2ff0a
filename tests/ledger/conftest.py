"""What the ledger's tests share: every keeping in its turn, and one PostgreSQL server for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.keepings import KEEPINGS, Keeping, kept_by, ledger_server
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="session")
def ledger_postgres() -> Iterator[PostgresServer]:
    """A server whose database `ledger` has the tables; skipped by name where the wheels are missing."""
    with ledger_server() as server:
        yield server


@pytest.fixture(params=KEEPINGS)
def keeping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeping]:
    """Every keeping in its turn, empty."""
    with kept_by(request.param, tmp_path, lambda: request.getfixturevalue("ledger_postgres")) as keeping:
        yield keeping
