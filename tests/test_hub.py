"""The hub: a notification's whole life, from the words to what the vendor says later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import (
    ConfigurationError,
    Delivery,
    DeliveryFailed,
    DeliveryPolicy,
    Hub,
    InvalidAddress,
    InvalidVariable,
    KeyReused,
    Message,
    Notification,
    NotificationError,
    Outcome,
    Push,
    PushAnswer,
    Reason,
    Receipt,
    Recipient,
    Reply,
    SettingsError,
    Status,
    UnknownDelivery,
    UnknownNotice,
    UnsupportedOperation,
    hookimpl,
)
from notifyhub.plugins import Plugins
from notifyhub.providers import Balance, Capabilities, ParsedPush

NUMBER = "+8613800138000"


@dataclass
class Vendor:
    """Accepts everything or answers as told, reads pushes `id,number,delivered`, knows a balance."""

    answer: Outcome | None = None
    name: str = "vendor"
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(channels=frozenset({"sms", "email"}))
    )
    got: list[Message] = field(default_factory=list)
    before_answer: Callable[[str], Coroutine[Any, Any, object]] | None = None
    closed: int = 0

    async def send(self, message: Message) -> Outcome:
        self.got.append(message)
        if self.before_answer is not None:
            await self.before_answer(str(len(self.got)))
        return self.answer or Outcome.accepted(str(len(self.got)))

    async def balance(self) -> Balance:
        return Balance(amount=42, unit="messages")

    def parse_push(self, push: Push) -> ParsedPush:
        ok = PushAnswer(200, "success")
        words = push.body.decode().split(",")
        if words[0] == "reply":
            return ParsedPush((Reply(provider="?", address=words[1], text=words[2]),), ok)
        if len(words) != 3:
            return ParsedPush((), ok, "not three words")
        event = Receipt(
            provider="?", provider_message_id=words[0], address=words[1], delivered=words[2] == "1"
        )
        return ParsedPush((event,), ok)

    async def aclose(self) -> None:
        self.closed += 1


class Watcher:
    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Delivery) -> None:
        self.seen.append(delivery.status)

    @hookimpl
    def notifyhub_receipt_received(self, receipt: Receipt) -> None:
        self.seen.append(receipt.delivered)

    @hookimpl
    def notifyhub_reply_received(self, reply: Reply) -> None:
        self.seen.append(reply.text)


def with_hub(story: Callable[[Hub], Coroutine[Any, Any, None]], *vendors: Vendor, **options: Any) -> None:
    async def run() -> None:
        providers = {f"v{n}": vendor for n, vendor in enumerate(vendors)}
        async with Hub(options.pop("settings", None), providers=providers or None, **options) as hub:
            await story(hub)

    asyncio.run(run())


def test_login_code() -> None:
    """A login code is rendered, carried by the first vendor, and comes back accepted with the vendor's id."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        delivery = await hub.send("login/code", to="138 0013 8000", data={"code": "482913"})
        assert (delivery.status, delivery.provider, delivery.provider_message_id) == ("accepted", "v0", "1")
        assert delivery.raise_for_status() is delivery
        assert await hub.delivery(delivery.id) == delivery

    with_hub(story, vendor)
    [message] = vendor.got
    assert (message.to, message.category, message.locale) == (NUMBER, "otp", "zh")
    assert message.text == "您的验证码是：482913。请不要把验证码泄露给其他人。"
    assert vendor.closed == 1


def test_without_any_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """With no settings at all the hub works: everything goes to the console, and nothing secret is shown."""

    async def story(hub: Hub) -> None:
        delivery = await hub.send("login/code", to=NUMBER, data={"code": "482913"})
        assert (delivery.status, delivery.provider) == (Status.ACCEPTED, "console")
        assert (await hub.send("order/shipped", to="a@b.co", data=_SHIPPED)).ok

    with_hub(story)
    shown = "".join(capsys.readouterr())
    assert "验证码" in shown
    assert "482913" not in shown
    assert "13800138000" not in shown


_SHIPPED = {"order_no": "20261122001", "carrier": "顺丰速运", "tracking_no": "SF1234567890"}


