"""The ledger's contract: what is opened is kept, once for each key, and comes back whole."""

from __future__ import annotations

import asyncio

import pytest

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.errors import KeyReused, UnsupportedOperation
from notifyhub.ledger import Ledger, Query
from notifyhub.message import Binding
from notifyhub.outcome import Outcome, Status
from notifyhub.reason import Reason
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, attempted, queued, sending
from tests.ledger.keepings import LEASE, Keeping


def test_round_trip(keeping: Keeping) -> None:
    """What was opened comes back equal, field by field, with all that is needed to send it."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, due=60.0, key="k", subject="customer 7", resend_of="an older one", detail="later")
        job = job.evolve(
            policy=DeliveryPolicy.of("order", max_submits=3),
            message=job.message.__class__(
                id=job.id, channel="sms", to=ADDRESS, text="~1.x 你好\n\"quoted\" 'text' \\ 🎉", subject="S",
                html="<p>H</p>", category=Category.ORDER, notice="order/shipped", locale="en",
                variables={"name": "王\t%s ?"}, expires_at=clock.moment(90.0), time_zone="Asia/Tokyo",
                bindings={"ihuyi": Binding(provider="ihuyi", text="【变量】", slots=("name",))},
            ),
        )  # fmt: skip
        assert await ledger.open(job) == job.delivery
        assert await ledger.get(job.id) == job.delivery
        kept = await ledger.job(job.id)
        assert kept is not None
        assert kept.delivery == job.delivery
        assert kept.message == job.message
        assert (kept.deadline, kept.policy) == (job.deadline, job.policy)
        assert (kept.subject, kept.instance, kept.claims) == ("customer 7", "sms", 0)

    keeping.run(story)


def test_attempts_round_trip(keeping: Keeping) -> None:
    """Every field of an attempt and its outcome comes back."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock)
        await ledger.open(job)
        delivery = attempted(job.delivery, Outcome.not_sent(detail="refused by “the” host"), provider="a")
        refusal = Outcome.refused(Reason.BALANCE, code="405", detail="余额不足", retry_after=2.5)
        delivery = attempted(delivery, refusal, provider="b")
        unknown = Outcome.unknown(Reason.MALFORMED_REPLY, code="?", provider_message_id="u1")
        delivery = attempted(delivery, unknown, provider="c")
        delivery = attempted(delivery, Outcome.accepted("77", code="2", detail="ok", parts=3, price=0.15))
        delivery = delivery.evolve(steps=(*delivery.steps, "done"))
        assert await ledger.record(delivery) == delivery
        assert await ledger.get(job.id) == delivery
        assert delivery.copies == 2

    keeping.run(story)


def test_unknown_delivery(keeping: Keeping) -> None:
    """What was never opened is not there, however it is asked for."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        assert await ledger.get("0" * 32) is None
        assert await ledger.job("0" * 32) is None
        assert await ledger.by_key("none") is None
        assert await ledger.find("sms", "none") is None

    keeping.run(story)


def test_opened_twice(keeping: Keeping) -> None:
    """The same delivery opened again is one delivery: a write may be repeated after a broken connection."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for job in (queued(clock), queued(clock, key="k")):
            await ledger.open(job)
            assert await ledger.open(job) == job.delivery
        assert len(await ledger.search(Query())) == 2

    keeping.run(story)


def test_same_key_same_request(keeping: Keeping) -> None:
    """The same request under the same key gives the first delivery back, as it stands by then."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first = await ledger.open(sending(clock, key="k"))
        done = await ledger.record(attempted(first, "77"))
        again = await ledger.open(queued(clock, key="k"))
        assert again == done
        assert await ledger.by_key("k") == done
        assert len(await ledger.search(Query())) == 1

    keeping.run(story)


def test_key_reused(keeping: Keeping) -> None:
    """Another request under a known key is refused, and nothing of it is kept."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first = await ledger.open(queued(clock, key="k"))
        other_words = queued(clock, key="k", words="other words")
        somebody_else = queued(clock, key="k", address=OTHER_ADDRESS).evolve(fingerprint=f"{'e' * 32}.words")
        for other in (other_words, somebody_else):
            with pytest.raises(KeyReused):
                await ledger.open(other)
            assert await ledger.get(other.id) is None
        assert (await ledger.by_key("k")) == first

    keeping.run(story)


def test_hundred_at_once(keeping: Keeping) -> None:
    """A hundred requests under one key at the same time are one delivery."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await asyncio.gather(*(ledger.open(queued(clock, key="k")) for _ in range(100)))
        assert len({delivery.id for delivery in opened}) == 1
        assert len(await ledger.search(Query(limit=200))) == 1

    keeping.run(story)


def test_hundred_at_once_from_two_holders(keeping: Keeping) -> None:
    """A key is one delivery whichever process it is asked for in."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        asked = [(ours if n % 2 else theirs).open(queued(clock, key="k")) for n in range(100)]
        assert len({delivery.id for delivery in await asyncio.gather(*asked)}) == 1
        assert len(await ours.search(Query(limit=200))) == 1

    keeping.run(story, holders=2)


def test_seen_by_every_holder(keeping: Keeping) -> None:
    """What one holder's method returned from, another one finds at once."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        job = queued(clock, key="k")
        await ours.open(job)
        assert await theirs.get(job.id) == job.delivery
        ((taken),) = await theirs.claim(1)
        await theirs.record(attempted(taken.delivery, "77"))
        assert (await ours.by_key("k")) == (await ours.find("sms", "77"))
        found = await ours.get(job.id)
        assert found is not None
        assert found.status is Status.ACCEPTED

    keeping.run(story, holders=2)


def test_sending_is_ours(keeping: Keeping) -> None:
    """What is opened as `sending` is leased to us from the first: nobody can claim or take it over."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(sending(clock))
        clock.turn(LEASE - 1)
        assert not await ledger.claim(10)
        assert not await ledger.take_over(10)

    keeping.run(story)


def test_strange_connection(keeping: Keeping) -> None:
    """A connection that a ledger cannot write through is refused, and nothing is kept."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock)
        with pytest.raises(UnsupportedOperation):
            ledger.open_in(object(), job)
        assert await ledger.get(job.id) is None

    keeping.run(story)


def test_search(keeping: Keeping) -> None:
    """Deliveries are found by address, status, category and time, the newest first, at most so many."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = []
        for n in range(6):
            address = OTHER_ADDRESS if n == 2 else ADDRESS
            category = Category.ALERT if n % 2 else Category.ORDER
            jobs.append(queued(clock, address=address, category=category))
            await ledger.open(jobs[-1])
            clock.turn(1800)
        ((taken),) = await ledger.claim(1, delivery_id=jobs[5].id)
        await ledger.record(attempted(taken.delivery, "77"))

        async def found(**conditions: object) -> list[int]:
            ids = [job.id for job in jobs]
            return [ids.index(delivery.id) for delivery in await ledger.search(Query(**conditions))]  # type: ignore[arg-type]

        assert await found() == [5, 4, 3, 2, 1, 0]
        assert await found(limit=2) == [5, 4]
        assert await found(address=ADDRESS) == [5, 4, 3, 1, 0]
        assert await found(address=OTHER_ADDRESS) == [2]
        assert await found(address="+8613700137000") == []
        assert await found(status=Status.ACCEPTED) == [5]
        assert await found(category=Category.ORDER, limit=2) == [4, 2]
        assert await found(since=jobs[3].delivery.created_at) == [5, 4, 3]
        assert await found(address=ADDRESS, category=Category.ALERT, status=Status.QUEUED) == [3, 1]

    keeping.run(story)
