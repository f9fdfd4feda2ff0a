"""The ledger's contract: what vendors push comes early, twice, out of order or for somebody else."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from notifyhub.category import Category
from notifyhub.errors import LeaseLost
from notifyhub.ledger import Ledger
from notifyhub.outcome import Delivery, Outcome, Reply, Status
from notifyhub.reason import Reason
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, attempted, queued, receipt, sending
from tests.ledger.keepings import LEASE, Keeping

DAY = 24 * 3600.0


async def accepted(ledger: Ledger, clock: Clock, vendor_id: str = "77") -> Delivery:
    """A delivery that a vendor has taken."""
    return await ledger.record(attempted(await ledger.open(sending(clock)), vendor_id))


@pytest.mark.parametrize("delivered", [True, False])
def test_receipt(keeping: Keeping, delivered: bool) -> None:
    """A receipt that matches by id and number raises the status, and is kept whole."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        before = await accepted(ledger, clock)
        said = replace(receipt("77", delivered=delivered), detail="送达", reported_at=clock.moment(-3))
        after, news = await ledger.receive(said)
        assert after is not None
        assert news
        assert after.status is (Status.DELIVERED if delivered else Status.UNDELIVERED)
        assert after.receipts == (replace(said, delivery_id=before.id),)
        assert after.steps[: len(before.steps)] == before.steps
        assert len(after.steps) == len(before.steps) + 1
        assert after.attempts == before.attempts
        assert await ledger.get(before.id) == await ledger.find("sms", "77") == after

    keeping.run(story)


def test_repeated_receipt(keeping: Keeping) -> None:
    """A receipt pushed again is no news and changes nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await accepted(ledger, clock)
        once, _ = await ledger.receive(receipt("77"))
        assert await ledger.receive(replace(receipt("77"), detail="other words")) == (once, False)

    keeping.run(story)


def test_forged_number(keeping: Keeping) -> None:
    """A receipt with the right id and another number, or from another instance, changes nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        before = await accepted(ledger, clock)
        assert await ledger.receive(receipt("77", address=OTHER_ADDRESS)) == (None, False)
        assert await ledger.receive(receipt("77", provider="another")) == (None, True)
        assert await ledger.get(before.id) == before

    keeping.run(story)


def test_receipts_in_any_order(keeping: Keeping) -> None:
    """Whatever order receipts come in, no status is lowered: delivered once is delivered for good."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        rank = {Status.ACCEPTED: 0, Status.UNDELIVERED: 1, Status.DELIVERED: 2}
        orders = {order for many in (1, 2, 3) for order in permutations([True, False, True], many)}
        for number, order in enumerate(sorted(orders)):
            await accepted(ledger, clock, str(number))
            seen = [0]
            for delivered in order:
                after, _ = await ledger.receive(receipt(str(number), delivered=delivered))
                assert after is not None
                seen.append(rank[after.status])
            assert seen == sorted(seen)
            assert seen[-1] == (2 if any(order) else 1)

    keeping.run(story)


def test_early_receipt(keeping: Keeping) -> None:
    """A receipt that comes before the submission is recorded is parked once and joined by the record."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock))
        assert await ledger.receive(receipt("77")) == (None, True)
        assert await ledger.receive(receipt("77")) == (None, False)
        kept = await ledger.record(attempted(opened, "77"))
        assert (kept.status, len(kept.receipts)) == (Status.DELIVERED, 1)
        assert kept.receipts[0].delivery_id == opened.id
        assert await ledger.get(opened.id) == kept
        assert await ledger.receive(receipt("77")) == (kept, False)

    keeping.run(story)


def test_early_receipts_that_disagree(keeping: Keeping) -> None:
    """Of early receipts that disagree the better one counts, and both are kept."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock))
        await ledger.receive(receipt("77"))
        await ledger.receive(receipt("77", delivered=False))
        kept = await ledger.record(attempted(opened, "77"))
        assert (kept.status, len(kept.receipts)) == (Status.DELIVERED, 2)

    keeping.run(story)


def test_parked_forgery_is_not_joined(keeping: Keeping) -> None:
    """An early receipt with another number is not joined when the id turns up."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.receive(receipt("77", address=OTHER_ADDRESS))
        await ledger.receive(receipt("77", provider="another"))
        kept = await accepted(ledger, clock)
        assert (kept.status, kept.receipts) == (Status.ACCEPTED, ())

    keeping.run(story)


def test_parked_for_a_day(keeping: Keeping) -> None:
    """An early receipt is kept for a day and then forgotten."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.receive(receipt("1"))
        clock.turn(DAY - 60)
        await ledger.receive(receipt("2"))
        assert (await accepted(ledger, clock, "1")).status is Status.DELIVERED
        clock.turn(DAY + 60)
        await ledger.receive(receipt("3"))
        assert (await accepted(ledger, clock, "2")).status is Status.ACCEPTED
        assert (await accepted(ledger, clock, "3")).status is Status.DELIVERED

    keeping.run(story)


def test_parked_in_bounds(keeping: Keeping) -> None:
    """However many receipts are pushed under one unknown id, only a few wait."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        news = [(await ledger.receive(receipt("77", address=f"+86138001380{n:02}")))[1] for n in range(20)]
        assert news == [True] * 8 + [False] * 12

    keeping.run(story)