def test_channel_follows_the_recipient() -> None:
    """The recipient's first address that the notice has words for decides the channel."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        person = Recipient(addresses={"chat": "@zhang", "email": "a@b.co", "sms": NUMBER}, locale="en")
        assert (await hub.send("order/shipped", to=person, data=_SHIPPED)).channel == "email"
        assert (await hub.send("order/shipped", to=person, data=_SHIPPED, channel="sms")).channel == "sms"

    with_hub(story, vendor)
    assert [m.to for m in vendor.got] == ["a@b.co", NUMBER]
    assert vendor.got[0].subject
    assert vendor.got[0].html
    assert vendor.got[0].locale == "en"


def test_notification_object() -> None:
    """`send` takes a Notification as well as its arguments."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        asked = Notification(notice="login/code", to=NUMBER, data={"code": "1234"}, locale="en")  # type: ignore[arg-type]
        assert (await hub.send(asked)).ok
        assert hub.preview(asked).text == vendor.got[0].text

    with_hub(story, vendor)


def _code(**data: str) -> dict[str, Any]:
    return {"notice": "login/code", "to": NUMBER, "data": data}


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"notice": "login/cod", "to": NUMBER}, UnknownNotice, "did you mean `login/code`?"),
        ({"notice": "login/code", "to": NUMBER}, InvalidVariable, "code: "),
        (_code(cod="1", code="1234"), InvalidVariable, "cod: "),
        (_code(code="【x】"), InvalidVariable, "code: "),
        ({"notice": "login/code", "to": "123", "data": {"code": "1234"}}, InvalidAddress, "to: "),
        ({"notice": "login/code", "data": {"code": "1234"}}, InvalidAddress, "to: missing"),
        ({"to": NUMBER}, NotificationError, "give either a notice or a text"),
        ({"notice": "login/code", "text": "x", "to": NUMBER}, NotificationError, "either a notice or a text"),
        ({"text": "  ", "to": NUMBER}, NotificationError, "text: is empty"),
        ({"text": "x", "data": {"a": 1}, "to": NUMBER}, NotificationError, "data: goes with a notice"),
        ({"text": "x", "to": NUMBER, "category": "opt"}, NotificationError, "category: "),
        ({"text": "x", "to": NUMBER, "expires_at": datetime(2030, 1, 1)}, NotificationError, "time zone"),
        ({"text": "x", "to": NUMBER, "channel": "fax"}, ConfigurationError, "no route for channel fax"),
        ({"text": "x", "to": Recipient(addresses={"email": "a@b.co"}), "channel": "sms"}, InvalidAddress,
         "no address for the channel sms; it has email"),
    ],
)  # fmt: skip
def test_what_cannot_be(arguments: dict[str, Any], error: type[Exception], told: str) -> None:
    """A request that cannot be raises one clear message, and no vendor is asked."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        with pytest.raises(error) as caught:
            await hub.send(arguments.pop("notice", None), **arguments)
        assert told in str(caught.value)
        assert "13800138000" not in str(caught.value)

    with_hub(story, vendor)
    assert vendor.got == []


def test_failover() -> None:
    """When the first vendor's account is empty, the second carries the message and explain() tells why."""
    empty = Vendor(Outcome.refused(Reason.BALANCE, code="4051", detail="余额不足"))

    async def story(hub: Hub) -> None:
        delivery = await hub.send("login/code", to=NUMBER, data={"code": "1234"})
        assert (delivery.status, delivery.provider, len(delivery.attempts)) == ("accepted", "v1", 2)
        told = delivery.explain()
        for words in (
            "login/code",
            "login/code in zh",
            "code checked",
            "v0 → v1",
            "balance",
            "4051",
            "v1",
            "accepted",
        ):
            assert words in told
        assert "13800138000" not in told
        assert "482913" not in told

    with_hub(story, empty, Vendor())


