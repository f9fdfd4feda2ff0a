"""The ledger's contract: personal data goes in time, is told to the person, and is erased when asked."""

from __future__ import annotations

import json

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost
from notifyhub.ledger import Ledger, Query, Retention
from notifyhub.outcome import Outcome, Reply, Status
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, attempted, queued, receipt, sending
from tests.ledger.keepings import LEASE, Keeping

DAY = 24 * 3600.0
RETENTION = Retention(body=7.0, address=30.0, delivery=180.0)
PERSON = [{"subject": "customer 7"}, {"address": ADDRESS}]


def reply(text: str = "TD", address: str = ADDRESS, vendor_id: str | None = None) -> Reply:
    """What a person answered."""
    return Reply(provider="sms", address=address, text=text, provider_message_id=vendor_id)


def test_purge(keeping: Keeping) -> None:
    """Words, then the address with replies, then everything is forgotten, each in its time and once."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock, key="k", subject="customer 7")
        await ledger.open(job)
        await ledger.record(attempted(job.delivery, "77"))
        await ledger.receive(receipt("77"))
        await ledger.hear(reply())
        await ledger.receive(receipt("never joined"))

        async def purged(days: float) -> dict[str, int]:
            clock.turn(days * DAY)
            counts = dict(await ledger.purge(RETENTION, clock.moment()))
            assert set(counts) == {"bodies", "addresses", "deliveries", "receipts", "replies"}
            return {name: count for name, count in counts.items() if count}

        assert await purged(0.5) == {}
        assert await purged(1.0) == {"receipts": 1}
        assert await ledger.job(job.id) is not None
        assert await purged(6.0) == {"bodies": 1}
        assert await ledger.job(job.id) is None
        assert len(await ledger.search(Query(address=ADDRESS))) == 1
        assert await purged(23.0) == {"addresses": 1, "replies": 1}
        kept = await ledger.get(job.id)
        assert kept is not None
        assert (kept.status, kept.address, len(kept.attempts)) == (Status.DELIVERED, "", 1)
        assert ADDRESS not in repr([kept.receipts, kept.steps, [r.address for r in kept.receipts]])
        for person in PERSON:
            assert not await ledger.export(**person)
        assert not await ledger.search(Query(address=ADDRESS))
        assert await purged(1.0) == {}
        assert await purged(150.0) == {"deliveries": 1}
        assert await ledger.get(job.id) is None
        assert await ledger.by_key("k") is None
        assert await ledger.find("sms", "77") is None
        again = queued(clock, key="k", words="other words")
        assert (await ledger.open(again)).id == again.id

    keeping.run(story)


def test_purge_leaves_what_is_under_way(keeping: Keeping) -> None:
    """What is queued or being sent is not touched, however old it is."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = [queued(clock, due=300 * DAY, deadline=400 * DAY), sending(clock), queued(clock)]
        for job in jobs:
            await ledger.open(job)
        await ledger.claim(1)
        clock.turn(200 * DAY)
        assert not any((await ledger.purge(RETENTION, clock.moment())).values())
        for job in jobs:
            found = await ledger.job(job.id)
            assert found is not None
            assert found.message == job.message

    keeping.run(story)


def test_purge_counts_a_code_once(keeping: Keeping) -> None:
    """A code's words, gone at its end, are not counted again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock, category=Category.OTP))
        await ledger.record(attempted(opened, "77"))
        clock.turn(8 * DAY)
        assert (await ledger.purge(RETENTION, clock.moment()))["bodies"] == 0

    keeping.run(story)


@pytest.mark.parametrize("person", PERSON, ids=["subject", "address"])
def test_export(keeping: Keeping, person: dict[str, str]) -> None:
    """Everything kept about a person is told as plain values: to whom, what, what became of it, replies."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock, subject="customer 7", text="Your parcel A7 is on its way")
        await ledger.open(job)
        await ledger.record(attempted(job.delivery, "77"))
        await ledger.receive(receipt("77"))
        await ledger.hear(reply("thank you", vendor_id="77"))
        await ledger.open(queued(clock, address=OTHER_ADDRESS, subject="customer 8", text="somebody else's"))
        await ledger.hear(reply("not mine", OTHER_ADDRESS))
        told = await ledger.export(**person)
        text = json.dumps(told)
        assert [entry["delivery"] for entry in told if "delivery" in entry] == [job.id]
        for kept in (ADDRESS, "customer 7", "Your parcel A7", "thank you", "delivered", '"parcel": "box A7"'):
            assert kept in text
        for other in (OTHER_ADDRESS, "customer 8", "somebody else", "not mine"):
            assert other not in text

    keeping.run(story)


