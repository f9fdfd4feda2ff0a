"""Gathering: queued deliveries become one message, each exactly once, whoever asks and whatever crashes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost, UnknownDelivery, WrongState
from notifyhub.ledger import Job, Ledger
from notifyhub.outcome import Status
from tests.ledger.deliveries import OTHER_ADDRESS, Clock, attempted, queued, sending
from tests.ledger.keepings import LEASE, Keeping


def waiting(clock: Clock, **options: Any) -> Job:
    """A delivery that is to become one message with others."""
    return queued(clock, **{"category": Category.OPS, "instance": None, **options}).evolve(digested=True)


async def kept(ledger: Ledger, clock: Clock, number: int, **options: Any) -> list[Job]:
    """So many of them, a second apart."""
    jobs = []
    for _ in range(number):
        jobs.append(waiting(clock, **options))
        await ledger.open(jobs[-1])
        clock.turn(1)
    return jobs


def ids(jobs: Any) -> list[str]:
    """Their ids in order."""
    return [job.id for job in jobs]


def test_what_belongs_together_goes_out_in_one(keeping: Keeping) -> None:
    """All that is queued for one address goes out in the first that is taken up, in order of creation."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 4)
        other = (await kept(ledger, clock, 1, address=OTHER_ADDRESS))[0]
        plain = queued(clock, category=Category.OPS)
        await ledger.open(plain)
        taken = await ledger.claim(10)
        assert sorted(ids(taken)) == sorted([jobs[0].id, other.id, plain.id])
        leader = next(job for job in taken if job.id == jobs[0].id)
        assert leader.digested
        gathered = await ledger.gather(leader, 10)
        assert ids(gathered.jobs) == ids(jobs)
        assert [each.id for each in gathered.merged] == ids(jobs[1:])
        for job in jobs[1:]:
            found = await ledger.get(job.id)
            assert found is not None
            assert found.status is Status.MERGED
            assert leader.id in found.explain()
            assert found.detail == f"into {leader.id}"
        assert await ledger.claim(10) == []

    keeping.run(story)


def test_no_more_than_the_most(keeping: Keeping) -> None:
    """What is too many for one message waits for the next, the oldest going first."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 7)
        sizes = []
        while taken := await ledger.claim(10):
            [leader] = taken
            gathered = await ledger.gather(leader, 3)
            sizes.append(ids(gathered.jobs))
            await ledger.submitting(leader.delivery, "sms")
            await ledger.record(attempted(leader.delivery, f"v{len(sizes)}"))
        assert sizes == [ids(jobs[:3]), ids(jobs[3:6]), ids(jobs[6:])]

    keeping.run(story)


def test_asked_again_the_same_come_back(keeping: Keeping) -> None:
    """After a crash whoever takes it up finds the same; more may join until a copy may be out."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 2)
        [leader] = await ledger.claim(1)
        assert ids((await ledger.gather(leader, 10)).jobs) == ids(jobs)
        assert ids((await ledger.gather(leader, 10)).jobs) == ids(jobs)
        await ledger.record(leader.delivery.evolve(status=Status.QUEUED, due=clock.moment(5)))
        later = await kept(ledger, clock, 1, due=60.0)
        clock.turn(10)
        [leader] = await ledger.claim(1)
        again = await ledger.gather(leader, 10)
        assert (ids(again.jobs), [each.id for each in again.merged]) == (ids([*jobs, *later]), ids(later))
        gone = attempted(leader.delivery, None, status=Status.QUEUED, due=clock.moment(1))
        await ledger.submitting(leader.delivery, "sms")
        await ledger.record(gone)
        await kept(ledger, clock, 1, due=60.0)
        clock.turn(5)
        [leader] = await ledger.claim(1)
        assert ids((await ledger.gather(leader, 10)).jobs) == ids([*jobs, *later])

    keeping.run(story)


