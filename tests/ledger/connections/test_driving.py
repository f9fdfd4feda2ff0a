"""How a script is driven on every connection: rows, batches, literals, and what goes wrong."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from notifyhub.errors import KeyReused, LedgerUnavailable, SchemaError
from notifyhub.ledger.connections import connected
from notifyhub.ledger.sql.script import Batch, Script, Statement
from tests.ledger.connections.applications import Application
from tests.ledger.connections.conftest import Database
from tests.ledger.connections.opening import keep, settled

SECRET = "13800138000"


def run(application: Application, database: Database, script: Script[Any]) -> Any:
    """The answer of a script within one transaction, which is then committed."""

    async def story() -> Any:
        async with application.transaction(database.url) as shop:
            return await settled(connected(shop.connection).run(script))

    return asyncio.run(story())


def test_recognised(application: Application, database: Database) -> None:
    """A connection is known with its backend, and says beforehand whether it is to be awaited."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            adapter = connected(shop.connection)
            assert adapter.backend == application.backend
            answer = adapter.run(_nothing())
            assert adapter.is_async == inspect.isawaitable(answer)
            assert await settled(answer) == "nothing"

    asyncio.run(story())


def _nothing() -> Script[str]:
    yield from ()
    return "nothing"


def test_rows_are_sequences(application: Application, database: Database) -> None:
    """Rows come as sequences of the columns in order, however the application wants its own."""

    def script() -> Script[Any]:
        none = yield Statement("SELECT number FROM orders")
        one = yield Statement("INSERT INTO orders VALUES (?) RETURNING number, 7 AS number", ("A1",))
        ((number, seven),) = one
        return list(none), number, seven, one[0][1], len(one[0])

    assert run(application, database, script()) == ([], "A1", 7, 7, 2)


def test_batch(application: Application, database: Database) -> None:
    """A batch is executed for each of its rows, and the number of rows it changed comes back."""

    def script() -> Script[Any]:
        insert = "INSERT INTO orders VALUES (?) ON CONFLICT DO NOTHING"
        ((new,),) = yield Batch(insert, [("A1",), ("A2",)])
        ((some,),) = yield Batch(insert, [("A2",), ("A3",), ("A4",)])
        ((none,),) = yield Batch(insert, [])
        ((all_of_them,),) = yield Batch("UPDATE orders SET number = number || ?", [("!",)])
        return new, some, none, all_of_them

    assert run(application, database, script()) == (2, 2, 0, 4)
    assert database.kept == (4, 0)


def test_literals(application: Application, database: Database) -> None:
    """A per cent sign in a statement is itself, with parameters and without; so are `?` and `:` in values."""

    def script() -> Script[Any]:
        yield Batch("INSERT INTO orders VALUES (?)", [("100%s ? :p $1",), ("100",)])
        ((bare,),) = yield Statement("SELECT count(*) FROM orders WHERE number LIKE '1__%%s%'")
        ((bound,),) = yield Statement(
            "SELECT number FROM orders WHERE number LIKE '1__%s%' AND number <> ?", ("x",)
        )
        return bare, bound

    assert run(application, database, script()) == (1, "100%s ? :p $1")


def test_wide_values(application: Application, database: Database) -> None:
    """Microseconds since the epoch, long texts and NULL pass unchanged."""
    text = "订单已发货。" * 2_000

    def script() -> Script[Any]:
        yield Statement(
            "INSERT INTO notifyhub_deliveries (id, status, priority, due, deadline, created, token, claims,"
            " copies, facts, history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ("1", "queued", 1, None, 9_764_000_000_000_000, 1_764_000_000_000_001, 0, 0, 0, text, ""),
        )
        (row,) = yield Statement(
            "SELECT due, created, facts FROM notifyhub_deliveries WHERE created > ?", (1_764_000_000_000_000,)
        )
        return tuple(row)

    assert run(application, database, script()) == (None, 1_764_000_000_000_001, text)


def test_error_of_the_script(application: Application, database: Database) -> None:
    """What a script raises comes out as it is, and the transaction goes on."""

    def script() -> Script[None]:
        yield Statement("INSERT INTO orders VALUES (?)", ("A1",))
        raise KeyReused("another request")

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            with pytest.raises(KeyReused):
                await settled(connected(shop.connection).run(script()))
            await keep(shop.connection, "A1")

    asyncio.run(story())
    assert database.kept == (1, 1)


def test_missing_tables(application: Application, database: Database) -> None:
    """Without the ledger's tables in that database, the error names the command that makes them."""

    def script() -> Script[None]:
        yield Statement("INSERT INTO notifyhub_missing VALUES (?)", (SECRET,))

    with pytest.raises(SchemaError, match="notifyhub ledger migrate"):
        run(application, database, script())


def test_older_tables(application: Application, database: Database) -> None:
    """Tables that lack a column are told in the same way."""

    def script() -> Script[None]:
        yield Statement("INSERT INTO notifyhub_meta (name, colour) VALUES (?, ?)", ("a", "b"))

    with pytest.raises(SchemaError, match="notifyhub ledger migrate"):
        run(application, database, script())


def test_error_of_the_driver(application: Application, database: Database) -> None:
    """Any other error of the driver is told by its class and code alone: no value, no statement."""

    def script() -> Script[None]:
        yield Statement("INSERT INTO orders VALUES (?)", (SECRET,))
        yield Statement("INSERT INTO orders VALUES (?)", (SECRET,))

    with pytest.raises(LedgerUnavailable) as caught:
        run(application, database, script())
    said = str(caught.value)
    assert "IntegrityError" in said or "UniqueViolation" in said
    assert "SQLITE_CONSTRAINT_PRIMARYKEY" in said or "23505" in said
    assert SECRET not in said
    assert "orders" not in said
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert database.kept == (0, 0)


def test_aborted_transaction(application: Application, database: Database) -> None:
    """After an error PostgreSQL takes nothing more in this transaction, and we say so; SQLite goes on."""

    def script() -> Script[None]:
        yield Batch("INSERT INTO orders VALUES (?)", [("A1",), ("A1",)])

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            with pytest.raises(LedgerUnavailable):
                await settled(connected(shop.connection).run(script()))
            await keep(shop.connection, "A1")

    if application.backend == "postgresql":
        with pytest.raises(LedgerUnavailable, match="roll it back"):
            asyncio.run(story())
    else:
        asyncio.run(story())
        assert database.kept == (1, 1)


def test_nothing_is_switched(application: Application, database: Database) -> None:
    """The application's connection has its transaction, its factories and its isolation as before."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            await settled(shop.execute("INSERT INTO orders VALUES ('A1')"))
            before = _traits(shop.connection)
            await keep(shop.connection, "A1")
            assert _traits(shop.connection) == before

    asyncio.run(story())
    assert database.kept == (1, 1)


def _traits(connection: Any) -> list[Any]:
    names = ("row_factory", "cursor_factory", "isolation_level", "autocommit", "in_transaction")
    found = [getattr(connection, name, None) for name in names]
    return [trait() if inspect.ismethod(trait) else trait for trait in found]
