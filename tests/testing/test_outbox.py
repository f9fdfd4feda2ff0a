"""What an application sends in its tests is seen, and goes to nobody."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from notifyhub import (
    Delivery,
    DeliveryPolicy,
    Hub,
    Message,
    NoRoute,
    Outcome,
    Reason,
    Recipient,
    Status,
    SyncHub,
    provider,
)
from notifyhub.testing import Outbox, RecordingProvider

pytest_plugins = ["pytester", "notifyhub.testing.fixtures"]

NUMBER = "+8613800138000"
ASKED: list[Message] = []


@provider("vendor", channels={"sms"})
async def vendor(message: Message) -> Outcome:
    """A vendor that nobody may ask in these tests."""
    ASKED.append(message)
    return Outcome.accepted("real")


@pytest.fixture(autouse=True)
def _nobody_was_asked() -> None:
    ASKED.clear()


def _send(hub: Hub, text: str = "hello", to: str = NUMBER) -> Delivery:
    return asyncio.run(hub.send(text=text, to=to))


def test_its_own_hub(outbox: Outbox) -> None:
    """`outbox.hub` takes every channel, and keeps what was sent."""

    async def application(hub: Hub) -> None:
        delivery = await hub.send(text="your parcel", to="138 0013 8000")
        assert (delivery.status, delivery.provider_message_id) == (Status.ACCEPTED, "recorded-1")
        await hub.send(text="a letter", to="a@b.example")
        await hub.send(text="in the room", to="#orders", channel="chat")

    asyncio.run(application(outbox.hub))
    assert [message.channel for message in outbox.messages] == ["sms", "email", "chat"]
    assert outbox.text_to("13800138000") == outbox.text_to(NUMBER) == "your parcel"
    assert outbox.text_to("A@b.example".lower()) == "a letter"
    assert outbox.last.text == outbox.text_to("#orders") == "in the room"


def test_its_own_sync_hub(outbox: Outbox) -> None:
    """`outbox.sync_hub` is the same for synchronous code, and is closed with the box."""
    with Outbox() as box:
        hub = box.sync_hub
        assert hub.send(text="hello", to=NUMBER).ok
        box.assert_sent(to=NUMBER)
    with pytest.raises(RuntimeError, match="closed"):
        hub.send(text="hello", to=NUMBER)


def test_a_hub_made_before_leads_here() -> None:
    """A hub that the application made long before the test leads to the box while it is open, then back."""
    hub = Hub(providers={"sms": vendor})
    with Outbox() as box:
        delivery = _send(hub)
        assert (delivery.provider, delivery.provider_message_id) == ("sms", "recorded-1")
        assert (len(box.messages), ASKED) == (1, [])
    assert _send(hub).provider_message_id == "real"
    assert len(box.messages) == 1


def test_a_hub_from_settings_leads_here(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Hub.from_settings` and `SyncHub.from_settings` within the application are caught as well."""
    monkeypatch.setenv("KEY", "any-words-will-do")
    (tmp_path / "notifyhub.toml").write_text(
        '[providers.sms]\ntype = "ihuyi"\naccount = "C1"\napi_key = "env:KEY"\nbase_url = "http://127.0.0.1:9"\n'
    )
    monkeypatch.chdir(tmp_path)
    with SyncHub.from_settings() as hub:
        delivery = hub.send(text="hello", to=NUMBER)
        assert (delivery.status, delivery.provider) == (Status.ACCEPTED, "sms")
        assert outbox.assert_sent(to=NUMBER, channel="sms", containing="hell").text == "hello"


def test_what_a_vendor_cannot_carry_is_refused(outbox: Outbox) -> None:
    """A stand-in refuses what its instance would refuse for want of a channel, country or length."""
    settings = {"providers": {"sms": {"type": "ihuyi", "account": "C1", "api_key": "any-words-will-do"}}}
    delivery = _send(Hub(settings), to="+14155552671")
    assert (delivery.status, delivery.reason) == (Status.REFUSED, Reason.UNSUPPORTED)
    outbox.assert_nothing_sent()


def test_routes_and_failover_are_the_application_s(outbox: Outbox) -> None:
    """Policies and routes are real: a scripted refusal fails over to the next instance of the route."""
    outbox.will_answer(Outcome.refused(Reason.BALANCE), Outcome.not_sent())
    hub = Hub(providers={"first": vendor, "second": vendor, "third": vendor})
    delivery = _send(hub)
    assert [a.provider for a in delivery.attempts] == ["first", "second", "third"]
    assert (delivery.provider, len(outbox.messages)) == ("third", 3)
    # What a test scripts says nothing about the health of the application's own instances.
    outbox.clear()
    assert _send(hub).provider == "first"


def test_an_unknown_is_held(outbox: Outbox) -> None:
    """An application can see what it does with an uncertain order: one attempt, status unknown."""
    outbox.will_answer(Outcome.unknown(Reason.TIMEOUT))
    policy = DeliveryPolicy()  # that of orders
    delivery = asyncio.run(outbox.hub.send(text="paid", to=NUMBER, delivery=policy))
    assert (delivery.status, len(outbox.messages)) == (Status.UNKNOWN, 1)


def test_errors_of_the_application_stay_errors(outbox: Outbox) -> None:
    """A hub without a route raises in a test as it would in production."""
    hub = Hub(providers={"sms": vendor})
    with pytest.raises(NoRoute):
        asyncio.run(hub.send(text="hello", to="a@b.example"))


