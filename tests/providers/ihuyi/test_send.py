"""Sending over real HTTP to the gateway's simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from notifyhub.message import Binding, Message
from notifyhub.outcome import Outcome, OutcomeKind, Receipt, Reply, TemplateReview
from notifyhub.providers import Balance, HasBalance, ParsesPushes, Push
from notifyhub.reason import Reason
from notifyhub_ihuyi.codes import CODES
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.reply import RegisteredTemplate
from notifyhub_ihuyi.settings import IhuyiSettings
from notifyhub_ihuyi.signing import submit_password
from notifyhub_ihuyi.simulator import (
    DEMO_ACCOUNT,
    DEMO_API_KEY,
    FAULTS,
    NAMESPACES,
    TEST_TEMPLATE,
    Behaviour,
    PushReceiver,
    Simulator,
)
from notifyhub_ihuyi.simulator.replies import render_json

WORDS = TEST_TEMPLATE.replace("【变量】", "482913")


def settings_for(gateway: Simulator, **changes: Any) -> IhuyiSettings:
    """Settings of the demonstration account at a simulator."""
    return IhuyiSettings.model_validate(
        {
            "account": DEMO_ACCOUNT,
            "api_key": DEMO_API_KEY,
            "base_url": gateway.base_url,
            "timeout": 10.0,
            **changes,
        }
    )


def message_to(number: str = "13800138000", text: str = WORDS, **changes: Any) -> Message:
    """A message to a number given in eleven digits."""
    return Message(channel="sms", to=f"+86{number}", text=text, **changes)


def with_gateway(
    act: Callable[[Simulator, IhuyiProvider], Awaitable[Any]],
    *,
    settings: dict[str, Any] | None = None,
    clock: Callable[[], float] = time.time,
    **options: Any,
) -> Any:
    """Run `act` with a simulator and a provider that speaks to it; returns what it returns."""

    async def run() -> Any:
        async with Simulator(**options) as gateway:
            provider = IhuyiProvider("sms", settings_for(gateway, **(settings or {})), clock=clock)
            try:
                return await act(gateway, provider)
            finally:
                await provider.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("signing", ["dynamic", "static"])
def test_an_accepted_message(form: str, signing: str) -> None:
    """A message is accepted in either format and either way of signing, and only by POST."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        outcome = await provider.send(message_to())
        (submission,), (request,) = gateway.submissions, gateway.requests
        assert outcome == Outcome.accepted(submission.smsid, code="2", detail="提交成功", parts=1, price=0.05)
        assert (submission.mobile, submission.text) == ("13800138000", WORDS)
        assert (request.verb, dict(request.query)) == ("POST", {"method": "Submit"})
        wanted = {"account", "password", "mobile", "content", "format"}
        assert set(request.fields) == wanted | ({"time"} if signing == "dynamic" else set())
        assert (request.fields["password"] == DEMO_API_KEY) is (signing == "static")
        assert request.fields["format"] == form

    with_gateway(act, settings={"format": form, "signing": signing, "price_per_part": 0.05})


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_namespace(namespace: str) -> None:
    """XML is understood under every namespace that replies carry."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        assert (await provider.send(message_to())).kind is OutcomeKind.ACCEPTED
        refused = await provider.send(message_to("13900000406"))
        assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, "406")
        assert isinstance(await provider.balance(), Balance)

    with_gateway(act, settings={"format": "xml"}, namespace=namespace)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_every_code(form: str) -> None:
    """Each code the gateway answers comes back as its row says; unlisted ones too; nothing is submitted."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        rows = {row.code: row for row in CODES if row.reason is not None}
        for code in [*rows, "9", "31337"]:
            outcome = await provider.send(message_to(f"139{int(code):08}"))
            row = rows.get(code)
            assert outcome.kind is OutcomeKind.REFUSED
            assert outcome.code == code
            assert outcome.reason is (row.reason if row else Reason.UNRECOGNISED_CODE)
            assert outcome.retry_after == (row.retry_after if row else None)
        assert not gateway.submissions

    with_gateway(act, settings={"format": form})


