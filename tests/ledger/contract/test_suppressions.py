"""The ledger's contract: the suppression list, and the people on it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from notifyhub.category import Category
from notifyhub.errors import UnknownSuppression
from notifyhub.ledger import Ledger, Question, Retention, Suppression
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, queued
from tests.ledger.keepings import Keeping


def opted_out(clock: Clock, address: str = ADDRESS) -> Suppression:
    """Somebody answered TD."""
    return Suppression(address, "opted out", "reply", clock.moment())


def asked(address: str = ADDRESS) -> Question:
    """Whether the address may be written to."""
    return Question("a delivery", "sms", Category.ORDER, address)


def test_put_on_the_list(keeping: Keeping) -> None:
    """An entry comes back with an id, all it was given, and is shown in the list and to any other worker."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        entry = replace(
            opted_out(clock),
            channel="sms",
            category=Category.MARKETING,
            instance="a",
            until=clock.moment(3600),
        )
        kept = await ledger.suppress(entry)
        assert kept.id
        assert replace(kept, id="") == entry
        assert await ledger.suppressions() == [kept]
        assert ADDRESS not in repr(kept)

    keeping.run(story)


def test_once(keeping: Keeping) -> None:
    """The same is on the list once, as it was first put there; another scope is another entry."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first = await ledger.suppress(opted_out(clock))
        clock.turn(1)
        assert await ledger.suppress(replace(opted_out(clock), reason="again", source="cli")) == first
        others = [
            replace(opted_out(clock), channel="sms"),
            replace(opted_out(clock), category=Category.OPS),
            replace(opted_out(clock), instance="a"),
            opted_out(clock, OTHER_ADDRESS),
        ]
        ids = {(await ledger.suppress(other)).id for other in others}
        assert len(ids | {first.id}) == 5

    keeping.run(story)


def test_longer(keeping: Keeping) -> None:
    """A later end, or none, prolongs the entry that is there; an earlier one changes nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        entry = opted_out(clock)
        ends = [60.0, 30.0, 90.0, None, 60.0]
        kept = [await ledger.suppress(replace(entry, until=end and clock.moment(end))) for end in ends]
        now = clock.moment()
        assert len({each.id for each in kept}) == 1
        assert [each.until and (each.until - now).total_seconds() for each in kept] == [
            60,
            60,
            90,
            None,
            None,
        ]
        assert await ledger.suppressions() == kept[-1:]

    keeping.run(story)


def test_over(keeping: Keeping) -> None:
    """What has ended is shown only when asked for, and makes room for a new entry."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first = await ledger.suppress(replace(opted_out(clock), until=clock.moment(60)))
        clock.turn(60)
        assert await ledger.suppressions() == []
        assert await ledger.suppressions(lifted=True) == [first]
        second = await ledger.suppress(opted_out(clock))
        assert second.id != first.id
        assert await ledger.suppressions(lifted=True) == [second, first]

    keeping.run(story)


def test_lift(keeping: Keeping) -> None:
    """A lifted entry stays visible with who did it and when, is lifted once, and makes room for a new one."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        entry = await ledger.suppress(opted_out(clock))
        clock.turn(60)
        lifted = await ledger.lift(entry.id, "ann")
        assert lifted == replace(entry, lifted_at=clock.moment(), lifted_by="ann")
        clock.turn(60)
        assert await ledger.lift(entry.id, "bob") == lifted
        assert await ledger.suppressions() == []
        assert await ledger.suppressions(lifted=True) == [lifted]
        assert (await ledger.suppress(opted_out(clock))).id != entry.id
        with pytest.raises(UnknownSuppression):
            await ledger.lift("nobody's", "ann")

    keeping.run(story)


def test_the_list(keeping: Keeping) -> None:
    """The newest come first, as many as asked for, of one address where that is asked."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        kept = []
        for n in range(5):
            kept.append(await ledger.suppress(opted_out(clock, f"+861380000000{n}")))
            clock.turn(1)
        assert await ledger.suppressions() == kept[::-1]
        assert await ledger.suppressions(limit=2) == kept[:2:-1]
        assert await ledger.suppressions(address="+8613800000003") == [kept[3]]
        assert await ledger.suppressions(address=ADDRESS) == []

    keeping.run(story)


def test_at_once_by_many(keeping: Keeping) -> None:
    """Workers that hear the same at the same moment put it on the list once."""

    async def story(*holders_and_clock: Ledger) -> None:
        *ledgers, clock = holders_and_clock
        entry = opted_out(clock)  # type: ignore[arg-type]
        kept = await asyncio.gather(*(ledgers[n % len(ledgers)].suppress(entry) for n in range(30)))
        assert len({each.id for each in kept}) == 1
        assert len(await ledgers[0].suppressions()) == 1

    keeping.run(story, holders=4 if keeping.shared else 1)


def test_a_person_who_was_erased_stays_suppressed(keeping: Keeping) -> None:
    """Erasure takes the address from the entry, and leaves what keeps it from being written to."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, subject="customer 7"))
        entry = await ledger.suppress(opted_out(clock))
        await ledger.suppress(opted_out(clock, OTHER_ADDRESS))
        await ledger.erase(subject="customer 7")
        blank = replace(entry, address="")
        assert (await ledger.admit(asked())).listed == blank
        assert await ledger.suppressions(address=ADDRESS) == [blank]
        assert await ledger.suppress(opted_out(clock)) == blank
        told = json.dumps(await ledger.export(address=ADDRESS))
        assert (entry.id in told, ADDRESS in told) == (True, False)
        assert (await ledger.lift(entry.id, "ann")).address == ""
        assert (await ledger.admit(asked())).listed is None
        assert OTHER_ADDRESS in json.dumps(await ledger.export(address=OTHER_ADDRESS))

    keeping.run(story)


def test_export(keeping: Keeping) -> None:
    """A person is told of their entries, also of those lifted, by address and by the id of the recipient."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, subject="customer 7"))
        entry = await ledger.suppress(replace(opted_out(clock), category=Category.OPS))
        await ledger.lift(entry.id, "ann")
        await ledger.suppress(opted_out(clock, OTHER_ADDRESS))
        by_address = await ledger.export(address=ADDRESS)
        assert by_address == await ledger.export(subject="customer 7")
        told = by_address[-1]
        assert len(by_address) == 2
        assert (told["suppression"], told["address"], told["category"]) == (entry.id, ADDRESS, "ops")
        assert (told["reason"], told["source"], told["lifted_by"]) == ("opted out", "reply", "ann")
        json.dumps(told)

    keeping.run(story)


def test_purge(keeping: Keeping) -> None:
    """What was lifted or over for as long as deliveries are kept is forgotten; what holds never is."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        lifted = await ledger.suppress(opted_out(clock))
        await ledger.lift(lifted.id, "ann")
        await ledger.suppress(replace(opted_out(clock), until=clock.moment(60)))
        holds = await ledger.suppress(opted_out(clock, OTHER_ADDRESS))
        for days, left in ((10, 3), (200, 1)):
            clock.turn(days * 86400)
            await ledger.purge(Retention(delivery=180), clock.moment())
            assert len(await ledger.suppressions(lifted=True)) == left
        assert await ledger.suppressions() == [holds]

    keeping.run(story)