def test_policy_per_notification() -> None:
    """A notification's own delivery policy overrules its category's."""
    silent = Vendor(Outcome.unknown(Reason.TIMEOUT))

    async def story(hub: Hub) -> None:
        careful = DeliveryPolicy(max_submits=1)
        delivery = await hub.send("login/code", to=NUMBER, data={"code": "1234"}, delivery=careful)
        assert (delivery.status, len(delivery.attempts)) == ("unknown", 1)
        with pytest.raises(
            DeliveryFailed, match=r"login/code to 138\*\*\*\*8000 is unknown: no answer"
        ) as caught:
            delivery.raise_for_status()
        assert caught.value.delivery is delivery

    with_hub(story, silent, Vendor())


def test_category_in_settings() -> None:
    """[categories.order] in settings changes what an order may do."""
    silent = Vendor(Outcome.unknown(Reason.TIMEOUT))
    settings = {"categories": {"order": {"on_unknown": "failover", "max_submits": 2}}}

    async def story(hub: Hub) -> None:
        assert (await hub.send(text="x", to=NUMBER)).provider == "v1"

    with_hub(story, silent, Vendor(), settings=settings)


def test_suppressed_and_deduplicated() -> None:
    """The stock policies work from settings, and what they stop reaches no vendor."""
    vendor = Vendor()
    settings = {
        "policies": {"suppression_list": {"addresses": ["13900139000"]}, "deduplicate": {"window": 60}},
    }

    async def story(hub: Hub) -> None:
        assert (await hub.send(text="x", to="13900139000")).status is Status.SUPPRESSED
        assert (await hub.send(text="x", to=NUMBER)).ok
        second = await hub.send(text="x", to=NUMBER)
        assert second.status is Status.SUPPRESSED
        assert "deduplicate" in second.explain()

    with_hub(story, vendor, settings=settings)
    assert len(vendor.got) == 1


def test_idempotency_key() -> None:
    """The same key and request give the first delivery; another request under it is an error."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        first = await hub.send(text="x", to=NUMBER, key="k")
        assert (await hub.send(text="x", to="138 0013 8000", key="k")).id == first.id
        with pytest.raises(KeyReused):
            await hub.send(text="y", to=NUMBER, key="k")

    with_hub(story, vendor)
    assert len(vendor.got) == 1


def test_expiry() -> None:
    """What has expired is not submitted."""

    async def story(hub: Hub) -> None:
        late = datetime.now(UTC) - timedelta(seconds=1)
        assert (await hub.send(text="x", to=NUMBER, expires_at=late)).status is Status.EXPIRED

    with_hub(story, Vendor())


def push(body: str) -> dict[str, Any]:
    return {"method": "POST", "headers": {}, "body": body.encode()}


def test_receipts() -> None:
    """A receipt is matched by id and number, once; forged and repeated ones get the same answer."""
    watcher, plugins = Watcher(), Plugins()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        sent = await hub.send(text="x", to=NUMBER)
        answers = {
            await hub.receive_push("v0", push(body))
            for body in (
                f"1,{NUMBER},0",
                "1,+8613900139000,1",
                f"1,{NUMBER},1",
                f"1,{NUMBER},1",
                f"1,{NUMBER},0",
                "?",
            )
        }
        assert answers == {(200, "success")}
        after = await hub.delivery(sent.id)
        assert (after.status, len(after.receipts)) == (Status.DELIVERED, 2)
        assert after.receipts[0].provider == "v0"

    with_hub(story, Vendor(), plugins=plugins)
    assert watcher.seen == ["accepted", False, "undelivered", True, "delivered"]


def test_receipt_before_the_answer() -> None:
    """A receipt that overtakes the vendor's own answer is joined when the id is known, and told."""
    watcher, plugins, vendor = Watcher(), Plugins(), Vendor()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        vendor.before_answer = lambda vendor_id: hub.receive_push("v0", push(f"{vendor_id},{NUMBER},1"))
        assert (await hub.send(text="x", to=NUMBER)).status is Status.DELIVERED

    with_hub(story, vendor, plugins=plugins)
    assert watcher.seen == [True, "delivered"]