def test_one_that_led_brings_its_own(keeping: Keeping) -> None:
    """A leader that was put back is merged with all that it had gathered, unless that is too much."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 2)
        [leader] = await ledger.claim(1)
        await ledger.gather(leader, 10)
        await ledger.record(leader.delivery.evolve(status=Status.QUEUED, due=clock.moment(600)))
        [second] = await kept(ledger, clock, 1)
        [taken] = await ledger.claim(5)
        assert taken.id == second.id
        assert ids((await ledger.gather(taken, 2)).jobs) == [second.id]  # three are too many
        assert ids((await ledger.gather(taken, 3)).jobs) == ids([*jobs, second])
        for job in jobs:
            found = await ledger.get(job.id)
            assert found is not None
            assert found.status is Status.MERGED
            assert second.id in str(found.steps[-1])

    keeping.run(story)


def test_a_leader_that_ends_unsent_leaves_nobody_behind(keeping: Keeping) -> None:
    """Cancelled or too late while it waits, it takes nobody along: the others are queued again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 3, deadline=1000.0)
        [leader] = await ledger.claim(1)
        await ledger.gather(leader, 10)
        await ledger.record(leader.delivery.evolve(status=Status.QUEUED, due=clock.moment(5)))
        await ledger.cancel(delivery_id=leader.id)
        [second] = await ledger.claim(5)
        assert second.id == jobs[1].id
        assert ids((await ledger.gather(second, 10)).jobs) == ids(jobs[1:])
        await ledger.record(second.delivery.evolve(status=Status.QUEUED, due=clock.moment(5000)))
        clock.turn(998.5)  # the second is too late by now, the third is not
        assert [each.id for each in await ledger.expire()] == [second.id]
        [third] = await ledger.claim(5)
        assert third.id == jobs[2].id

    keeping.run(story)


def test_what_is_too_late_is_left_out(keeping: Keeping) -> None:
    """A member past its own deadline is not said any more, and says so."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        [first] = await kept(ledger, clock, 1)
        [short] = await kept(ledger, clock, 1, deadline=100.0)
        [leader] = await ledger.claim(1)
        assert ids((await ledger.gather(leader, 10)).jobs) == [first.id, short.id]
        await ledger.record(leader.delivery.evolve(status=Status.QUEUED, due=clock.moment(200)))
        clock.turn(300)
        [again] = await ledger.claim(1)
        assert ids((await ledger.gather(again, 10)).jobs) == [first.id]
        found = await ledger.get(short.id)
        assert found is not None
        assert found.status is Status.EXPIRED

    keeping.run(story)


def test_a_resend_says_all_of_it_again(keeping: Keeping) -> None:
    """What was merged into the former delivery goes out with its resend, and nothing new."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        jobs = await kept(ledger, clock, 2)
        [leader] = await ledger.claim(1)
        await ledger.gather(leader, 10)
        await ledger.submitting(leader.delivery, "sms")
        await ledger.record(attempted(leader.delivery, None))
        await kept(ledger, clock, 1, due=500.0)
        resend = waiting(clock, resend_of=leader.id)
        await ledger.open(resend)
        [again] = await ledger.claim(5)
        assert again.id == resend.id
        assert ids((await ledger.gather(again, 10)).jobs) == [resend.id, jobs[1].id]

    keeping.run(story)


def test_not_ours(keeping: Keeping) -> None:
    """Who holds it no longer gathers nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await kept(ledger, clock, 2)
        [leader] = await ledger.claim(1)
        await ledger.record(leader.delivery.evolve(status=Status.CANCELLED))
        with pytest.raises(LeaseLost):
            await ledger.gather(leader, 10)

    keeping.run(story)


def test_members_can_be_cancelled_until_they_are_merged(keeping: Keeping) -> None:
    """By id or key; and a key is remembered while it waits and afterwards."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        first = waiting(clock)
        keyed = waiting(clock, key="k")
        for job in (first, keyed):
            await ledger.open(job)
        gone = await ledger.cancel(key="k")
        assert gone.status is Status.CANCELLED
        other = waiting(clock, key="l")
        await ledger.open(other)
        await ledger.cancel(delivery_id=first.id)
        third = waiting(clock, due=50.0)
        await ledger.open(third)
        [leader] = await ledger.claim(1)
        assert ids((await ledger.gather(leader, 10)).jobs) == ids(sorted([other, third], key=_by_age))
        merged = third if leader.id == other.id else other
        with pytest.raises(WrongState, match="merged"):
            await ledger.cancel(delivery_id=merged.id)
        assert (await ledger.open(waiting(clock, key="l"))).id == other.id

    keeping.run(story)