# What each numbered fault must come to; the rest of the table is unknown.
GOOD = {36, 41, 42, 43, 44, 45, 46, 47, 48}
SLOW = {1, 5}


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("place", sorted(FAULTS))
def test_every_fault(place: int, form: str) -> None:
    """Whatever the gateway does wrong after taking a message: never a crash, never "not sent"."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        outcome = await provider.send(message_to(f"137{place:08}"))
        if place in GOOD:
            assert outcome.kind is OutcomeKind.ACCEPTED
        elif place == 35:
            assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "401")
            assert not gateway.submissions
        else:
            assert outcome.kind is OutcomeKind.UNKNOWN, outcome
        if place == 29:
            assert outcome.provider_message_id is not None
        # The two worlds behind an unclear answer look alike.
        twin = await provider.send(message_to(f"1370001{place:04}"))
        assert (twin.kind, twin.reason) == (outcome.kind, outcome.reason)
        assert "/elsewhere" not in {request.path for request in gateway.requests}

    quick = {"timeout": 0.3} if place in SLOW else {}
    with_gateway(act, settings={"format": form, **quick}, receipts=False)


def test_a_reset_connection_and_a_closed_port() -> None:
    """A closed port is proof that nothing left; a reset after connecting is none."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        gateway.reset_connections(1)
        assert (await provider.send(message_to())).kind is OutcomeKind.UNKNOWN
        assert (await provider.send(message_to())).kind is OutcomeKind.ACCEPTED
        closed = settings_for(gateway, base_url="http://127.0.0.1:9")
        stranger = IhuyiProvider("closed", closed)
        outcome = await stranger.send(message_to())
        assert (outcome.kind, outcome.reason) == (OutcomeKind.NOT_SENT, Reason.UNREACHABLE)
        assert isinstance(await stranger.balance(), Outcome)
        assert isinstance(await stranger.add_template(TEST_TEMPLATE), Outcome)
        await stranger.aclose()

    with_gateway(act)


def test_template_mode() -> None:
    """In template mode only the values go, joined by |, signed as such, under the template's id."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        binding = Binding(provider="ihuyi", template_id="7", slots=("no", "who"), send_as="template")
        outcome = await provider.send(
            message_to(
                text="订单20180515006由张三签收。",
                variables={"who": "张三", "no": "20180515006"},
                bindings={"ihuyi": binding},
            )
        )
        assert outcome.kind is OutcomeKind.ACCEPTED
        (submission,), (request,) = gateway.submissions, gateway.requests
        assert (submission.template_id, submission.content) == ("7", "20180515006|张三")
        assert submission.text == "订单20180515006由张三签收。"
        assert request.fields["password"] == submit_password(
            DEMO_ACCOUNT, DEMO_API_KEY, "13800138000", "20180515006|张三", request.fields["time"]
        )

    with_gateway(act, templates={"7": "订单【变量】由【变量】签收。"})


def test_the_operators_shorthand() -> None:
    """`"login/code" = "1"` in settings sends the notice under that template."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        binding = Binding(provider="ihuyi", text=TEST_TEMPLATE, slots=("code",))
        message = message_to(notice="login/code", variables={"code": "482913"}, bindings={"ihuyi": binding})
        assert (await provider.send(message)).kind is OutcomeKind.ACCEPTED
        (submission,) = gateway.submissions
        assert (submission.template_id, submission.text) == ("1", WORDS)

    with_gateway(act, settings={"bindings": {"login/code": "1"}})


def test_the_vendors_words_show_nothing_private() -> None:
    """A refusal that echoes number, text, code and key shows none of them."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        def echo(draft: Any) -> Any:
            words = f"13800138000 {WORDS} {DEMO_API_KEY} 验证码482913\x07"
            return render_json(replace(draft, code=407, words=words, value="0"))

        gateway.script("13800138000", [Behaviour.painted("echo", echo)])
        outcome = await provider.send(message_to(variables={"code": "482913"}))
        assert (outcome.kind, outcome.reason) == (OutcomeKind.REFUSED, Reason.CONTENT_REFUSED)
        shown = str(outcome) + repr(outcome)
        assert not any(word in shown for word in ("13800138000", "482913", DEMO_API_KEY, "\x07"))

    with_gateway(act)


@pytest.mark.parametrize("skew", [-300, 300])
def test_the_vendors_clock_is_learnt(skew: int) -> None:
    """After a code 40501 the next send signs with the vendor's time; the first is refused, not repeated."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        first = await provider.send(message_to())
        assert (first.kind, first.reason, first.retry_after) == (OutcomeKind.REFUSED, Reason.CLOCK, 0.0)
        assert len(gateway.requests) == 1
        assert (await provider.send(message_to())).kind is OutcomeKind.ACCEPTED
        assert isinstance(await provider.balance(), Balance)

    with_gateway(act, clock=lambda: time.time() + skew)


def test_a_balance_query_learns_the_clock_too() -> None:
    """A balance refused for the time teaches the same, and is asked for once more at once."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        assert await provider.balance() == Balance(amount=1000, unit="messages")
        assert len(gateway.requests) == 2
        assert (await provider.send(message_to())).kind is OutcomeKind.ACCEPTED

    with_gateway(act, clock=lambda: time.time() - 200)


def test_a_date_too_far_away_is_not_believed() -> None:
    """An hour's difference is not learnt: the refusal stays one."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        for _ in range(2):
            assert (await provider.send(message_to())).reason is Reason.CLOCK

    with_gateway(act, clock=lambda: time.time() - 3600)


