"""The ledger's database for many machines: PostgreSQL, through asyncpg (the extra `[postgres]`)."""

from notifyhub.ledger.postgres.driver import POSTGRESQL
from notifyhub.ledger.postgres.store import PostgresStore

__all__ = ["POSTGRESQL", "PostgresStore"]
