"""The ledger's contract: leases, and the fence that holds off whoever has lost one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost
from notifyhub.ledger import Job, Ledger
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.reason import Reason
from tests.ledger.deliveries import Clock, attempted, queued, receipt, sending
from tests.ledger.keepings import LEASE, Keeping

Write = Callable[[Ledger, Delivery], Awaitable[object]]


async def kept(ledger: Ledger, delivery_id: str) -> Delivery:
    """The delivery, which must be there."""
    found = await ledger.get(delivery_id)
    assert found is not None
    return found


async def taken_from(ours: Ledger, theirs: Ledger, clock: Clock) -> tuple[Job, Job]:
    """A delivery that we were sending when our lease ran out: our job and that of who took it over."""
    job = queued(clock)
    await ours.open(job)
    (before,) = await ours.claim(1, submitting=True)
    clock.turn(LEASE + 1)
    (after,) = await theirs.take_over(10)
    assert after.id == before.id
    return before, after


def test_submitting(keeping: Keeping) -> None:
    """Before the first byte the instance is committed, with the attempts and steps so far."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, instance="first"))
        (taken,) = await ledger.claim(1, submitting=True)
        failed = attempted(taken.delivery, Outcome.not_sent(), provider="first", status=Status.SENDING)
        await ledger.submitting(failed, "second")
        found = await ledger.job(taken.id)
        assert found is not None
        assert (found.instance, found.delivery.status) == ("second", Status.SENDING)
        assert (found.delivery.attempts, found.delivery.steps) == (failed.attempts, failed.steps)
        done = await ledger.record(attempted(failed, "77", provider="second"))
        assert [attempt.provider for attempt in done.attempts] == ["first", "second"]

    keeping.run(story)


def test_submitting_what_was_claimed_to_look_at(keeping: Keeping) -> None:
    """What was claimed and stayed `queued` becomes `sending` by that word; then it is not claimable again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, instance=None))
        (taken,) = await ledger.claim(1)
        await ledger.submitting(taken.delivery, "sms")
        assert (await kept(ledger, taken.id)).status is Status.SENDING
        clock.turn(LEASE + 1)
        assert not await ledger.claim(1)
        (recovered,) = await ledger.take_over(1)
        assert recovered.instance == "sms"

    keeping.run(story)


@pytest.mark.parametrize(
    "status",
    [Status.REFUSED, Status.NOT_SENT, Status.SUPPRESSED, Status.EXPIRED, Status.DEFERRED, Status.UNKNOWN],
)
def test_record_to_the_end(keeping: Keeping, status: Status) -> None:
    """Whatever a delivery ends in is kept as it was said, and it is under way no longer."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock)
        await ledger.open(job)
        ended = job.delivery.evolve(
            status=status, reason=Reason.TIMEOUT, detail="because", steps=(*job.delivery.steps, "the end")
        )
        assert await ledger.record(ended) == ended
        assert await ledger.get(job.id) == ended
        clock.turn(LEASE + 1)
        assert not await ledger.claim(1)
        assert not await ledger.take_over(1)
        assert (await ledger.backlog()).sending == 0

    keeping.run(story)


def test_recorded_twice(keeping: Keeping) -> None:
    """Who has given the lease back holds nothing any more: the same again is refused and adds nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock))
        done = attempted(opened, "77")
        once = await ledger.record(done)
        with pytest.raises(LeaseLost):
            await ledger.record(done)
        assert await ledger.get(opened.id) == once

    keeping.run(story)


def test_lapsed_claim_goes_back(keeping: Keeping) -> None:
    """What was claimed and not submitted is anybody's again once the lease has run out, and not before."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock)
        await ledger.open(job)
        await ledger.claim(1)
        clock.turn(LEASE - 1)
        assert not await ledger.claim(1)
        assert not await ledger.claim(1, delivery_id=job.id)
        clock.turn(2)
        assert not await ledger.take_over(1)
        (again,) = await ledger.claim(1)
        assert (again.id, again.claims) == (job.id, 2)
        clock.turn(LEASE + 1)
        (by_id,) = await ledger.claim(1, delivery_id=job.id)
        assert by_id.claims == 3

    keeping.run(story)