def test_receipt_for_an_earlier_attempt(keeping: Keeping) -> None:
    """A delivery is known by every id that a vendor gave for it, whichever attempt it was."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock))
        uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id="u1")
        kept = await ledger.record(attempted(attempted(opened, uncertain, provider="first"), "77"))
        for provider, vendor_id in (("first", "u1"), ("sms", "77")):
            assert await ledger.find(provider, vendor_id) == kept
        after, _ = await ledger.receive(receipt("u1", provider="first"))
        assert after is not None
        assert after.status is Status.DELIVERED

    keeping.run(story)


def test_receipt_while_it_is_sent(keeping: Keeping) -> None:
    """A receipt for a copy that is out ends a delivery that is being sent; the holder's word is added."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock, category=Category.ALERT))
        uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id="u1")
        first = attempted(opened, uncertain, status=Status.SENDING)
        await ledger.submitting(first, "second")
        after, news = await ledger.receive(receipt("u1"))
        assert after is not None
        assert (after.status, news) == (Status.DELIVERED, True)
        kept = await ledger.record(attempted(first, "77", provider="second"))
        assert kept.status is Status.DELIVERED
        assert [attempt.provider for attempt in kept.attempts] == ["sms", "second"]
        assert len(kept.receipts) == 1
        assert await ledger.find("second", "77") == kept == await ledger.get(opened.id)
        clock.turn(LEASE + 1)
        assert not await ledger.take_over(1)

    keeping.run(story)


def test_nothing_more_is_submitted_after_a_receipt(keeping: Keeping) -> None:
    """Once a receipt says that a copy arrived, the holder is held off from submitting another one."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        opened = await ledger.open(sending(clock, category=Category.ALERT))
        uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id="u1")
        first = attempted(opened, uncertain, status=Status.SENDING)
        await ledger.submitting(first, "sms")
        await ledger.receive(receipt("u1"))
        with pytest.raises(LeaseLost):
            await ledger.submitting(first, "second")
        kept = await ledger.get(opened.id)
        assert kept is not None
        assert kept.status is Status.DELIVERED

    keeping.run(story)


def test_receipt_while_it_is_queued(keeping: Keeping) -> None:
    """A receipt for a copy that is out ends a delivery that waits for its next attempt."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.open(queued(clock, category=Category.ALERT))
        (taken,) = await ledger.claim(1, submitting=True)
        uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id="u1")
        await ledger.record(attempted(taken.delivery, uncertain, status=Status.QUEUED, due=clock.moment()))
        after, _ = await ledger.receive(receipt("u1"))
        assert after is not None
        assert after.status is Status.DELIVERED
        assert not await ledger.claim(1)
        assert (await ledger.backlog()).ready == 0

    keeping.run(story)


def test_record_keeps_a_receipt_that_came_meanwhile(keeping: Keeping) -> None:
    """Recording a state read before a receipt came does not undo the receipt."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        done = attempted(await ledger.open(sending(clock)), "77")
        await ledger.record(done)
        after, _ = await ledger.receive(receipt("77"))
        with pytest.raises(LeaseLost):
            await ledger.record(done)
        assert after is not None
        assert await ledger.get(after.id) == after

    keeping.run(story)


def test_receipt_for_what_was_unknown(keeping: Keeping) -> None:
    """A receipt settles a delivery that was held as unknown, and an operator's word that differed."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id="u1")
        held = await ledger.record(attempted(await ledger.open(sending(clock)), uncertain))
        await ledger.resolve(held.id, Status.UNDELIVERED, "operator: nothing came")
        after, _ = await ledger.receive(receipt("u1"))
        assert after is not None
        assert after.status is Status.DELIVERED

    keeping.run(story)


def test_receipts_at_two_holders(keeping: Keeping) -> None:
    """It does not matter which process a receipt comes to."""

    async def story(ours: Ledger, theirs: Ledger, clock: Clock) -> None:
        opened = await ours.open(sending(clock))
        assert await theirs.receive(receipt("77")) == (None, True)
        assert (await ours.record(attempted(opened, "77"))).status is Status.DELIVERED
        assert (await theirs.receive(receipt("77")))[1] is False

    keeping.run(story, holders=2)


def test_replies(keeping: Keeping) -> None:
    """A reply pushed twice is news once; its hint is believed only where the number matches."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        delivery = await accepted(ledger, clock)
        reply = Reply(
            provider="sms", address=ADDRESS, text="TD", provider_message_id="77", received_at=clock.moment()
        )
        assert await ledger.hear(reply) == (replace(reply, delivery_id=delivery.id), True)
        assert await ledger.hear(reply) == (replace(reply, delivery_id=delivery.id), False)
        assert await ledger.hear(replace(reply, text="再见")) == (
            replace(reply, text="再见", delivery_id=delivery.id),
            True,
        )
        for stranger in (
            replace(reply, address=OTHER_ADDRESS),
            replace(reply, provider_message_id="78"),
            replace(reply, provider_message_id=None),
        ):
            assert await ledger.hear(stranger) == (stranger, True)
            assert await ledger.hear(stranger) == (stranger, False)

    keeping.run(story)