def test_nobody(keeping: Keeping) -> None:
    """Of a person that is not known nothing is told, and nothing is erased."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, subject="customer 7")
        await ledger.open(job)
        for person in ({"subject": "customer 8"}, {"address": OTHER_ADDRESS}, {"subject": ADDRESS}):
            assert not await ledger.export(**person)
            assert await ledger.erase(**person) == 0
        assert await ledger.get(job.id) == job.delivery

    keeping.run(story)


@pytest.mark.parametrize("person", PERSON, ids=["subject", "address"])
def test_erase(keeping: Keeping, person: dict[str, str]) -> None:
    """Addresses, words, variables and replies of a person go; what became of each delivery stays."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        done = sending(clock, subject="customer 7")
        await ledger.open(done)
        await ledger.record(attempted(done.delivery, "77"))
        await ledger.receive(receipt("77"))
        await ledger.hear(reply(vendor_id="77"))
        waiting = queued(clock, subject="customer 7", due=60.0)
        other = queued(clock, address=OTHER_ADDRESS, subject="customer 8")
        await ledger.open(waiting)
        await ledger.open(other)
        assert await ledger.erase(**person) == 2
        for job, status in ((done, Status.DELIVERED), (waiting, Status.CANCELLED)):
            kept = await ledger.get(job.id)
            assert kept is not None
            assert (kept.status, kept.address) == (status, "")
            assert await ledger.job(job.id) is None
        for asked in PERSON:
            assert not await ledger.export(**asked)
        assert not await ledger.search(Query(address=ADDRESS))
        assert await ledger.erase(**person) == 0
        assert await ledger.get(other.id) == other.delivery
        clock.turn(61)
        assert [job.id for job in await ledger.claim(10)] == [other.id]

    keeping.run(story)


def test_erase_what_is_being_sent(keeping: Keeping) -> None:
    """The person goes from what is being sent as well, and its holder's record does not bring them back."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock, subject="customer 7")
        await ledger.open(job)
        assert await ledger.erase(subject="customer 7") == 1
        kept = await ledger.record(attempted(job.delivery, "77"))
        assert (kept.status, kept.address) == (Status.ACCEPTED, "")
        assert await ledger.get(job.id) == kept
        assert await ledger.job(job.id) is None
        assert not await ledger.export(address=ADDRESS)

    keeping.run(story)


def test_erase_what_goes_back(keeping: Keeping) -> None:
    """What was being sent and then is to wait for another attempt has no words left: it ends, unsent."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock)
        await ledger.open(job)
        await ledger.erase(address=ADDRESS)
        again = attempted(job.delivery, Outcome.not_sent(), status=Status.QUEUED, due=clock.moment())
        await ledger.record(again)
        assert not await ledger.claim(1)
        kept = await ledger.get(job.id)
        assert kept is not None
        assert kept.status.is_final
        assert kept.copies == 0

    keeping.run(story)


def test_erase_what_was_left_behind(keeping: Keeping) -> None:
    """What was being sent when its process died, and was erased, cannot be carried on: it is unknown."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock)
        await ledger.open(job)
        await ledger.erase(address=ADDRESS)
        clock.turn(LEASE + 1)
        assert not await ledger.take_over(10)
        kept = await ledger.get(job.id)
        assert kept is not None
        assert kept.status is Status.UNKNOWN

    keeping.run(story)


def test_erase_what_is_claimed(keeping: Keeping) -> None:
    """What was claimed but not submitted yet is cancelled, and its holder is held off."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        (taken,) = await ledger.claim(1)
        assert await ledger.erase(address=ADDRESS) == 1
        with pytest.raises(LeaseLost):
            await ledger.submitting(taken.delivery, "sms")
        kept = await ledger.get(taken.id)
        assert kept is not None
        assert (kept.status, kept.address) == (Status.CANCELLED, "")

    keeping.run(story)
