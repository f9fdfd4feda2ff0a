"""Escalation: what is not delivered in time is followed by another channel or instance, and by no more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Delivery, DeliveryPolicy, Hub, Outcome, Reason, Recipient, Status
from notifyhub.category import OnUnknown
from notifyhub.chain import follow_up_key
from notifyhub.errors import NotificationError, SettingsError, UnknownDelivery
from notifyhub.ledger import Ledger, MemoryLedger, open_ledger
from notifyhub.outcome import Receipt
from notifyhub.providers import ParsedPush, Push, PushAnswer
from notifyhub.sync import SyncHub
from notifyhub.testing import RecordingProvider
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, PushReceiver, Simulator

NUMBER = "+8613800138000"
SOON = 0.15
ALERT = {"text": "the door is open", "to": NUMBER, "category": "alert"}

Story = Callable[..., Coroutine[Any, Any, None]]


class Pushing(RecordingProvider):
    """Reads a push of one field as the receipt for that id."""

    def parse_push(self, push: Push) -> ParsedPush:
        receipt = Receipt(
            provider="?", provider_message_id=push.body.decode(), delivered=True, address=NUMBER
        )
        return ParsedPush((receipt,), PushAnswer(200, "ok"))


def tables(*steps: dict[str, Any], category: Any = "alert", **more: Any) -> dict[str, Any]:
    """Settings that escalate alerts; by a call, unless other steps are given."""
    escalation = {"category": category, "steps": list(steps) or [{"after": SOON, "channel": "voice"}]}
    return {"policies": {"escalations": [escalation]}, **more}


def sqlite(folder: Path) -> Ledger:
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=30.0, keys=(), folder=folder)


def play(
    story: Story, folder: Path, *, ledger: Ledger | None = None, settings: Any = None
) -> tuple[RecordingProvider, RecordingProvider]:
    """A story with a vendor for texts and one for calls, on SQLite unless it says otherwise."""
    texts, calls = Pushing("texts", channels={"sms"}), Pushing("calls", channels={"voice"})

    async def run() -> None:
        providers = {"texts": texts, "calls": calls}
        async with Hub(settings or tables(), providers=providers, ledger=ledger or sqlite(folder)) as hub:
            await story(hub, texts, calls)

    asyncio.run(asyncio.wait_for(run(), 30))
    return texts, calls


async def later(hub: Hub) -> None:
    """Work until nothing is due, once the follow-ups are."""
    await asyncio.sleep(SOON + 0.05)
    await hub.run_worker(drain=True)


async def follow_up(hub: Hub, first: Delivery, number: int = 1) -> Delivery:
    found = await hub.ledger.by_key(follow_up_key(first.id, number))
    assert found is not None
    return found


def test_a_call_follows(tmp_path: Path) -> None:
    """A text without a receipt is followed by a call, which names it; the text names the call."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.send(**ALERT)
        assert first.status is Status.ACCEPTED
        assert calls.messages == ()
        call = await follow_up(hub, first)
        assert (call.status, call.escalates, call.channel) == (Status.QUEUED, first.id, "voice")
        assert f"followed by voice after {SOON:g} s ({call.id})" in first.explain()
        await later(hub)
        assert (await hub.delivery(call.id)).status is Status.ACCEPTED
        assert f"follows {first.id}" in (await hub.delivery(call.id)).explain()

    texts, calls = play(story, tmp_path)
    assert [message.text for message in (*texts.messages, *calls.messages)] == [ALERT["text"]] * 2


def test_a_receipt_in_time(tmp_path: Path) -> None:
    """Delivered by the vendor's word, nothing follows: it is cancelled when the receipt comes."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.enqueue(**ALERT)
        await hub.run_worker(drain=True)
        await hub.receive_push("texts", Push(body=b"recorded-1"))
        call = await follow_up(hub, first)
        assert call.status is Status.CANCELLED
        assert f"{first.id} is delivered" in call.explain()
        await later(hub)

    assert play(story, tmp_path)[1].messages == ()


def test_a_receipt_that_nobody_told_of(tmp_path: Path) -> None:
    """What holds is the look at the chain when the follow-up comes up, whoever took the receipt in."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.send(**ALERT)
        await hub.ledger.receive(
            Receipt(provider="texts", provider_message_id="recorded-1", delivered=True, address=NUMBER)
        )
        await later(hub)
        call = await follow_up(hub, first)
        assert call.status is Status.CANCELLED
        assert f"{first.id} is delivered" in call.explain()

    assert play(story, tmp_path)[1].messages == ()


