"""Tables: PgQueuer's own in the ledger's database, under names of ours, and what we ask of them.

They are told apart from an application's own PgQueuer by the prefix; `PGQUEUER_PREFIX=notifyhub_` shows
them to PgQueuer's tools. Two triggers of ours make them fit:

- A job's dedupe key is for the time it waits. PgQueuer keeps it while the job runs, and a delivery that
  its own handler puts back for later would be taken for a duplicate. So it falls when a job is picked.
- The log, three rows a job with the tracebacks of what failed, would grow without end, and the ledger
  already says what became of each delivery. So nothing is written into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.domain.settings import DBSettings
from pgqueuer.queries import Queries
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from notifyhub.errors import SchemaError
from notifyhub.ledger.postgres.faults import told
from notifyhub.ledger.sql.migration import REMEDY

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = [
    "AGAIN",
    "CHANNEL",
    "ENQUEUE",
    "ENTRYPOINT",
    "NEXT",
    "PROMOTE",
    "RELEASE",
    "STEADY",
    "check",
    "migrate",
    "queries",
]


class _Names(DBSettings):
    """Names that no variable of the environment changes: enqueuing and working must agree on them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


_NAMES = _Names(prefix="notifyhub_")
_QUEUE = _NAMES.queue_table
CHANNEL = _NAMES.channel
"""Where PgQueuer's own trigger notifies, on commit, of what was enqueued."""
ENTRYPOINT = "notifyhub"
LATER = "notifyhub-later"
"""Where a job waits until it is due. A dequeue walks past everything under its entrypoint that is not due
yet, and a campaign scheduled for tomorrow must not lie in the way of today's codes."""

_WAITS = "(dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL"

# The names are our own constants.
ENQUEUE = f"""
INSERT INTO {_QUEUE} AS job (entrypoint, status, payload, dedupe_key, priority, execute_after)
SELECT CASE WHEN ticket.due > now() THEN '{LATER}' ELSE '{ENTRYPOINT}' END,
    'queued', convert_to(ticket.id, 'UTF8'), ticket.id, -ticket.priority,
    CASE WHEN ticket.due > now() THEN ticket.due + interval '50 milliseconds' ELSE now() END
FROM (
    SELECT CAST(? AS text) AS id, CAST(? AS integer) AS priority,
        to_timestamp(CAST(? AS double precision)) AS due
) AS ticket
ON CONFLICT {_WAITS}
DO UPDATE SET entrypoint = excluded.entrypoint, execute_after = excluded.execute_after
WHERE excluded.execute_after < job.execute_after
"""  # noqa: S608
"""Enqueues a ticket: id, priority, due in seconds since the epoch or NULL. Of two with one id that wait,
the sooner one counts. It comes a little after it is due, never before: a worker whose clock is a little
behind the database's would find it not due yet."""

AGAIN = f"""
INSERT INTO {_QUEUE} (entrypoint, status, payload, dedupe_key, priority, attempts, execute_after)
SELECT '{LATER}', 'queued', payload, convert_from(payload, 'UTF8'), priority, attempts + 1,
    now() + least(power(2, least(attempts, 9)), $2) * interval '1 second'
FROM {_QUEUE} WHERE id = ANY($1::bigint[])
ON CONFLICT {_WAITS} DO NOTHING
"""  # noqa: S608
"""Enqueues jobs anew after 1, 2, 4, … seconds, at most $2, unless their deliveries wait there already."""

RELEASE = f"""
UPDATE {_QUEUE} SET status = 'queued', queue_manager_id = NULL
WHERE queue_manager_id = $1 AND status = 'picked' AND id <> ALL($2::bigint[])
"""  # noqa: S608
"""Puts back what one worker has picked, but for these jobs."""

PROMOTE = f"""
UPDATE {_QUEUE} SET entrypoint = '{ENTRYPOINT}' WHERE id IN (
    SELECT id FROM {_QUEUE} WHERE entrypoint = '{LATER}' AND status = 'queued' AND execute_after < now()
    ORDER BY execute_after LIMIT 1000 FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608
"""Makes jobs that have become due ready to be picked."""

STEADY = "SET enable_sort = off"
"""For a worker's session. Without fresh statistics, as in the minute after a burst, PostgreSQL would read
and sort the whole backlog for each dequeue (measured: 125 ms of 200,000) instead of walking PgQueuer's
index by priority (2 ms)."""

NEXT = f"""
SELECT CAST(extract(epoch FROM execute_after - now()) AS double precision)
FROM {_QUEUE} WHERE entrypoint = '{LATER}' AND status = 'queued' ORDER BY execute_after LIMIT 1
"""  # noqa: S608
"""Seconds until the next job becomes due."""

_TRIGGERS = {
    "notifyhub_pgqueuer_picked": f"""
        CREATE OR REPLACE FUNCTION notifyhub_pgqueuer_picked() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.dedupe_key := NULL; RETURN NEW; END $$;
        CREATE OR REPLACE TRIGGER notifyhub_pgqueuer_picked BEFORE UPDATE ON {_QUEUE}
        FOR EACH ROW WHEN (NEW.status = 'picked' AND NEW.dedupe_key IS NOT NULL)
        EXECUTE FUNCTION notifyhub_pgqueuer_picked();
    """,
    "notifyhub_pgqueuer_unlogged": f"""
        CREATE OR REPLACE FUNCTION notifyhub_pgqueuer_unlogged() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN NULL; END $$;
        CREATE OR REPLACE TRIGGER notifyhub_pgqueuer_unlogged BEFORE INSERT ON {_NAMES.queue_table_log}
        FOR EACH ROW EXECUTE FUNCTION notifyhub_pgqueuer_unlogged();
    """,
}
_TRIGGERS_THERE = """
SELECT count(*) FROM pg_trigger WHERE tgname = ANY($1) AND tgenabled <> 'D'
AND tgrelid IN (to_regclass($2), to_regclass($3))
"""


def queries(connection: Connection) -> Queries:
    """PgQueuer's own statements, over this connection, on these tables."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(_NAMES),
        qbq=QueryQueueBuilder(_NAMES),
        qbs=QuerySchedulerBuilder(_NAMES),
    )


async def check(connection: Connection) -> None:
    """Raises SchemaError where the tables are missing, or not those of the installed PgQueuer."""
    plan = await queries(connection).plan_upgrade()
    there = await connection.fetchval(_TRIGGERS_THERE, list(_TRIGGERS), _QUEUE, _NAMES.queue_table_log)
    if plan.statements or there < len(_TRIGGERS):
        raise SchemaError(
            "PgQueuer's tables are missing in the ledger's database, or not those of the installed version",
            field="dispatch.engine",
            remedy=REMEDY,
        )


async def migrate(url: str) -> None:
    """Make the tables, or bring them up to the installed PgQueuer; harmless twice, and twice at once.

    Raises SettingsError where the database does not let us in, LedgerUnavailable where it cannot be
    used now.
    """
    import asyncpg

    try:
        # Not one of the ledger's connections: those wait for a lock for two seconds only.
        connection: Any = await asyncpg.connect(url, timeout=10)
        try:
            ours = queries(connection)
            await ours.upgrade()
            async with ours.schema_lock():
                await ours.optimize_autovacuum()
                for trigger in _TRIGGERS.values():
                    await connection.execute(trigger)
        finally:
            await connection.close(timeout=10)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise told(error) from None