def test_each_attempt_is_signed_afresh() -> None:
    """Two attempts with the same words carry two times."""
    now = iter([1700000000.0, 1700000031.0])

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        await provider.send(message_to())
        await provider.send(message_to())
        assert [one.fields["time"] for one in gateway.requests] == ["1700000000", "1700000031"]

    with_gateway(act, clock=lambda: next(now), clock_window=10**10)


@pytest.mark.parametrize(
    ("length", "signature", "parts"),
    [(64, None, 1), (65, None, 2), (128, None, 2), (129, None, 3), (66, "小店", 1), (67, "小店", 2)],
)
def test_parts_and_price(length: int, signature: str | None, parts: int) -> None:
    """70 characters are one part, then 67 each; the signature and its brackets are counted in."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        outcome = await provider.send(message_to(text="字" * length))
        assert (outcome.parts, outcome.price) == (parts, parts * 0.5)

    own = {} if signature is None else {"signature": signature}
    with_gateway(act, settings={**own, "price_per_part": 0.5})


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("signing", ["dynamic", "static"])
def test_the_balance(form: str, signing: str) -> None:
    """The balance is a number of messages, as a number or as text."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        assert isinstance(provider, HasBalance)
        assert isinstance(provider, ParsesPushes)
        assert await provider.balance() == Balance(amount=7, unit="messages")
        assert gateway.requests[-1].verb == "POST"

    for as_text in (False, True):
        with_gateway(act, settings={"format": form, "signing": signing}, balance=7, num_as_text=as_text)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("under_submit", [False, True])
def test_an_error_is_never_a_balance(form: str, under_submit: bool) -> None:
    """A wrong key is a refusal with its code, under whichever root the error comes."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        found = await provider.balance()
        assert isinstance(found, Outcome)
        assert (found.kind, found.reason) == (OutcomeKind.REFUSED, Reason.CREDENTIALS)

    with_gateway(act, settings={"format": form, "api_key": "0" * 32}, errors_under_submit_root=under_submit)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("signing", ["dynamic", "static"])
def test_a_template_is_registered(form: str, signing: str) -> None:
    """A registration answers with the vendor's id; the key itself goes only where signing is static."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        found = await provider.add_template("您的订单【变量】已发货。")
        assert isinstance(found, RegisteredTemplate)
        assert gateway.templates[found.template_id].text == "您的订单【变量】已发货。"
        assert (gateway.requests[-1].fields["password"] == DEMO_API_KEY) is (signing == "static")

    with_gateway(act, settings={"format": form, "signing": signing})


def test_a_template_that_cannot_be_registered() -> None:
    """An empty template, or one with an emoji, is refused without a request."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        for content in ("", "  ", "好😀"):
            found = await provider.add_template(content)
            assert isinstance(found, Outcome)
            assert found.kind is OutcomeKind.REFUSED
        assert not gateway.requests

    with_gateway(act)


def test_receipts_replies_and_reviews_as_the_gateway_pushes_them() -> None:
    """What the gateway pushes is read: receipts good and bad, a reply, a review."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            sent = [await provider.send(message_to(number)) for number in ("13800138000", "13700000045")]
            await gateway.reply("13800138000", "退订&谢谢")
            registered = await provider.add_template("您的订单【变量】已发货。")
            assert isinstance(registered, RegisteredTemplate)
            await gateway.review(registered.template_id, approved=False)
            await gateway.drain()
            events = [
                event
                for pushed in receiver.received
                for event in provider.parse_push(Push(body=pushed.body)).events
            ]
        receipts = {one.provider_message_id: one for one in events if isinstance(one, Receipt)}
        assert [receipts[one.provider_message_id or ""].delivered for one in sent] == [True, False]
        (reply,) = [one for one in events if isinstance(one, Reply)]
        assert (reply.text, reply.provider_message_id) == ("退订&谢谢", sent[0].provider_message_id)
        (review,) = [one for one in events if isinstance(one, TemplateReview)]
        assert (review.template_id, review.approved) == (registered.template_id, False)

    with_gateway(act)


def test_closing() -> None:
    """Closing twice is harmless, and nothing is sent afterwards."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        await provider.send(message_to())
        await provider.aclose()
        await provider.aclose()
        assert (await provider.send(message_to())).kind is OutcomeKind.NOT_SENT
        assert len(gateway.submissions) == 1

    with_gateway(act)


def test_cancellation_goes_through() -> None:
    """A cancelled send raises CancelledError and becomes no outcome."""

    async def act(gateway: Simulator, provider: IhuyiProvider) -> None:
        task = asyncio.create_task(provider.send(message_to("13700000001")))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_gateway(act)
