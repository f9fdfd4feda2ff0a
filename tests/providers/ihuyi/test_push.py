"""Pushes: receipts, replies, reviews, and whatever a forger sends."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.outcome import Receipt, Reply, TemplateReview
from notifyhub.providers import Push, PushAnswer
from notifyhub_ihuyi.push import parse_push

SMSID = "16842079209571524017"
RECEIPT = {
    "code": "2",
    "msg": "发送成功",
    "mobilephone": "13800138000",
    "smsid": SMSID,
    "report_time": "2017-08-02 14:31:51",
}
REPLY = {"mobilephone": "13800138000", "content": "退订", "smsid": "12", "reply_time": "2017-08-02 00:00:00"}
REVIEW = {"code": "2", "msg": "审核通过", "templateid": "812"}
SUCCESS = PushAnswer(200, "success")


def body(fields: dict[str, str], **changes: str | None) -> Push:
    """A push with these fields as its form body; None takes a field out."""
    changed = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return Push(body=urlencode(changed).encode())


def test_a_receipt_that_says_delivered() -> None:
    """Code 2 is delivered; number and time come out normalised."""
    parsed = parse_push("sms", body(RECEIPT))
    assert parsed.answer == SUCCESS
    assert parsed.problem is None
    assert parsed.events == (
        Receipt(
            provider="sms",
            provider_message_id=SMSID,
            delivered=True,
            address="+8613800138000",
            code="2",
            detail="发送成功",
            reported_at=datetime(2017, 8, 2, 6, 31, 51, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize("code", ["0", "1", "405", "UNDELIV", "DB:0141", "02", "-1"])
def test_a_receipt_that_says_failed(code: str) -> None:
    """Any other code, 0 too, is a receipt of a failure, and is answered `success` all the same."""
    parsed = parse_push("sms", body(RECEIPT, code=code))
    (event,) = parsed.events
    assert isinstance(event, Receipt)
    assert (event.delivered, event.code) == (False, code)
    assert parsed.answer == SUCCESS


def test_the_marketing_products_receipt() -> None:
    """A receipt with `task_id` instead of `smsid` is read."""
    for smsid in (None, "", "0"):
        (event,) = parse_push("sms", body(RECEIPT, smsid=smsid, task_id="77")).events
        assert isinstance(event, Receipt)
        assert event.provider_message_id == "77"


def test_the_words_of_a_receipt_do_not_show_the_number() -> None:
    """A msg that quotes the number is blotted."""
    (event,) = parse_push("sms", body(RECEIPT, msg="号码13800138000停机")).events
    assert isinstance(event, Receipt)
    assert event.detail == "号码***停机"


@pytest.mark.parametrize(
    "time", [None, "", "2017-13-02 14:31:51", "2017-08-02", "0001-01-01 00:00:00", "x" * 99]
)
def test_a_receipt_survives_a_bad_time(time: str | None) -> None:
    """A time that cannot be read is left out; the receipt counts."""
    (event,) = parse_push("sms", body(RECEIPT, report_time=time)).events
    assert isinstance(event, Receipt)
    assert event.reported_at is None


def test_a_reply() -> None:
    """A reply has words and no code; its smsid is a hint."""
    assert parse_push("sms", body(REPLY)).events == (
        Reply(
            provider="sms",
            address="+8613800138000",
            text="退订",
            provider_message_id="12",
            received_at=datetime(2017, 8, 1, 16, tzinfo=UTC),
        ),
    )
    for hint in (None, "", "0", "x"):
        (event,) = parse_push("sms", body(REPLY, smsid=hint)).events
        assert isinstance(event, Reply)
        assert event.provider_message_id is None


def test_a_reply_keeps_its_words() -> None:
    """Line breaks, emoji and separators of a form stay; what only a terminal understands goes."""
    (event,) = parse_push("sms", body(REPLY, content="好&的=+%\n👩\u200d🔬\x00\x1b[31m")).events
    assert isinstance(event, Reply)
    assert event.text == "好&的=+%\n👩\u200d🔬[31m"


@pytest.mark.parametrize(("code", "approved"), [("2", True), ("0", False)])
def test_a_template_review(code: str, approved: bool) -> None:
    """A push with a templateid is a review: 2 approved, 0 rejected."""
    assert parse_push("sms", body(REVIEW, code=code)).events == (
        TemplateReview(provider="sms", template_id="812", approved=approved, detail="审核通过"),
    )


def test_parsed_fields_instead_of_a_body() -> None:
    """Fields that the web framework has parsed (multipart, say) are taken instead of the body."""
    push = Push(form=RECEIPT, headers={"content-type": "multipart/form-data; boundary=x"}, body=b"--x")
    assert parse_push("sms", push).events == parse_push("sms", body(RECEIPT)).events


@pytest.mark.parametrize(
    "push",
    [
        Push(),
        Push(method="GET", body=urlencode(RECEIPT).encode()),
        Push(body=b"\xff\xfe"),
        Push(body=b"code=%ff&smsid=1"),
        Push(body=urlencode(RECEIPT, encoding="gbk").encode()),
        Push(body=b'{"code":2,"smsid":"1"}'),
        Push(body=b"--x\r\nContent-Disposition: form-data; name=code\r\n\r\n2\r\n--x--"),
        Push(body=urlencode(RECEIPT).encode() + b"&code=0"),
        Push(body=b"&".join(b"f%d=1" % n for n in range(60))),
        Push(body=urlencode(RECEIPT).encode() + b"&x=" + b"a" * 70000),
        Push(form={**RECEIPT, "x": "a" * 70000}),
        body(RECEIPT, code=""),
        body(RECEIPT, code=" 2 "),
        body(RECEIPT, code="2" * 65),
        body(RECEIPT, smsid=None),
        body(RECEIPT, smsid="0"),
        body(RECEIPT, smsid="1" * 21),
        body(RECEIPT, smsid="1;drop"),
        body(RECEIPT, mobilephone=None),
        body(RECEIPT, mobilephone="1380013800x"),
        body(RECEIPT, mobilephone="10000000000"),
        body(RECEIPT, mobilephone="13800138000,13900139000"),
        body(REPLY, mobilephone=""),
        body(REPLY, content=None),
        body(REVIEW, code=None),
        body(REVIEW, code="1"),
        body(REVIEW, templateid=""),
        body(REVIEW, templateid="a b"),
    ],
)
def test_an_unreadable_push(push: Push) -> None:
    """What cannot be read is no event, says why without quoting, and is answered like any other push."""
    parsed = parse_push("sms", push)
    assert parsed.events == ()
    assert parsed.problem
    assert "13800138000" not in parsed.problem
    assert parsed.answer == SUCCESS


NAMES = st.sampled_from(
    ["code", "msg", "mobilephone", "smsid", "task_id", "content", "templateid", "report_time", "reply_time"]
)
VALUES = (
    st.sampled_from(["2", "0", "13800138000", SMSID, "2017-08-02 14:31:51", "", "+8613900139000"])
    | st.text(max_size=20)
    | st.text(alphabet="0123456789+- :", max_size=22)
)
FIELDS = st.dictionaries(NAMES | st.text(max_size=3), VALUES, max_size=8)
PUSHES = (
    st.builds(Push, body=st.binary(max_size=300))
    | st.builds(lambda found: Push(form=found), FIELDS)
    | st.builds(lambda found: Push(body=urlencode(found, errors="surrogatepass").encode()), FIELDS)
    | st.builds(
        lambda found, end: Push(body=urlencode(found).encode()[:end]), st.just(RECEIPT), st.integers(0, 200)
    )
)


def check_any_push(push: Push) -> None:
    """Hold what a push is read as against the promises."""
    parsed = parse_push("sms", push)
    assert parsed.answer == SUCCESS
    assert bool(parsed.events) != bool(parsed.problem)
    for event in parsed.events:
        if isinstance(event, Receipt):
            assert event.delivered == (event.code == "2")
            assert 0 < int(event.provider_message_id) < 10**20
        if isinstance(event, Receipt | Reply):
            assert event.address.startswith("+")
        if isinstance(event, Receipt) and event.reported_at:
            assert event.reported_at.astimezone(UTC).year in range(1999, 2101)
        for words in (getattr(event, "detail", None), getattr(event, "text", None)):
            assert words is None or words.encode() is not None


@settings(max_examples=200, deadline=None)
@given(PUSHES)
def test_any_push(push: Push) -> None:
    """No push makes the parser raise; it is one event or one problem, and always answered `success`."""
    check_any_push(push)


@pytest.mark.campaign
@settings(max_examples=10_000, deadline=None)
@given(PUSHES)
def test_any_push_campaign(push: Push) -> None:
    """The same, ten thousand times."""
    check_any_push(push)
