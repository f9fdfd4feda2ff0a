"""The ledger's contract: what is queued is given out once, in its order and in its time, or ended."""

from __future__ import annotations

import asyncio

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost, UnknownDelivery, WrongState
from notifyhub.ledger import Ledger
from notifyhub.ledger.job import MOST_CLAIMS
from notifyhub.outcome import Status
from tests.ledger.deliveries import Clock, attempted, queued, sending
from tests.ledger.keepings import LEASE, Keeping


def test_most_urgent_first(keeping: Keeping) -> None:
    """The queue gives out by priority, and within one by what was due first, whenever it was opened."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        expected = []
        for category in reversed(Category):
            for due in (-5.0, -20.0, -10.0):
                job = queued(clock, category=category, due=due)
                await ledger.open(job)
                expected.append((category.priority, due, job.id))
        taken = [job.id for _ in expected for job in await ledger.claim(1)]
        assert taken == [name for _, _, name in sorted(expected)]

    keeping.run(story)


def test_urgent_first_in_one_claim(keeping: Keeping) -> None:
    """One claim of many gives them in the same order, and leaves the least urgent behind."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for category in (Category.MARKETING, Category.ORDER, Category.OTP) * 2:
            await ledger.open(queued(clock, category=category, due=-1.0))
            clock.turn(1)
        taken = [job.message.category for job in await ledger.claim(5)]
        assert taken == [Category.OTP] * 2 + [Category.ORDER] * 2 + [Category.MARKETING]

    keeping.run(story)


def test_not_before_it_is_due(keeping: Keeping) -> None:
    """What is queued for later is given out at that time and not before, also when asked for by id."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, due=60.0)
        await ledger.open(job)
        clock.turn(59)
        assert not await ledger.claim(1)
        assert not await ledger.claim(1, delivery_id=job.id)
        clock.turn(1)
        assert [taken.id for taken in await ledger.claim(1)] == [job.id]

    keeping.run(story)


def test_at_once(keeping: Keeping) -> None:
    """What is queued for no time in particular is due at once."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, due=None)
        await ledger.open(job)
        assert [taken.id for taken in await ledger.claim(1)] == [job.id]

    keeping.run(story)


def test_claim_by_id(keeping: Keeping) -> None:
    """A claim for one delivery takes that one only, and nothing where it is held, ended or not known."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first, second = queued(clock), queued(clock)
        for job in (first, second):
            await ledger.open(job)
        assert [taken.id for taken in await ledger.claim(10, delivery_id=second.id)] == [second.id]
        assert not await ledger.claim(10, delivery_id=second.id)
        await ledger.record(attempted(second.delivery, "77"))
        assert not await ledger.claim(10, delivery_id=second.id)
        assert not await ledger.claim(10, delivery_id="0" * 32)
        assert [taken.id for taken in await ledger.claim(10)] == [first.id]

    keeping.run(story)


def test_claimed_by_id_at_the_same_time(keeping: Keeping) -> None:
    """Many claims at the same time, by id and in general, give each delivery to one of them."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = [queued(clock) for _ in range(20)]
        for job in jobs:
            await ledger.open(job)
        claims = [ledger.claim(1, delivery_id=job.id) for job in jobs for _ in range(2)]
        claims += [ledger.claim(3) for _ in range(4)]
        taken = [job.id for some in await asyncio.gather(*claims) for job in some]
        assert sorted(taken) == sorted(job.id for job in jobs)

    keeping.run(story)


def test_two_holders_share(keeping: Keeping) -> None:
    """Two holders that claim at the same time never get the same delivery, and together get all."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        jobs = [queued(clock) for _ in range(60)]
        await asyncio.gather(*(ours.open(job) for job in jobs))
        claims = [(ours if n % 2 else theirs).claim(7) for n in range(20)]
        taken = [job.id for some in await asyncio.gather(*claims) for job in some]
        while more := await ours.claim(7):
            taken += [job.id for job in more]
        assert sorted(taken) == sorted(job.id for job in jobs)

    keeping.run(story, holders=2)


def test_claimed_to_submit(keeping: Keeping) -> None:
    """A claim for submitting commits `sending` along, to the instance the delivery names."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, instance="first choice")
        await ledger.open(job)
        (taken,) = await ledger.claim(1, submitting=True)
        kept = await ledger.get(job.id)
        assert kept is not None
        assert taken.delivery.status is kept.status is Status.SENDING
        assert (taken.instance, taken.claims) == ("first choice", 1)

    keeping.run(story)