def test_boxes_are_nested() -> None:
    """The innermost box takes all; leaving it uncovers the outer one, in threads too."""
    hub = Hub(providers={"sms": vendor})
    with Outbox() as outer:
        with Outbox() as inner:
            thread = threading.Thread(target=_send, args=(hub, "inner"))
            thread.start()
            thread.join()
        _send(hub, "outer")
    assert [m.text for m in inner.messages] == ["inner"]
    assert [m.text for m in outer.messages] == ["outer"]
    assert ASKED == []


def test_failures_say_what_was_sent(outbox: Outbox) -> None:
    """A failed assertion says what was wanted and lists what was sent."""
    with pytest.raises(AssertionError, match=r"wanted 1 message \(any\), found 0; 0 sent in all$"):
        outbox.assert_sent()
    with pytest.raises(AssertionError, match="asked to send nothing"):
        _ = outbox.last
    outbox.assert_nothing_sent()
    _send(outbox.hub, "your parcel")
    _send(outbox.hub, "your parcel", "a@b.example")
    with pytest.raises(AssertionError, match=r"1\. sms text to \+8613800138000: 'your parcel'"):
        outbox.assert_sent(to="13900139000")
    with pytest.raises(AssertionError, match="found 2"):
        outbox.assert_sent(containing="parcel")
    with pytest.raises(AssertionError, match="wanted no message; 2 sent in all"):
        outbox.assert_nothing_sent()
    assert outbox.assert_sent(containing="parcel", count=2) is outbox.last
    assert outbox.assert_sent(channel="sms", count=None).to == NUMBER
    assert repr(outbox) == "<Outbox of 2 messages>"
    outbox.clear()
    assert outbox.messages == ()


def test_both_ways_to_the_fixture(pytester: pytest.Pytester) -> None:
    """`pytest_plugins` in the topmost conftest and an import give the same fixture."""
    test = """
        def test_it(outbox):
            outbox.sync_hub.send(text="hi", to="13800138000")
            assert outbox.last.text == "hi"
        """
    for conftest in (
        'pytest_plugins = ["notifyhub.testing.fixtures"]',
        "from notifyhub.testing import outbox",
    ):
        pytester.makeconftest(conftest)
        pytester.makepyfile(test)
        pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)


def test_a_recorder_answers_by_script() -> None:
    """RecordingProvider gives the scripted outcomes in order, then accepts; it keeps every message."""
    recorder = RecordingProvider("box", channels={"sms"}, outcomes=[Outcome.refused(Reason.BALANCE)])
    hub = Hub(providers={"box": recorder})
    assert _send(hub).reason is Reason.BALANCE
    # The refusal has opened the breaker of the only instance, which is asked all the same.
    assert _send(hub).provider_message_id == "recorded-1"
    assert [message.to for message in recorder.messages] == [NUMBER, NUMBER]
    refused = asyncio.run(recorder.send(Message(channel="voice", to=NUMBER, text="hello")))
    assert (refused.reason, len(recorder.messages)) == (Reason.UNSUPPORTED, 2)
    assert NUMBER not in repr(recorder)
    recorder.clear()
    assert recorder.messages == ()


def test_several_recipients(outbox: Outbox) -> None:
    """A Recipient with several addresses is looked for under the one that was used."""

    async def application() -> None:
        await outbox.hub.send(
            text="hello", to=Recipient(addresses={"email": "a@b.example", "sms": NUMBER}), channel="sms"
        )

    asyncio.run(application())
    assert outbox.assert_sent(to=NUMBER).channel == "sms"


def test_what_is_enqueued_is_seen_at_once(outbox: Outbox) -> None:
    """Enqueued messages are seen without a worker, and sent to the box by one; a repeated key is one."""

    async def application(hub: Hub) -> None:
        for _ in range(2):
            await hub.enqueue(text="your parcel", to="138 0013 8000", key="k")
        assert (
            outbox.assert_enqueued(to="13800138000", channel="sms", containing="parcel") == outbox.enqueued[0]
        )
        assert outbox.messages == ()
        with pytest.raises(
            AssertionError, match=r"wanted no message; 0 sent in all\n1 enqueued:\n  1\. sms text"
        ):
            outbox.assert_nothing_sent()
        with pytest.raises(AssertionError, match="found 0; 0 sent"):
            outbox.assert_enqueued(to="a@b.example")
        await hub.run_worker(drain=True)
        assert outbox.assert_sent(to=NUMBER).text == "your parcel"

    asyncio.run(application(Hub(providers={"sms": vendor})))
    assert ASKED == []
    outbox.clear()
    outbox.assert_nothing_sent()


def test_enqueued_on_a_connection(tmp_path: Path) -> None:
    """What is enqueued within the application's transaction is seen too, by the innermost box only."""
    settings = {"ledger": {"url": f"sqlite:///{tmp_path}/n.db"}}
    with Outbox() as around, Outbox() as box, SyncHub(settings, providers={"sms": vendor}) as hub:
        hub.enqueue(text="1", to=NUMBER)
        with closing(sqlite3.connect(tmp_path / "n.db")) as connection:
            connection.execute("BEGIN")
            hub.enqueue(text="2", to=NUMBER, connection=connection)
            connection.commit()
    assert [message.text for message in box.enqueued] == ["1", "2"]
    assert around.enqueued == ()