def test_replies() -> None:
    """A person's answer is told once, however often it is pushed."""
    watcher, plugins = Watcher(), Plugins()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        for _ in range(3):
            assert (await hub.receive_push("v0", Push(body=f"reply,{NUMBER},TD".encode()))).body == "success"

    with_hub(story, Vendor(), plugins=plugins)
    assert watcher.seen == ["TD"]


def test_asking_for_what_is_not_there() -> None:
    """Unknown instances, deliveries and abilities are told by name."""

    async def story(hub: Hub) -> None:
        with pytest.raises(SettingsError, match="did you mean `v0`"):
            await hub.receive_push("v00", push(""))
        with pytest.raises(UnsupportedOperation):
            await hub.receive_push("console", push(""))
        with pytest.raises(UnsupportedOperation):
            await hub.balance("console")
        with pytest.raises(UnknownDelivery):
            await hub.delivery("nothing")
        with pytest.raises(NotificationError, match=r"push\.bdy: "):
            await hub.receive_push("v0", {"bdy": b""})
        assert await hub.balance("v0") == Balance(amount=42, unit="messages")

    with_hub(story, Vendor(), settings={"providers": {"console": {"type": "console"}}})


def test_own_notices(tmp_path: Path) -> None:
    """The application's own folder of notices comes before the plugins', relative to the settings file."""
    notice = tmp_path / "notices" / "login" / "code"
    notice.mkdir(parents=True)
    (notice / "notice.toml").write_text(
        'summary = "x"\ncategory = "otp"\n[variables.code]\ntype = "code"\nexample = "1234"\n'
    )
    (notice / "sms.zh.j2").write_text("口令{{ code }}")
    file = tmp_path / "notifyhub.toml"
    file.write_text('templates = ["notices"]\n[providers.console]\ntype = "console"\n')

    async def story() -> None:
        async with Hub.from_settings(file) as hub:
            assert hub.preview("login/code", to=NUMBER, data={"code": "8888"}).text == "口令8888"

    asyncio.run(story())


def test_cancelled_send_is_remembered() -> None:
    """A send that is cancelled under way is kept as unknown, not forgotten."""
    vendor, plugins, watcher = Vendor(), Plugins(), Watcher()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        arrived = asyncio.Event()

        async def hang(_: str) -> None:
            arrived.set()
            await asyncio.sleep(60)

        vendor.before_answer = hang
        task = asyncio.create_task(hub.send(text="x", to=NUMBER, key="k"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        kept = await hub.send(text="x", to=NUMBER, key="k")
        assert (kept.status, kept.reason) == (Status.UNKNOWN, Reason.INTERRUPTED)

    with_hub(story, vendor, plugins=plugins)
    assert watcher.seen == ["unknown"]
    assert len(vendor.got) == 1


def test_log_has_ids_and_nothing_personal(caplog: pytest.LogCaptureFixture) -> None:
    """Each stage is in the log with its ids; codes, numbers and words are not."""
    caplog.set_level(logging.DEBUG)

    async def story(hub: Hub) -> None:
        delivery = await hub.send("login/code", to=NUMBER, data={"code": "482913"})
        await hub.receive_push("v0", push(f"1,{NUMBER},1"))
        assert delivery.id in caplog.text

    with_hub(story, Vendor())
    for event in ("attempt_finished", "delivery_changed", "receipt_received"):
        assert event in caplog.text
    for secret in ("13800138000", "482913", "验证码"):
        assert secret not in caplog.text


def test_reprs_hide() -> None:
    """No repr on the way shows an address, a code or the words."""

    async def story(hub: Hub) -> None:
        delivery = await hub.send("login/code", to=NUMBER, data={"code": "482913"})
        await hub.receive_push("v0", push(f"1,{NUMBER},1"))
        asked = Notification(notice="login/code", to=NUMBER, data={"code": "482913"})  # type: ignore[arg-type]
        shown = [
            asked,
            asked.to,
            hub.preview(asked),
            delivery,
            await hub.delivery(delivery.id),
            Push(body=b"482913"),
        ]
        for value in shown:
            for text in (repr(value), str(value)):
                assert "13800138000" not in text
                assert "482913" not in text

    with_hub(story, Vendor())