@pytest.mark.parametrize("instance", ["sms", None])
def test_claimed_to_look_at(keeping: Keeping, instance: str | None) -> None:
    """Any other claim leaves it `queued` but held; so does one for submitting that names no instance."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock, instance=instance)
        await ledger.open(job)
        (taken,) = await ledger.claim(1, submitting=instance is None)
        kept = await ledger.get(job.id)
        assert kept is not None
        assert taken.delivery.status is kept.status is Status.QUEUED
        assert not await ledger.claim(1)

    keeping.run(story)


def test_back_into_the_queue(keeping: Keeping) -> None:
    """Recorded as `queued` it waits until it is due, with the attempt it had, and is given out again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        (taken,) = await ledger.claim(1, submitting=True)
        again = attempted(taken.delivery, None, status=Status.QUEUED, due=clock.moment(10))
        kept = await ledger.record(again)
        assert (kept.status, kept.attempts, kept.due) == (Status.QUEUED, again.attempts, again.due)
        assert not await ledger.claim(1)
        clock.turn(10)
        (taken,) = await ledger.claim(1)
        assert taken.delivery.attempts == again.attempts
        done = await ledger.record(attempted(taken.delivery, "77"))
        assert [attempt.number for attempt in done.attempts] == [1, 2]
        assert done.due is None

    keeping.run(story)


def test_dead(keeping: Keeping) -> None:
    """What was taken up too often without coming to an end is dead: not given out, and to be resolved."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock)
        await ledger.open(job)
        for n in range(MOST_CLAIMS):
            (taken,) = await ledger.claim(1)
            assert taken.claims == n + 1
            clock.turn(LEASE + 1)
        assert not await ledger.claim(1)
        kept = await ledger.get(job.id)
        assert kept is not None
        assert kept.status is Status.DEAD
        assert len(kept.steps) == len(job.delivery.steps) + 1
        assert (await ledger.backlog()).ready == 0

    keeping.run(story)


def test_dead_makes_way(keeping: Keeping) -> None:
    """A dead delivery does not keep the one behind it from being given out in the end."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        poison, next_one = queued(clock, category=Category.OTP), queued(clock)
        await ledger.open(poison)
        for _ in range(MOST_CLAIMS):
            await ledger.claim(1)
            clock.turn(LEASE + 1)
        await ledger.open(next_one)
        taken = [job.id for _ in range(2) for job in await ledger.claim(1)]
        assert taken == [next_one.id]

    keeping.run(story)


def test_claims_are_counted_anew(keeping: Keeping) -> None:
    """A delivery that goes back into the queue by its holder's own word is none that breaks its holders."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, deadline=86400.0))
        for _ in range(MOST_CLAIMS - 1):
            assert len(await ledger.claim(1)) == 1
            clock.turn(LEASE + 1)
        (taken,) = await ledger.claim(1)
        assert taken.claims == MOST_CLAIMS
        step = "queue: put back"
        await ledger.record(taken.delivery.evolve(due=clock.moment(), steps=(*taken.delivery.steps, step)))
        (taken,) = await ledger.claim(1)
        assert taken.claims == 1

    keeping.run(story)


def test_expire(keeping: Keeping) -> None:
    """What is queued past its deadline is not given out but expires; what is held or in time does not."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        late, held, in_time = queued(clock, deadline=10.5), queued(clock, deadline=10.5), queued(clock)
        for job in (late, held, in_time):
            await ledger.open(job)
        await ledger.claim(1, delivery_id=held.id)
        clock.turn(10)
        assert not await ledger.expire()
        clock.turn(1)
        assert not await ledger.claim(10, delivery_id=late.id)
        (expired,) = await ledger.expire()
        assert (expired.id, expired.status) == (late.id, Status.EXPIRED)
        assert len(expired.steps) == len(late.delivery.steps) + 1
        assert await ledger.get(late.id) == expired
        assert not await ledger.expire()
        assert [job.id for job in await ledger.claim(10)] == [in_time.id]

    keeping.run(story)


