"""The suppression list end to end: who gets onto it by which way, what it stops, and what it never stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import (
    Delivery,
    Hub,
    InvalidAddress,
    LedgerUnavailable,
    NotificationError,
    SettingsError,
    Status,
    SyncHub,
)
from notifyhub.errors import UnknownSuppression
from notifyhub.ledger import MemoryLedger, Suppression
from notifyhub.policies import SuppressionList
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, PushReceiver, Simulator
from tests.ledger.keepings import ledger_server

NUMBER, WHOLE = "13800138000", "+8613800138000"
PAID = {"order_no": "20261122001", "amount": "128.00"}
LEDGERS = ["memory", "sqlite"]

Story = Callable[[Hub, Simulator], Coroutine[Any, Any, None]]


def settings(*gateways: Simulator, ledger: str = "memory://", **listed: Any) -> dict[str, Any]:
    """An account on each gateway, named `sms0`, `sms1`, …, a suppression list, and `ads`.

    The vendor's product carries no marketing: that goes through `ads`, which prints nothing.
    """
    account = {"type": "ihuyi", "account": DEMO_ACCOUNT, "api_key": DEMO_API_KEY}
    accounts = {f"sms{n}": {**account, "base_url": each.base_url} for n, each in enumerate(gateways)}
    return {
        "providers": {**accounts, "ads": {"type": "console"}},
        "routes": [{"providers": ["ads"], "category": "marketing"}, {"providers": list(accounts)}],
        "policies": {"suppression_list": listed},
        "ledger": {"url": ledger},
    }


@asynccontextmanager
async def pushing(hub: Hub, gateway: Simulator) -> AsyncIterator[PushReceiver]:
    """The application's URL: what comes to it is given to the hub."""

    async def take(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        return await hub.receive_push("sms0", {"method": method, "headers": headers, "body": body})

    async with PushReceiver(take) as receiver:
        gateway.push_to = receiver.url
        yield receiver
        await gateway.drain()


def tell(story: Story, tmp_path: Path, ledger: str = "memory", **listed: Any) -> None:
    """Play a story with one gateway that pushes to the hub."""

    async def play() -> None:
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(Simulator(receipts=False))
            where = "memory://" if ledger == "memory" else f"sqlite:///{tmp_path / 'ledger.db'}"
            hub = await stack.enter_async_context(Hub(settings(gateway, ledger=where, **listed)))
            await stack.enter_async_context(pushing(hub, gateway))
            await story(hub, gateway)

    asyncio.run(play())


async def advertise(hub: Hub, to: str = NUMBER) -> Delivery:
    return await hub.send("order/paid", to=to, data=PAID, category="marketing")


async def send_code(hub: Hub, to: str = NUMBER) -> Delivery:
    return await hub.send("login/code", to=to, data={"code": "482913"})


@pytest.mark.parametrize("ledger", LEDGERS)
def test_who_opts_out_gets_codes_and_no_marketing(tmp_path: Path, ledger: str) -> None:
    """After a reply TD marketing is suppressed, and says why; codes and orders still go."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        assert (await advertise(hub)).ok
        await gateway.reply(NUMBER, "ＴＤ。")
        stopped = await advertise(hub)
        assert stopped.status is Status.SUPPRESSED
        assert "the address is on the suppression list (opted out, by reply)" in stopped.explain()
        assert (await send_code(hub)).ok
        assert (await hub.send("order/paid", to=NUMBER, data=PAID)).ok
        assert (await advertise(hub, "13900139000")).ok
        (entry,) = await hub.suppressions(NUMBER)
        assert (entry.address, entry.category, entry.channel, entry.instance, entry.until) == (
            WHOLE, "marketing", None, None, None,
        )  # fmt: skip

    tell(story, tmp_path, ledger)


def test_an_opt_out_needs_no_message(tmp_path: Path) -> None:
    """It is honoured from a number to which nothing was ever sent, and whatever message it names."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        await gateway.reply(NUMBER, "退订")
        await gateway.reply("13900139000", "T", smsid="1")
        assert [(await advertise(hub, to)).status for to in (NUMBER, "13900139000")] == ["suppressed"] * 2

    tell(story, tmp_path)


def test_thanks_are_no_opt_out(tmp_path: Path) -> None:
    """Other replies put nobody on the list."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        for words in ("Thanks", "TD 是什么", "收到"):
            await gateway.reply(NUMBER, words)
        assert await hub.suppressions() == []

    tell(story, tmp_path)


def test_opting_out_twice_is_one_entry(tmp_path: Path) -> None:
    """Repeated, by the person or by the vendor, it is the entry that is there; one for each category."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        for words in ("TD", "td", "STOP"):
            await gateway.reply(NUMBER, words)
        found = await hub.suppressions()
        assert sorted(str(entry.category) for entry in found) == ["marketing", "ops"]

    tell(story, tmp_path, opt_out_categories=["marketing", "ops"])


def test_an_opt_out_outlasts_an_entry_that_ends(tmp_path: Path) -> None:
    """Who was on the list until tomorrow and opts out today is on it for good."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        await hub.suppress(NUMBER, category="marketing", reason="asked for a pause", until=tomorrow)
        await gateway.reply(NUMBER, "TD")
        (entry,) = await hub.suppressions(NUMBER)
        assert entry.until is None

    tell(story, tmp_path)


def test_words_are_the_settings(tmp_path: Path) -> None:
    """`opt_out_words` are those of the settings; an empty list heeds no reply."""

    async def own(hub: Hub, gateway: Simulator) -> None:
        await gateway.reply(NUMBER, "不要了！")
        await gateway.reply("13900139000", "TD")
        assert [entry.address for entry in await hub.suppressions()] == [WHOLE]

    async def none(hub: Hub, gateway: Simulator) -> None:
        await gateway.reply(NUMBER, "TD")
        assert await hub.suppressions() == []

    tell(own, tmp_path, opt_out_words=["不要了"])
    tell(none, tmp_path, opt_out_words=[])


def test_without_the_table_replies_are_only_told() -> None:
    """Where no `[policies.suppression_list]` is set, an opt-out word is a reply like any other."""

    async def story() -> None:
        async with Simulator() as gateway:
            tables = settings(gateway)
            del tables["policies"]
            async with Hub(tables) as hub, pushing(hub, gateway):
                await gateway.reply(NUMBER, "TD")
                assert await hub.suppressions() == []
                with pytest.raises(SettingsError, match=r"policies\.suppression_list: is not set"):
                    await hub.suppress(NUMBER, reason="complained")

    asyncio.run(story())


class _Failing(MemoryLedger):
    """Cannot put anything on the list as often as told."""

    failures = 1

    async def suppress(self, entry: Suppression) -> Suppression:
        if self.failures:
            self.failures -= 1
            raise LedgerUnavailable("locked")
        return await super().suppress(entry)


def test_a_failing_ledger_has_the_opt_out_pushed_again() -> None:
    """While the list cannot be written the push is not acknowledged; its repetition is kept."""

    async def story() -> None:
        ledger = _Failing()
        async with (
            Simulator(time_scale=0.0001) as gateway,
            Hub(settings(gateway), ledger=ledger) as hub,
            pushing(hub, gateway) as receiver,
        ):
            await gateway.reply(NUMBER, "TD")
            await gateway.drain()
            assert [push.status for push in receiver.received] == [500, 200]
            assert (await advertise(hub)).status is Status.SUPPRESSED

    asyncio.run(story())


def test_the_log_names_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That somebody opted out, or is on a vendor's blacklist, is logged without number and words."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        with caplog.at_level(logging.DEBUG, logger="notifyhub"):
            await gateway.reply(NUMBER, "退订")
            await send_code(hub, "13900004030")
        assert "opted_out" in caplog.text
        assert "vendor_blacklist_kept" in caplog.text
        assert "退订" not in caplog.text
        assert NUMBER not in caplog.text
        assert "13900004030" not in caplog.text
        assert NUMBER not in repr(await hub.suppressions())

    tell(story, tmp_path)


@asynccontextmanager
async def two_accounts(**listed: Any) -> AsyncIterator[tuple[Hub, Simulator, Simulator]]:
    """A hub with two accounts; the first vendor refuses the number once, as one on its blacklist."""
    async with (
        Simulator() as first,
        Simulator() as second,
        Hub(settings(first, second, **listed)) as hub,
    ):
        first.script(NUMBER, [Behaviour.code(4030)])
        yield hub, first, second


def test_a_vendor_s_blacklist_passes_the_vendor_over() -> None:
    """Refused with 4030, the number is passed over at that vendor from then on; another one carries it."""

    async def story() -> None:
        async with two_accounts() as (hub, first, second):
            refused = await send_code(hub)
            assert (refused.status, refused.attempts[-1].outcome.code) == (Status.REFUSED, "4030")
            carried = await send_code(hub)
            assert (carried.ok, carried.provider, len(carried.attempts)) == (True, "sms1", 1)
            assert (
                "sms0 is passed over: the address is on the suppression list (on the vendor's blacklist)"
                in carried.explain()
            )
            assert (len(first.submissions), len(second.submissions)) == (0, 1)
            (entry,) = await hub.suppressions(NUMBER)
            assert (entry.instance, entry.source, entry.category) == ("sms0", "vendor 4030", None)

    asyncio.run(story())


def test_what_was_lifted_goes_again() -> None:
    """A person takes the entry off the list: the vendor is asked again. Who did so stays visible."""

    async def story() -> None:
        async with two_accounts() as (hub, _, _):
            await send_code(hub)
            (entry,) = await hub.suppressions(NUMBER)
            lifted = await hub.unsuppress(entry.id, by="alice")
            assert (lifted.lifted_by, lifted.lifted_at is not None) == ("alice", True)
            again = await send_code(hub)
            assert (again.ok, again.provider) == (True, "sms0")
            assert await hub.suppressions(NUMBER) == []
            assert [e.lifted_by for e in await hub.suppressions(NUMBER, lifted=True)] == ["alice"]
            with pytest.raises(UnknownSuppression):
                await hub.unsuppress("nothing")

    asyncio.run(story())


def test_with_no_vendor_left_it_is_suppressed(tmp_path: Path) -> None:
    """Where the only vendor has the number on its blacklist, nothing is submitted, and explain() says so."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        await send_code(hub, "13900004030")
        stopped = await send_code(hub, "13900004030")
        assert (stopped.status, stopped.attempts) == (Status.SUPPRESSED, ())
        assert (
            "for sms0, and no instance is left (on the vendor's blacklist, by vendor 4030)"
            in stopped.explain()
        )

    tell(story, tmp_path)


def test_other_refusals_list_nobody(tmp_path: Path) -> None:
    """Limits, malformed numbers and faults of the account put no number on the list."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        for code in (406, 407, 4085, 4051):
            await send_code(hub, f"139000{code:05d}")
        assert await hub.suppressions() == []

    tell(story, tmp_path)


def test_vendors_need_not_be_heeded(tmp_path: Path) -> None:
    """With `vendor_blacklist = false` a vendor's refusal stays its own."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        assert [(await send_code(hub, "13900004030")).status for _ in range(2)] == ["refused"] * 2
        assert await hub.suppressions() == []

    tell(story, tmp_path, vendor_blacklist=False)


def test_a_failing_ledger_does_not_disturb_the_outcome() -> None:
    """A vendor's blacklist that cannot be kept changes nothing about the delivery; it is kept next time."""

    async def story() -> None:
        async with Simulator() as gateway, Hub(settings(gateway), ledger=_Failing()) as hub:
            assert (await send_code(hub, "13900004030")).status is Status.REFUSED
            assert (await send_code(hub, "13900004030")).status is Status.REFUSED
            assert (await send_code(hub, "13900004030")).status is Status.SUPPRESSED

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_hubs_on_one_ledger_see_it_at_once(tmp_path: Path, kind: str) -> None:
    """An opt-out that one hub takes in stops the marketing of all others with the same ledger."""

    async def story(url: str) -> None:
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(Simulator())
            tables = settings(gateway, ledger=url)
            hubs = [await stack.enter_async_context(Hub(tables)) for _ in range(3)]
            assert [(await advertise(hub)).ok for hub in hubs] == [True] * 3
            async with pushing(hubs[0], gateway):
                await gateway.reply(NUMBER, "TD")
            assert [(await advertise(hub)).status for hub in hubs] == ["suppressed"] * 3
            (entry,) = await hubs[1].suppressions()
            await hubs[2].unsuppress(entry.id)
            assert [(await advertise(hub)).ok for hub in hubs] == [True] * 3
            first, second = await asyncio.gather(*(hub.suppress(NUMBER, reason="asked") for hub in hubs[:2]))
            assert first == second

    if kind == "sqlite":
        asyncio.run(story(f"sqlite:///{tmp_path / 'shared.db'}"))
        return
    with ledger_server() as server:
        asyncio.run(story(server.url("ledger")))


@pytest.mark.parametrize("ledger", LEDGERS)
def test_an_erased_person_stays_opted_out(tmp_path: Path, ledger: str) -> None:
    """Erasing a person erases the number from the list and not the wish: marketing stays suppressed."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        await advertise(hub)
        await gateway.reply(NUMBER, "TD")
        await hub.ledger.erase(address=WHOLE)
        (entry,) = await hub.suppressions()
        assert entry.address == ""
        assert (await advertise(hub)).status is Status.SUPPRESSED
        assert (await send_code(hub)).ok
        assert len(await hub.suppressions(NUMBER)) == 1

    tell(story, tmp_path, ledger)


def test_complaints(tmp_path: Path) -> None:
    """The application puts an address on the list in any writing, for some of its messages or for all."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        entry = await hub.suppress("+86 138-0013-8000", category="alert", reason="complained\n by \x1bmail")
        assert (entry.address, entry.reason, entry.source) == (WHOLE, "complained by mail", "application")
        assert (await advertise(hub)).ok
        assert (await hub.send(text="你好", to=NUMBER, category="alert")).status is Status.SUPPRESSED
        assert await hub.suppress(NUMBER, category="alert", reason="again") == entry
        everything = await hub.suppress(NUMBER, reason="never was a customer", source="support")
        assert (await send_code(hub)).status is Status.SUPPRESSED
        assert [e.id for e in await hub.suppressions("138 0013 8000")] == [everything.id, entry.id]
        mail = await hub.suppress("a@B.co", channel="email", reason="bounced")
        room = await hub.suppress("room 7", channel="chat", reason="closed")
        assert (mail.address, room.address) == ("a@b.co", "room 7")
        assert await hub.suppressions("room 7", channel="chat") == [room]

    tell(story, tmp_path)


def test_an_entry_ends_by_itself(tmp_path: Path) -> None:
    """After `until` messages go again, without anybody lifting it."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        await hub.suppress(NUMBER, reason="asked for a pause", until=soon)
        assert (await send_code(hub)).status is Status.SUPPRESSED
        await asyncio.sleep(0.4)
        assert (await send_code(hub)).ok
        assert await hub.suppressions(NUMBER) == []

    tell(story, tmp_path)


@pytest.mark.parametrize(
    ("address", "arguments", "error", "said"),
    [
        ("12", {}, InvalidAddress, "to: no such phone number"),
        ("a@", {}, InvalidAddress, "to: not a mail address"),
        (NUMBER, {"category": "markting"}, NotificationError, "did you mean `marketing`"),
        (NUMBER, {"instance": "sms"}, SettingsError, "did you mean `sms0`"),
        (NUMBER, {"reason": " "}, NotificationError, "reason: is empty"),
        (NUMBER, {"source": ""}, NotificationError, "source: is empty"),
        (NUMBER, {"until": datetime(2030, 1, 1)}, NotificationError, "until: has no time zone"),
        (NUMBER, {"until": datetime(2020, 1, 1, tzinfo=UTC)}, NotificationError, "until: is past"),
    ],
)
def test_a_wrong_entry_is_refused(
    tmp_path: Path, address: str, arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    """An entry that would protect nobody, or more people than was meant, is refused, and names no address."""

    async def story(hub: Hub, gateway: Simulator) -> None:
        with pytest.raises(error, match=said) as caught:
            await hub.suppress(address, **{"reason": "complained", **arguments})
        assert NUMBER not in str(caught.value)
        assert await hub.suppressions() == []

    tell(story, tmp_path)


def test_the_list_of_the_settings_is_another() -> None:
    """Addresses of the settings stay suppressed whatever the ledger's list says, and are not on it."""

    async def story() -> None:
        async with Simulator() as gateway:
            listed = {"addresses": [NUMBER], "categories": ["marketing"]}
            async with Hub(settings(gateway, **listed)) as hub:
                entry = await hub.suppress(NUMBER, category="ops", reason="complained")
                assert (await advertise(hub)).status is Status.SUPPRESSED
                await hub.unsuppress(entry.id)
                assert (await advertise(hub)).status is Status.SUPPRESSED
                assert (await send_code(hub)).ok

    asyncio.run(story())


def test_a_list_given_in_code_has_the_ledger_asked() -> None:
    """A SuppressionList among the hub's policies is enough for `suppress`, without the table in settings."""

    async def story() -> None:
        async with Simulator() as gateway:
            tables = settings(gateway)
            del tables["policies"]
            async with Hub(tables, policies=[SuppressionList()]) as hub:
                await hub.suppress(NUMBER, reason="complained")
                assert (await send_code(hub)).status is Status.SUPPRESSED

    asyncio.run(story())


def test_synchronous_applications() -> None:
    """SyncHub has the same three methods."""
    with SyncHub({"policies": {"suppression_list": {}}}) as hub:
        entry = hub.suppress(NUMBER, category="marketing", reason="complained")
        assert hub.suppressions(NUMBER) == [entry]
        assert hub.send(text="x", to=NUMBER, category="marketing").status is Status.SUPPRESSED
        assert hub.unsuppress(entry.id, by="alice").lifted_by == "alice"
        assert hub.suppressions() == []
        assert [e.id for e in hub.suppressions(lifted=True)] == [entry.id]
