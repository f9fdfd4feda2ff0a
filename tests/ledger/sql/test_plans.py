"""Plans: what happens often is looked up in an index, whatever else is in the table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from notifyhub.category import Category
from notifyhub.ledger.admission import Question, Suppression
from notifyhub.ledger.demand import Demand
from notifyhub.ledger.health import Health
from notifyhub.ledger.job import Query
from notifyhub.ledger.judging import posed
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql import finding, migration
from notifyhub.ledger.sql.admitting import Admitting, GiveBack, swept
from notifyhub.ledger.sql.claiming import Claim, Claiming, GivingBack, Renewing, TakingOver
from notifyhub.ledger.sql.history import NOTHING
from notifyhub.ledger.sql.observing import Observing, seen_since
from notifyhub.ledger.sql.opening import Opened, Opening
from notifyhub.ledger.sql.operating import Cancel, Cancelling
from notifyhub.ledger.sql.receiving import Received, Receiving
from notifyhub.ledger.sql.recording import Record, Recording, Submission, Submitting
from notifyhub.ledger.sql.rows import row_of
from notifyhub.ledger.sql.script import Batch, Script
from notifyhub.ledger.sql.suppressing import Lift, Lifting, Suppress, Suppressing, list_of
from notifyhub.ledger.sqlite.thread import run
from notifyhub.ledger.sqlite.writer import DIALECT
from notifyhub.quota import Limit, Quota, Taken
from tests.ledger.deliveries import ADDRESS, Clock, attempted, queued, receipt

CLOCK = Clock()
NOW = int(CLOCK() * 1e6)
SEALER = Sealer()
JOB = queued(CLOCK, key="k")
OTHER = queued(CLOCK, key="k")
ACCEPTED = attempted(JOB.delivery, "77")
QUOTA = Quota("rule", "", Limit(1, 60))
ENTRY = Suppression(ADDRESS, "opted out", "reply", CLOCK.moment())

HOT: dict[str, Script[Any]] = {
    "open": Opening(SEALER)([Opened(job, row_of(job, SEALER, None, None)) for job in (JOB, OTHER)]),
    "claim": Claiming("o", SEALER, DIALECT)([Claim(5, True, None, NOW, NOW), Claim(1, True, "a", NOW, NOW)]),
    "take over": TakingOver("o", SEALER, DIALECT)([Claim(5, False, None, NOW, NOW)]),
    "give back": GivingBack("o")([frozenset()]),
    "renew": Renewing()([[(NOW, "a", "o", 1)]]),
    "submitting": Submitting("o", SEALER, DIALECT)([Submission(JOB.delivery, "sms", 1, NOTHING, NOW)]),
    "record": Recording("o", SEALER, DIALECT)([Record(ACCEPTED, 1, NOTHING, NOW)]),
    "receive": Receiving(SEALER, DIALECT)([Received(receipt("78"), NOW, None)]),
    "cancel": Cancelling(SEALER, DIALECT)([Cancel(None, "k", NOW)]),
    "admit": Admitting(SEALER, DIALECT, lambda: NOW)(
        [
            posed(
                Question("d", "sms", Category.OTP, ADDRESS, Demand([QUOTA])),
                SEALER.digest,
                SEALER.digests(ADDRESS),
            ),
            GiveBack([Taken(quota=QUOTA, page="|b|", tally=",12345678", at=NOW, amount=1)]),
        ]
    ),
    "sweep": swept("", 10, NOW, DIALECT),
    "suppress": Suppressing(SEALER, DIALECT)([Suppress(ENTRY, NOW)]),
    "lift": Lifting(SEALER, DIALECT)([Lift("a", "ann", NOW)]),
    "suppressions of an address": list_of(ADDRESS, False, 10, SEALER, NOW),
    "observe": Observing()([[Health("a", NOW)]]),
    "health": seen_since(0),
    "get": finding.by_id("a"),
    "by key": finding.by_key("k"),
    "find": finding.by_vendor_id("sms", "77"),
    "search by address": finding.search(Query(address=ADDRESS), SEALER),
    "search": finding.search(Query(), SEALER),
    "past the deadline": finding.past_deadline(NOW, 10),
    "overdue": finding.overdue(NOW, NOW, 10),
    "backlog": finding.backlog(NOW),
}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run(connection, migration.migrate(DIALECT))
        yield connection


@pytest.mark.parametrize("what", HOT)
def test_no_table_is_read_through(connection: sqlite3.Connection, what: str) -> None:
    """No statement of what happens often reads a table from one end to the other."""
    statements = []

    def watched() -> Script[Any]:
        script = HOT[what]
        request = next(script)
        while True:
            statements.append(request)
            try:
                request = script.send((yield request))
            except StopIteration as end:
                return end.value

    run(connection, watched())
    assert statements
    for request in statements:
        parameters = request.rows[0] if isinstance(request, Batch) and request.rows else ()
        if not isinstance(request, Batch):
            parameters = request.parameters
        if len(parameters) != request.sql.count("?"):
            continue  # a batch of nothing
        plan = connection.execute(f"EXPLAIN QUERY PLAN {request.sql}", parameters).fetchall()
        for *_, step in plan:
            through = step.startswith("SCAN notifyhub") and "USING" not in step
            # One row of the parked receipts is enough to know that there are some.
            assert not through or "LIMIT 1" in request.sql, f"{step}: {request.sql}"