def test_lapsed_sending_is_taken_over(keeping: Keeping) -> None:
    """What was being submitted is never claimed again: it is taken over, saying to whom it may have gone."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = sending(clock, instance="b")
        await ledger.open(opened)
        clock.turn(LEASE - 1)
        assert not await ledger.take_over(10)
        clock.turn(2)
        assert not await ledger.claim(10)
        (taken,) = await ledger.take_over(10)
        assert (taken.id, taken.instance, taken.delivery.status) == (opened.id, "b", Status.SENDING)
        assert taken.message == opened.message
        assert not await ledger.take_over(10)
        assert (await ledger.record(attempted(taken.delivery, None))).status is Status.UNKNOWN

    keeping.run(story)


def test_take_over_so_many(keeping: Keeping) -> None:
    """No more are taken over than were asked for; the others stay for the next."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for _ in range(5):
            await ledger.open(sending(clock))
        clock.turn(LEASE + 1)
        taken = [await ledger.take_over(3), await ledger.take_over(3)]
        assert [len(some) for some in taken] == [3, 2]
        assert len({job.id for some in taken for job in some}) == 5

    keeping.run(story)


def test_renew(keeping: Keeping) -> None:
    """A lease that is renewed in time lasts: what is held stays held, queued or being sent."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock))
        await ledger.open(sending(clock))
        (taken,) = await ledger.claim(1)
        for _ in range(3):
            clock.turn(LEASE - 1)
            await ledger.renew()
            assert not await ledger.claim(1)
            assert not await ledger.take_over(1)
        assert (await ledger.record(attempted(taken.delivery, "77"))).status is Status.ACCEPTED

    keeping.run(story)


def test_renew_does_not_take_back(keeping: Keeping) -> None:
    """Renewing brings nothing back that another holder has taken."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, _ = await taken_from(ours, theirs, clock)
        await ours.renew()
        clock.turn(LEASE - 1)
        await ours.renew()
        clock.turn(2)
        assert [job.id for job in await theirs.take_over(1)] == [before.id]

    keeping.run(story, holders=2)


STALE: dict[str, Write] = {
    "accepted": lambda ledger, delivery: ledger.record(attempted(delivery, "late")),
    "unknown": lambda ledger, delivery: ledger.record(attempted(delivery, None)),
    "queued": lambda ledger, delivery: ledger.record(attempted(delivery, None, status=Status.QUEUED)),
    "refused": lambda ledger, delivery: ledger.record(
        attempted(delivery, Outcome.refused(Reason.BALANCE, code="405"))
    ),
    "submitting": lambda ledger, delivery: ledger.submitting(
        attempted(delivery, Outcome.not_sent(), status=Status.SENDING), "another"
    ),
}


@pytest.mark.parametrize("write", STALE.values(), ids=STALE)
def test_fenced_while_another_holds_it(keeping: Keeping, write: Write) -> None:
    """A write by a former holder changes no state; it is told so, and what it saw is kept as steps."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, after = await taken_from(ours, theirs, clock)
        with pytest.raises(LeaseLost):
            await write(ours, before.delivery)
        found = await theirs.job(before.id)
        assert found is not None
        assert (found.delivery.status, found.instance) == (Status.SENDING, after.instance)
        assert [step.number for step in found.delivery.steps if isinstance(step, Attempt)] == [1]
        assert not await ours.claim(1)
        done = await theirs.record(attempted(after.delivery, "77"))
        assert (done.status, done.provider_message_id) == (Status.ACCEPTED, "77")

    keeping.run(story, holders=2)


@pytest.mark.parametrize("write", STALE.values(), ids=STALE)
def test_fenced_after_another_ended_it(keeping: Keeping, write: Write) -> None:
    """A write by a former holder changes nothing in what its successor has brought to an end."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, after = await taken_from(ours, theirs, clock)
        done = await theirs.record(attempted(after.delivery, None, provider="recovery"))
        with pytest.raises(LeaseLost):
            await write(ours, before.delivery)
        found = await kept(ours, before.id)
        assert (found.status, found.provider) == (Status.UNKNOWN, "recovery")
        assert found.steps[: len(done.steps)] == done.steps
        late = [step for step in found.steps[len(done.steps) :] if isinstance(step, Attempt)]
        assert [step.provider for step in late] == ["sms"]
        assert found.attempts[:1] == done.attempts

    keeping.run(story, holders=2)


