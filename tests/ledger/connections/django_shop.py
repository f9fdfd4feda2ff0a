"""A Django application in a process of its own, because Django is configured once in a process.

    python -m tests.ledger.connections.django_shop BACKEND NAME HOST USER

Goes through its stories on that database and prints, as JSON, what each left behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections, models, transaction

from notifyhub.errors import NotifyhubError
from notifyhub.ledger.connections import connected
from notifyhub.ledger.sql.script import Script, Statement
from tests.ledger.connections.opening import open_in

ALIASES: dict[str, dict[str, Any]] = {"default": {}, "by_hand": {"AUTOCOMMIT": False}}


def configure(backend: str, name: str, host: str, user: str) -> None:
    """The same database twice: as Django has it, and without its autocommit."""
    common = {"ENGINE": f"django.db.backends.{backend}", "NAME": name, "HOST": host, "USER": user}
    settings.configure(
        DATABASES={alias: {**common, **extra} for alias, extra in ALIASES.items()},
        DEBUG=True,  # Django then keeps and explains each statement, by cursors of another kind
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    )
    django.setup()


class Undo(Exception):
    """The application changes its mind."""


def commit(order: Any) -> None:
    with transaction.atomic():
        order.objects.create(number="A1")
        open_in(connection, "A1")


def rollback(order: Any, number: str = "A1") -> None:
    with transaction.atomic():
        order.objects.create(number=number)
        open_in(connection, number)
        raise Undo


def same_key(order: Any) -> None:
    with transaction.atomic():
        ids = {open_in(connections["default"], "A1").id for _ in range(2)}
        assert len(ids) == 1
        order.objects.create(number="A1")


def savepoint(order: Any) -> None:
    with transaction.atomic():
        order.objects.create(number="A1")
        open_in(connection, "A1")
        try:
            rollback(order, "A2")
        except Undo:
            open_in(connection, "A3")


def outside_atomic(_: Any) -> None:
    open_in(connection, "A1")


def by_hand(order: Any) -> None:
    for end in (transaction.rollback, transaction.commit):
        order.objects.using("by_hand").create(number="A1")
        open_in(connections["by_hand"], "A1")
        end(using="by_hand")


def literals(_: Any) -> None:
    def script() -> Script[Any]:
        ((bare, bound),) = yield Statement("SELECT '100%s %' LIKE '100_s _', ? || '%s'", ("5%",))
        ((alone,),) = yield Statement("SELECT '100%%s'")
        return bool(bare), bound, alone

    with transaction.atomic():
        assert connected(connection).run(script()) == (True, "5%%s", "100%%s")


def missing_tables(_: Any) -> None:
    def script() -> Script[None]:
        yield Statement("INSERT INTO notifyhub_missing VALUES (?)", ("13800138000",))

    with transaction.atomic():
        connected(connection).run(script())


def error_of_the_driver(order: Any) -> None:
    def script() -> Script[None]:
        yield Statement("INSERT INTO orders VALUES (?)", ("13800138000",))
        yield Statement("INSERT INTO orders VALUES (?)", ("13800138000",))

    with transaction.atomic():
        connected(connection).run(script())


def needs_rollback(_: Any) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        open_in(connection, "A1")


def of_a_cache(_: Any) -> None:
    connected(cache)


STORIES: tuple[Callable[[Any], None], ...] = (
    commit, rollback, same_key, savepoint, outside_atomic, by_hand, literals, missing_tables,
    error_of_the_driver, needs_rollback, of_a_cache,
)  # fmt: skip


def main() -> None:
    """Each story on empty tables: `[what was raised, orders, deliveries]`."""
    configure(*sys.argv[1:])

    class Order(models.Model):
        number = models.TextField(primary_key=True)

        class Meta:
            app_label = "shop"
            db_table = "orders"
            managed = False

    left: dict[str, tuple[str, int, int]] = {}
    for story in STORIES:
        raised = ""
        try:
            story(Order)
        except (NotifyhubError, Undo) as error:
            raised = f"{type(error).__name__}: {error}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM notifyhub_deliveries")
            left[story.__name__] = (raised, Order.objects.count(), cursor.fetchone()[0])
            cursor.execute("DELETE FROM orders")
            cursor.execute("DELETE FROM notifyhub_deliveries")
    connections.close_all()
    print(json.dumps(left))


if __name__ == "__main__":
    main()
