"""The ledger in memory: keys, receipts that come early, twice, out of order, or for somebody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.errors import KeyReused
from notifyhub.ledger import MemoryLedger
from notifyhub.message import new_id
from notifyhub.outcome import Attempt, Delivery, Outcome, Receipt, Reply, Status

NUMBER = "+8613800138000"


def sending(key: str | None = None) -> Delivery:
    return Delivery(
        id=new_id(), status=Status.SENDING, channel="sms", category=Category.OTP, address=NUMBER, key=key
    )


def accepted(delivery: Delivery, vendor_id: str = "77") -> Delivery:
    attempt = Attempt(
        delivery_id=delivery.id, number=1, provider="sms", provider_type="x", started_at=datetime.now(UTC),
        elapsed_ms=1.0, outcome=Outcome.accepted(vendor_id), allowed="done",
    )  # fmt: skip
    return replace(delivery, status=Status.ACCEPTED, provider_message_id=vendor_id, attempts=(attempt,))


def receipt(delivered: bool = True, *, vendor_id: str = "77", address: str = NUMBER) -> Receipt:
    return Receipt(provider="sms", provider_message_id=vendor_id, delivered=delivered, address=address)


def test_same_key_same_request() -> None:
    """The same request under the same key gives the first delivery back."""

    async def story() -> None:
        ledger = MemoryLedger()
        first = await ledger.open(sending("k"), "f")
        again = await ledger.open(sending("k"), "f")
        assert again.id == first.id
        with pytest.raises(KeyReused):
            await ledger.open(sending("k"), "another")

    asyncio.run(story())


def test_receipt_raises_the_status() -> None:
    """A receipt that matches by id and number makes an accepted delivery delivered, once."""

    async def story() -> None:
        ledger = MemoryLedger()
        delivery = accepted(await ledger.open(sending(), ""))
        await ledger.record(delivery)
        after, news = await ledger.receive(receipt())
        assert after is not None
        assert (after.status, news, after.receipts[0].delivery_id) == (Status.DELIVERED, True, delivery.id)
        assert (await ledger.receive(receipt())) == (after, False)

    asyncio.run(story())


def test_forged_number() -> None:
    """A receipt with the right id and another number changes nothing."""

    async def story() -> None:
        ledger = MemoryLedger()
        await ledger.record(accepted(sending()))
        assert await ledger.receive(receipt(address="+8613900139000")) == (None, False)
        found = await ledger.find("sms", "77")
        assert found is not None
        assert found.status is Status.ACCEPTED

    asyncio.run(story())


def test_early_receipt() -> None:
    """A receipt that comes before the submission is recorded is parked and joined."""

    async def story() -> None:
        ledger = MemoryLedger()
        opened = await ledger.open(sending(), "")
        assert await ledger.receive(receipt()) == (None, True)
        assert await ledger.receive(receipt()) == (None, False)
        kept = await ledger.record(accepted(opened))
        assert (kept.status, len(kept.receipts)) == (Status.DELIVERED, 1)

    asyncio.run(story())


def test_parked_forgery_is_not_joined() -> None:
    """A parked receipt with another number is dropped when the id turns up."""

    async def story() -> None:
        ledger = MemoryLedger()
        await ledger.receive(receipt(address="+8613900139000"))
        assert (await ledger.record(accepted(sending()))).status is Status.ACCEPTED

    asyncio.run(story())


def test_parked_for_a_day() -> None:
    """What is parked is forgotten after a day."""

    async def story() -> None:
        now = [0.0]
        ledger = MemoryLedger(clock=lambda: now[0])
        await ledger.receive(receipt(vendor_id="1"))
        now[0] = 24 * 3600.0
        await ledger.receive(receipt(vendor_id="2"))
        assert list(ledger._parked) == [("sms", "2")]

    asyncio.run(story())


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_receipts_in_any_order(news: list[bool]) -> None:
    """Whatever order receipts come in, delivered once is delivered for good."""

    async def story() -> None:
        ledger = MemoryLedger()
        await ledger.record(accepted(sending()))
        ranks = {Status.ACCEPTED: 0, Status.UNDELIVERED: 1, Status.DELIVERED: 2}
        seen = [0]
        for delivered in news:
            after, _ = await ledger.receive(receipt(delivered))
            assert after is not None
            seen.append(ranks[after.status])
        assert seen == sorted(seen)
        assert seen[-1] == (2 if any(news) else 1)

    asyncio.run(story())


def test_record_keeps_a_receipt_that_came_meanwhile() -> None:
    """Recording a state read before a receipt came does not undo the receipt."""

    async def story() -> None:
        ledger = MemoryLedger()
        delivery = accepted(sending())
        await ledger.record(delivery)
        await ledger.receive(receipt())
        assert (await ledger.record(delivery)).status is Status.DELIVERED

    asyncio.run(story())


def test_replies_are_heard_once() -> None:
    """A reply pushed twice is news once; its hint is believed only where the number matches."""

    async def story() -> None:
        ledger = MemoryLedger()
        delivery = accepted(sending())
        await ledger.record(delivery)
        reply = Reply(provider="sms", address=NUMBER, text="TD", provider_message_id="77")
        assert await ledger.hear(reply) == (replace(reply, delivery_id=delivery.id), True)
        assert (await ledger.hear(reply))[1] is False
        stranger = replace(reply, address="+8613900139000")
        assert (await ledger.hear(stranger))[0].delivery_id is None

    asyncio.run(story())


def test_bounded() -> None:
    """The oldest deliveries make room, with their keys and ids."""

    async def story() -> None:
        ledger = MemoryLedger(capacity=10)
        for n in range(50):
            opened = await ledger.open(sending(f"k{n}"), "")
            await ledger.record(accepted(opened, str(n)))
            await ledger.receive(receipt(vendor_id=f"parked {n}"))
        assert len(ledger._deliveries) == len(ledger._keys) == len(ledger._by_vendor_id) == 10
        assert len(ledger._parked) <= 10

    asyncio.run(story())