@pytest.mark.parametrize("which", ["first", "follow-up"])
def test_acknowledged(tmp_path: Path, which: str) -> None:
    """By anybody, of any message of the chain, twice: nothing follows any more, and it says who."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.send(**ALERT)
        call = await follow_up(hub, first)
        told = await hub.acknowledge(first.id if which == "first" else call.id, by="Li\n Lei")
        again = await hub.acknowledge(first.id, by="somebody else")
        assert told.id in (first.id, call.id)
        assert "acknowledged by Li Lei" in again.explain()
        assert "somebody else" not in again.explain()
        call = await hub.delivery(call.id)
        assert call.status is Status.CANCELLED
        assert "acknowledged by Li Lei" in call.explain()
        with pytest.raises(NotificationError, match="by: is empty"):
            await hub.acknowledge(first.id, by=" ")
        with pytest.raises(UnknownDelivery):
            await hub.acknowledge("nobody", by="Li")
        await later(hub)

    assert play(story, tmp_path)[1].messages == ()


def test_copies_of_the_chain_together(tmp_path: Path) -> None:
    """Two uncertain texts of three allowed leave one call; after that nothing more follows."""
    steps = [{"after": SOON, "channel": "voice"}, {"after": SOON + 0.01, "provider": "texts"}]

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        unsure = Outcome.unknown(Reason.TIMEOUT)
        texts.will_answer(unsure, unsure)
        calls.will_answer(unsure, unsure)
        first = await hub.send(
            **ALERT,
            delivery=DeliveryPolicy(on_unknown=OnUnknown.RETRY, max_submits=3, backoff=0.01, retries=0),
        )
        assert first.copies == 2
        await later(hub)
        await asyncio.sleep(2.1)  # the second stands back while the first is being sent
        await hub.run_worker(drain=True)
        call, text = await follow_up(hub, first), await follow_up(hub, first, 2)
        assert (call.status, call.copies) == (Status.UNKNOWN, 1)
        assert (text.status, text.copies) == (Status.SUPPRESSED, 0)
        assert "3 copies may be out, 3 at most" in text.explain()

    texts, calls = play(story, tmp_path, settings=tables(*steps))
    assert (len(texts.messages), len(calls.messages)) == (2, 1)


def test_by_another_instance_only(tmp_path: Path) -> None:
    """A follow-up through a provider goes to that one, whatever the routes say."""
    steps = [{"after": SOON, "provider": "spare"}]
    first, spare = RecordingProvider("main"), RecordingProvider("spare")
    settings = tables(*steps, routes=[{"providers": ["main"], "channel": "sms"}])

    async def run() -> None:
        async with Hub(settings, providers={"main": first, "spare": spare}, ledger=sqlite(tmp_path)) as hub:
            sent = await hub.send(**ALERT)
            await later(hub)
            assert "route: escalation to spare" in (await follow_up(hub, sent)).explain()

    asyncio.run(run())
    assert (len(first.messages), len(spare.messages)) == (1, 1)


def test_what_cannot_follow_is_left_out(tmp_path: Path) -> None:
    """Without an address for a channel its step is left out, told, and the others stay."""
    steps = [{"after": SOON, "channel": "email"}, {"after": SOON + 0.01, "channel": "voice"}]

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.send(**ALERT)
        assert "email after 0.15 s is left out: the recipient has no address" in first.explain()
        assert (await follow_up(hub, first)).channel == "voice"

    play(story, tmp_path, settings=tables(*steps))


@pytest.mark.parametrize("category", ["order", "marketing"])
def test_never_for_what_holds(category: str) -> None:
    """A category that holds cannot be escalated; nor can everything, and an instance must exist."""
    with pytest.raises(SettingsError, match=f"{category} holds"):
        Hub(tables(category=category))
    with pytest.raises(SettingsError, match="is for everything"):
        Hub(tables(category=[]))
    with pytest.raises(SettingsError, match="no provider instance is called `nobody`"):
        Hub(tables({"after": 1, "provider": "nobody"}))


def test_a_notice_that_holds(tmp_path: Path) -> None:
    """A table for a notice whose category holds is told of when the notice is first asked for."""
    settings = {
        "policies": {"escalations": [{"notice": "order/paid", "steps": [{"after": 1, "channel": "voice"}]}]}
    }

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        data = hub.catalog.notice("order/paid").manifest.examples()
        with pytest.raises(SettingsError, match="order holds"):
            await hub.send("order/paid", to=NUMBER, data=data)

    play(story, tmp_path, settings=settings)


def test_after_a_restart(tmp_path: Path) -> None:
    """What was to follow follows, in whichever process works then; the same request makes no second chain."""
    first: list[Delivery] = []

    async def before(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first.append(await hub.send(**ALERT, key="door"))
        assert (await hub.send(**ALERT, key="door")).id == first[0].id

    async def after(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        await later(hub)
        assert (await follow_up(hub, first[0])).status is Status.ACCEPTED

    play(before, tmp_path)
    assert len(play(after, tmp_path)[1].messages) == 1


def test_the_first_goes_first(tmp_path: Path) -> None:
    """Where both are due, because nobody worked for a while, the follow-up stands back."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        first = await hub.enqueue(**ALERT)
        await asyncio.sleep(SOON + 0.1)
        await hub.run_worker(drain=True)
        call = await follow_up(hub, first)
        assert (await hub.delivery(first.id)).status is Status.ACCEPTED
        if call.status is Status.QUEUED:
            assert calls.messages == ()
            assert "another of its escalation is being sent" in call.explain()

    play(story, tmp_path)


