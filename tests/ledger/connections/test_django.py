"""Django's connection, on its SQLite and its PostgreSQL backend, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.connections.conftest import Database

ROOT = Path(__file__).parents[3]

Left = dict[str, tuple[str, int, int]]
"""By the name of a story: what it raised, how many orders there were then, and how many deliveries."""

_told: dict[str, Left] = {}


@pytest.fixture(params=["sqlite3", "postgresql"])
def left(request: pytest.FixtureRequest) -> Left:
    """What the stories left behind; they are gone through once for each backend."""
    pytest.importorskip("django")
    backend: str = request.param
    if backend not in _told:
        _told[backend] = _go_through(backend, request)
    return _told[backend]


def _go_through(backend: str, request: pytest.FixtureRequest) -> Left:
    if backend == "sqlite3":
        shop: Database = request.getfixturevalue("sqlite_shop")
        where = [shop.url, "", ""]
    else:
        psycopg = pytest.importorskip("psycopg")
        shop = request.getfixturevalue("postgres_shop")
        parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(shop.url)
        where = [parts["dbname"], parts["host"], parts["user"]]
    program = [sys.executable, "-W", "error", "-m", "tests.ledger.connections.django_shop", backend, *where]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    left: Left = {name: tuple(each) for name, each in json.loads(done.stdout).items()}
    return left


def test_commit(left: Left) -> None:
    """Committed: the model's row and one delivery."""
    assert left["commit"] == ("", 1, 1)


def test_rollback(left: Left) -> None:
    """Rolled back: neither."""
    assert left["rollback"] == ("Undo: ", 0, 0)


def test_same_key(left: Left) -> None:
    """The same key twice in one transaction: one delivery."""
    assert left["same_key"] == ("", 1, 1)


def test_savepoint(left: Left) -> None:
    """An inner atomic block that was undone takes back its own only."""
    assert left["savepoint"] == ("", 1, 2)


def test_outside_atomic(left: Left) -> None:
    """In autocommit mode outside `atomic()`: refused with the remedy, and nothing is there."""
    raised, *kept = left["outside_atomic"]
    assert raised.startswith("UnsupportedOperation: connection: no transaction is open")
    assert "transaction.atomic()" in raised
    assert kept == [0, 0]


def test_transactions_by_hand(left: Left) -> None:
    """With AUTOCOMMIT off, what was rolled back is gone and what was committed is there."""
    assert left["by_hand"] == ("", 1, 1)


def test_literals(left: Left) -> None:
    """A per cent sign in a statement is itself, with parameters and without."""
    assert left["literals"] == ("", 0, 0)


def test_missing_tables(left: Left) -> None:
    """Without the ledger's tables, the error names the command that makes them."""
    raised, *_ = left["missing_tables"]
    assert raised.startswith("SchemaError: ")
    assert "notifyhub ledger migrate" in raised


def test_error_of_the_driver(left: Left) -> None:
    """Any other error is told by class and code, without a value."""
    raised, *kept = left["error_of_the_driver"]
    assert raised.startswith("LedgerUnavailable: ")
    assert "SQLITE_CONSTRAINT_PRIMARYKEY" in raised or "23505" in raised
    assert "13800138000" not in raised
    assert kept == [0, 0]


def test_needs_rollback(left: Left) -> None:
    """A block that Django will roll back anyway takes nothing more."""
    raised, *_ = left["needs_rollback"]
    assert raised.startswith("LedgerUnavailable: ")
    assert "roll it back" in raised


def test_of_a_cache(left: Left) -> None:
    """Django's cache has a proxy of the same class as its connection: refused."""
    raised, *_ = left["of_a_cache"]
    assert raised.startswith("UnsupportedOperation: connection: ")