def test_one_at_a_time(keeping: Keeping) -> None:
    """While one of a group is taken up no other one is, by whichever holder; by its id neither."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        jobs = await kept(ours, clock, 3)
        [leader] = await ours.claim(10)
        assert await theirs.claim(10) == []
        assert await theirs.claim(1, delivery_id=jobs[2].id) == []
        clock.turn(LEASE + 1)  # it died: another takes up the same one, and the former one has no say
        [again] = await theirs.claim(10)
        assert again.id == leader.id
        with pytest.raises(LeaseLost):
            await ours.gather(leader, 10)
        assert ids((await theirs.gather(again, 10)).jobs) == ids(jobs)

    keeping.run(story, holders=2)


def test_holders_race(keeping: Keeping) -> None:
    """Four holders and 200 deliveries: as few messages as can be, and each delivery in exactly one."""

    async def story(*told: Any) -> None:
        *ledgers, clock = told
        jobs = [waiting(clock) for _ in range(200)]
        await asyncio.gather(*(ledgers[0].open(job) for job in jobs))
        clock.turn(1)
        messages: list[list[str]] = []

        async def work(ledger: Ledger) -> None:
            idle = 0
            while idle < 40:
                taken = await ledger.claim(16)
                idle = 0 if taken else idle + 1
                for leader in taken:
                    gathered = await ledger.gather(leader, 30)
                    await ledger.submitting(leader.delivery, "sms")
                    messages.append(ids(gathered.jobs))
                    await ledger.record(attempted(leader.delivery, f"v-{leader.id}"))
                if not taken:
                    await asyncio.sleep(0.01)

        await asyncio.gather(*map(work, ledgers))
        assert sorted(each for message in messages for each in message) == sorted(ids(jobs))
        assert len(messages) == 7

    keeping.run(story, holders=4)


def test_a_step_is_noted_whoever_holds_it(keeping: Keeping) -> None:
    """A note changes nothing else, and neither it nor what the holder writes is lost."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock, category=Category.ALERT)
        await ledger.open(job)
        noted = await ledger.note(job.id, "acknowledged by Li")
        assert (noted.status, noted.steps[-1]) == (Status.SENDING, "acknowledged by Li")
        recorded = await ledger.record(attempted(job.delivery, "v1"))
        assert recorded.status is Status.ACCEPTED
        found = await ledger.get(job.id)
        assert found is not None
        assert "acknowledged by Li" in found.steps
        assert len(found.attempts) == 1
        with pytest.raises(UnknownDelivery):
            await ledger.note("nobody", "x")

    keeping.run(story)


def test_follow_ups_are_kept_with_the_first(keeping: Keeping) -> None:
    """A delivery and what follows it are kept together; under a known key neither is kept anew."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        def chain() -> Job:
            first = sending(clock, category=Category.ALERT, key="k")
            second = queued(clock, category=Category.ALERT, due=60.0, key=f"escalation:{first.id}:1")
            follow_up = second.evolve(delivery=second.delivery.evolve(escalates=first.id), via="other")
            return first.evolve(follow_ups=(follow_up,))

        job = chain()
        await ledger.open(job)
        await ledger.record(attempted(job.delivery, "v1"))
        again = chain()
        assert (await ledger.open(again)).id == job.id
        assert await ledger.get(again.follow_ups[0].id) is None
        clock.turn(61)
        [taken] = await ledger.claim(5)
        assert (taken.id, taken.delivery.escalates, taken.via) == (job.follow_ups[0].id, job.id, "other")

    keeping.run(story)


def _by_age(job: Job) -> tuple[Any, str]:
    return job.delivery.created_at, job.id