def test_where_nothing_can_be_sent_by_the_first(tmp_path: Path) -> None:
    """A text that nobody takes waits for better times, and meanwhile the call goes."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        texts.will_answer(*[Outcome.not_sent()] * 20)
        first = await hub.send(**ALERT)
        assert first.status is Status.NOT_SENT
        await later(hub)

    assert len(play(story, tmp_path)[1].messages) == 1


def test_cancelled_by_the_application(tmp_path: Path) -> None:
    """A first that is cancelled is followed by nothing."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        at = datetime.now(UTC) + timedelta(seconds=0.05)
        first = await hub.enqueue(**ALERT, send_at=at)
        await hub.cancel(first.id)
        await asyncio.sleep(0.1)
        await later(hub)
        assert (await follow_up(hub, first)).status is Status.CANCELLED

    assert play(story, tmp_path)[1].messages == ()


def test_in_memory(tmp_path: Path) -> None:
    """Without a worker in the process nothing follows, and it says so; with one it does."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        alone = await hub.send(**ALERT)
        assert "no worker runs here" in alone.explain()
        worker = hub.worker()
        await hub.send(**ALERT)
        await asyncio.sleep(SOON + 0.05)
        await worker.run(drain=True)

    assert len(play(story, tmp_path, ledger=MemoryLedger())[1].messages) == 1


def test_acknowledged_from_a_thread(tmp_path: Path) -> None:
    """SyncHub acknowledges as Hub does."""
    with SyncHub(tables(), providers={"v": RecordingProvider("v")}, ledger=sqlite(tmp_path)) as hub:
        first = hub.send(**ALERT)
        assert "acknowledged by Li" in hub.acknowledge(first.id, by="Li").explain()


def test_whom_the_call_is_for(tmp_path: Path) -> None:
    """The follow-up goes to the recipient's own address for its channel."""

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        to = Recipient(addresses={"sms": NUMBER, "voice": "+8613900139000"})
        await hub.send(**{**ALERT, "to": to})
        await later(hub)

    assert play(story, tmp_path)[1].last.to == "+8613900139000"


@pytest.mark.parametrize(("number", "calls"), [("13800138000", 0), ("13700000048", 1)])
def test_receipts_over_http(tmp_path: Path, number: str, calls: int) -> None:
    """The gateway's own push ends the chain; to a number that no receipt comes for the call goes out."""
    voice = RecordingProvider("voice", channels={"voice"})

    async def run() -> None:
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(Simulator(receipt_delay=0.01))
            account = {"account": DEMO_ACCOUNT, "api_key": DEMO_API_KEY, "base_url": gateway.base_url}
            settings = tables(
                {"after": 0.5, "channel": "voice"}, providers={"sms": {"type": "ihuyi", **account}}
            )
            hub = await stack.enter_async_context(
                Hub(settings, providers={"voice": voice}, ledger=sqlite(tmp_path))
            )

            async def take(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
                return await hub.receive_push("sms", {"method": method, "headers": headers, "body": body})

            receiver = await stack.enter_async_context(PushReceiver(take))
            gateway.push_to = receiver.url
            data = hub.catalog.notice("login/alert").manifest.examples()
            words = hub.preview("login/alert", to=number, data=data).text
            first = await hub.send(text=words, to=number, category="alert")
            await gateway.drain()
            await asyncio.sleep(0.6)
            await hub.run_worker(drain=True)
            call = await follow_up(hub, first)
            assert call.status is (Status.ACCEPTED if calls else Status.CANCELLED), call.explain()

    asyncio.run(run())
    assert len(voice.messages) == calls


@pytest.mark.parametrize("kept", [True, False])
def test_in_the_callers_transaction(tmp_path: Path, kept: bool) -> None:
    """The first and what follows it are there if, and only if, the caller's transaction commits."""
    path = tmp_path / "n.db"

    async def story(hub: Hub, texts: RecordingProvider, calls: RecordingProvider) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            first = await hub.enqueue(**ALERT, connection=connection)
            connection.execute("COMMIT" if kept else "ROLLBACK")
        found = await hub.ledger.by_key(follow_up_key(first.id, 1))
        assert (found is not None) is kept
        assert (await hub.ledger.get(first.id) is not None) is kept

    play(story, tmp_path)
