"""PgQueuer as the engine, on the ledger's PostgreSQL: for workers on any number of machines.

`[dispatch] engine = "pgqueuer"`, the extra `[pgqueuer]`, and `notifyhub ledger migrate` once.
"""

from __future__ import annotations

from importlib.util import find_spec

from notifyhub.dispatch.contract import DispatchContext, Dispatcher, DispatcherType
from notifyhub.errors import SettingsError

__all__ = ["PGQUEUER"]

_FIELD = "dispatch.engine"


def _build(context: DispatchContext) -> Dispatcher:
    _check(context)
    from notifyhub.dispatch.pgqueuer.dispatcher import PgQueuerDispatcher

    return PgQueuerDispatcher(context.ledger_url, lease=context.lease)


async def _migrate(context: DispatchContext) -> None:
    _check(context)
    from notifyhub.dispatch.pgqueuer.tables import migrate

    await migrate(context.ledger_url)


def _check(context: DispatchContext) -> None:
    """Raises SettingsError where the engine cannot work with this ledger, or is not installed."""
    if not context.ledger_url.startswith(("postgresql://", "postgres://")):
        raise SettingsError(
            "pgqueuer needs the ledger to be in PostgreSQL",
            field=_FIELD,
            remedy='set `[ledger] url = "postgresql://…"`, or `[dispatch] engine = "embedded"`',
        )
    if find_spec("pgqueuer") is None or find_spec("asyncpg") is None:
        raise SettingsError(
            "pgqueuer is not installed", field=_FIELD, remedy="pip install 'notifyhub-core[pgqueuer]'"
        )


PGQUEUER = DispatcherType(name="pgqueuer", build=_build, migrate=_migrate)