def test_fenced_after_it_went_back(keeping: Keeping) -> None:
    """Nor does it disturb what its successor has put back into the queue."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, after = await taken_from(ours, theirs, clock)
        await theirs.record(attempted(after.delivery, None, status=Status.QUEUED, due=clock.moment(5)))
        with pytest.raises(LeaseLost):
            await ours.record(attempted(before.delivery, "late"))
        assert (await kept(ours, before.id)).status is Status.QUEUED
        clock.turn(5)
        assert [job.id for job in await ours.claim(1)] == [before.id]

    keeping.run(story, holders=2)


def test_fenced_from_itself(keeping: Keeping) -> None:
    """A holder that lost a delivery and got it back by claiming writes under its new lease."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, _ = await taken_from(ours, theirs, clock)
        clock.turn(LEASE + 1)
        (again,) = await ours.take_over(1)
        assert again.id == before.id
        assert (await ours.record(attempted(again.delivery, "77"))).status is Status.ACCEPTED

    keeping.run(story, holders=2)


def test_late_result_is_known_by_its_id(keeping: Keeping) -> None:
    """A receipt for what a former holder saw accepted still finds its delivery and raises it."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        before, after = await taken_from(ours, theirs, clock)
        await theirs.record(attempted(after.delivery, None))
        with pytest.raises(LeaseLost):
            await ours.record(attempted(before.delivery, "late"))
        found = await theirs.find("sms", "late")
        assert found is not None
        assert found.id == before.id
        raised, news = await theirs.receive(receipt("late"))
        assert raised is not None
        assert (raised.id, raised.status, news) == (before.id, Status.DELIVERED, True)

    keeping.run(story, holders=2)


def test_never_held(keeping: Keeping) -> None:
    """A write about what was never held changes nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = queued(clock)
        await ledger.open(job)
        for write in STALE.values():
            with pytest.raises(LeaseLost):
                await write(ledger, job.delivery)
            assert (await kept(ledger, job.id)).status is Status.QUEUED
        assert [taken.id for taken in await ledger.claim(1)] == [job.id]

    keeping.run(story)


def test_code_is_erased_at_its_end(keeping: Keeping) -> None:
    """A code's words are there while it can still be sent, and gone once it has come to an end."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for end in (Status.ACCEPTED, Status.UNKNOWN, Status.EXPIRED, Status.CANCELLED):
            job = queued(clock, category=Category.OTP, text="Your code is 246810", deadline=50.5)
            await ledger.open(job)
            found = await ledger.job(job.id)
            assert found is not None
            assert found.message == job.message
            if end is Status.EXPIRED:
                clock.turn(51)
                assert len(await ledger.expire()) == 1
            elif end is Status.CANCELLED:
                await ledger.cancel(delivery_id=job.id)
            else:
                (taken,) = await ledger.claim(1, submitting=True)
                again = attempted(
                    taken.delivery, Outcome.not_sent(), status=Status.QUEUED, due=clock.moment()
                )
                await ledger.record(again)
                (taken,) = await ledger.claim(1, submitting=True)
                assert taken.message == job.message
                await ledger.record(attempted(taken.delivery, "77" if end is Status.ACCEPTED else None))
            assert (await kept(ledger, job.id)).status is end
            assert await ledger.job(job.id) is None

    keeping.run(story)


def test_other_words_stay(keeping: Keeping) -> None:
    """What is no code keeps its words after its end, so that an operator can have it sent again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        job = sending(clock)
        await ledger.open(job)
        unknown = await ledger.record(attempted(job.delivery, None))
        found = await ledger.job(job.id)
        assert found is not None
        assert (found.message, found.delivery) == (job.message, unknown)

    keeping.run(story)