def test_expire_with_a_copy_out(keeping: Keeping) -> None:
    """Where a copy may be out, nobody can say that it came to nothing: it is unknown, for the same reason."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, deadline=100.5))
        (taken,) = await ledger.claim(1, submitting=True)
        again = attempted(taken.delivery, None, status=Status.QUEUED, due=clock.moment(10))
        await ledger.record(again)
        clock.turn(101)
        (expired,) = await ledger.expire()
        assert (expired.status, expired.reason) == (Status.UNKNOWN, again.reason)

    keeping.run(story)


def test_expire_after_a_lapsed_claim(keeping: Keeping) -> None:
    """What was claimed and left alone expires too; whoever comes back to it then is held off."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, deadline=10.5))
        (taken,) = await ledger.claim(1)
        clock.turn(LEASE + 1)
        (expired,) = await ledger.expire()
        assert expired.status is Status.EXPIRED
        with pytest.raises(LeaseLost):
            await ledger.submitting(taken.delivery, "sms")
        kept = await ledger.get(taken.id)
        assert kept is not None
        assert kept.status is Status.EXPIRED

    keeping.run(story)


def test_cancel(keeping: Keeping) -> None:
    """What is queued can be cancelled by id or by key, and is not given out any more."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        by_id, by_key = queued(clock), queued(clock, key="k")
        for job in (by_id, by_key):
            await ledger.open(job)
        cancelled = [await ledger.cancel(delivery_id=by_id.id), await ledger.cancel(key="k")]
        for job, delivery in zip((by_id, by_key), cancelled, strict=True):
            assert (delivery.id, delivery.status) == (job.id, Status.CANCELLED)
            assert len(delivery.steps) == len(job.delivery.steps) + 1
            assert await ledger.get(job.id) == delivery
        assert not await ledger.claim(10)

    keeping.run(story)


def test_cancelled_twice(keeping: Keeping) -> None:
    """Cancelling may be repeated: what was cancelled stays so."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock)
        await ledger.open(job)
        once = await ledger.cancel(delivery_id=job.id)
        assert await ledger.cancel(delivery_id=job.id) == once

    keeping.run(story)


def test_cancel_too_late(keeping: Keeping) -> None:
    """Once it is taken up, being sent or ended, cancelling is refused and says why."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        claimed, under_way, ended = queued(clock, key="k"), sending(clock), sending(clock)
        for job in (claimed, under_way, ended):
            await ledger.open(job)
        await ledger.claim(1)
        await ledger.record(attempted(ended.delivery, "77"))
        for job, status in ((claimed, "queued"), (under_way, "sending"), (ended, "accepted")):
            with pytest.raises(WrongState, match=status):
                await ledger.cancel(delivery_id=job.id)
        with pytest.raises(WrongState):
            await ledger.cancel(key="k")
        assert (await ledger.record(attempted(claimed.delivery, "78"))).status is Status.ACCEPTED

    keeping.run(story)


def test_cancel_what_is_unknown(keeping: Keeping) -> None:
    """There is nothing to cancel where nothing was opened."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, key="k"))
        with pytest.raises(UnknownDelivery):
            await ledger.cancel(delivery_id="0" * 32)
        with pytest.raises(UnknownDelivery):
            await ledger.cancel(key="another")

    keeping.run(story)


def test_cancel_after_a_lapsed_claim(keeping: Keeping) -> None:
    """What was claimed and left alone can be cancelled; its former holder then submits nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        (taken,) = await ledger.claim(1)
        clock.turn(LEASE + 1)
        assert (await ledger.cancel(delivery_id=taken.id)).status is Status.CANCELLED
        with pytest.raises(LeaseLost):
            await ledger.submitting(taken.delivery, "sms")

    keeping.run(story)


def test_cancel_with_a_copy_out(keeping: Keeping) -> None:
    """Where a copy may be out, it is not called cancelled but unknown; nothing more is submitted."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        (taken,) = await ledger.claim(1, submitting=True)
        await ledger.record(attempted(taken.delivery, None, status=Status.QUEUED, due=clock.moment()))
        assert (await ledger.cancel(delivery_id=taken.id)).status is Status.UNKNOWN
        assert not await ledger.claim(1)

    keeping.run(story)


def test_resolve(keeping: Keeping) -> None:
    """An operator's word settles what is unknown or dead, and stands among the steps."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        held = await ledger.open(sending(clock))
        unknown = await ledger.record(attempted(held, None))
        resolved = await ledger.resolve(held.id, Status.DELIVERED, "operator: the customer has it")
        assert resolved.status is Status.DELIVERED
        assert resolved.steps == (*unknown.steps, "operator: the customer has it")
        assert resolved.attempts == unknown.attempts
        assert await ledger.get(held.id) == resolved
        with pytest.raises(WrongState, match="delivered"):
            await ledger.resolve(held.id, Status.UNDELIVERED, "operator: no")
        with pytest.raises(UnknownDelivery):
            await ledger.resolve("0" * 32, Status.DELIVERED, "operator: what?")

    keeping.run(story)


def test_resolve_what_is_under_way(keeping: Keeping) -> None:
    """An operator cannot decide what is queued or being sent."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for job in (queued(clock), sending(clock)):
            await ledger.open(job)
            with pytest.raises(WrongState):
                await ledger.resolve(job.id, Status.UNDELIVERED, "operator: no")
            assert await ledger.get(job.id) == job.delivery

    keeping.run(story)


def test_backlog(keeping: Keeping) -> None:
    """The backlog counts what is due, what is for later and what is being sent, and knows what comes next."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        empty = await ledger.backlog()
        assert (empty.ready, empty.later, empty.sending, empty.next_due) == (0, 0, 0, None)
        jobs = [queued(clock), queued(clock), queued(clock, due=20.0), queued(clock, due=10.0)]
        for job in (*jobs, sending(clock)):
            await ledger.open(job)
        backlog = await ledger.backlog()
        assert (backlog.ready, backlog.later, backlog.sending) == (2, 2, 1)
        assert backlog.next_due == jobs[3].delivery.due
        (taken,) = await ledger.claim(1, submitting=True)
        assert (await ledger.backlog()).sending == 2
        await ledger.record(attempted(taken.delivery, "77"))
        clock.turn(10)
        backlog = await ledger.backlog()
        assert (backlog.ready, backlog.later, backlog.sending) == (2, 1, 1)

    keeping.run(story)


def test_overdue(keeping: Keeping) -> None:
    """What has been due for long and nobody took up is named with its priority, so that it is told again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        lost, held, later = queued(clock, category=Category.OPS), queued(clock), queued(clock, due=55.0)
        for job in (lost, held, later):
            await ledger.open(job)
        clock.turn(50)
        await ledger.claim(1, delivery_id=held.id)
        assert not await ledger.overdue(60, 10)
        clock.turn(20)
        await ledger.renew()
        assert list(await ledger.overdue(60, 10)) == [(lost.id, Category.OPS.priority)]
        assert list(await ledger.overdue(60, 0)) == []
        clock.turn(LEASE + 60)
        names = {name for name, _ in await ledger.overdue(60, 10)}
        assert names == {lost.id, held.id, later.id}
        assert len(await ledger.overdue(60, 2)) == 2

    keeping.run(story)


def test_changed(keeping: Keeping) -> None:
    """Who waits for work is woken by what is queued, and otherwise comes back after the time it gave."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.changed(0.01)
        waiting = asyncio.create_task(ledger.changed(60.0))
        await asyncio.sleep(0.05)
        await ledger.open(queued(clock))
        await asyncio.wait_for(waiting, 10.0)

    keeping.run(story)


def test_changed_by_another_holder(keeping: Keeping) -> None:
    """Work that another process queued wakes as well."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        waiting = asyncio.create_task(ours.changed(60.0))
        await asyncio.sleep(0.05)
        await theirs.open(queued(clock))
        await asyncio.wait_for(waiting, 10.0)

    keeping.run(story, holders=2)
