"""Replies: what bytes are accepted, refused, unknown; and that nothing else ever happens."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.providers import Balance
from notifyhub.reason import Reason
from notifyhub_ihuyi.codes import CODES
from notifyhub_ihuyi.reply import RegisteredTemplate, read_balance, read_submit, read_template

SMSID = "16842079209571524017"
JSON = '{"code":2,"msg":"提交成功","smsid":"16842079209571524017"}'
NAMESPACES = ["http://106.ihuyi.com/", "http://106.ihuyi.cn/", "106.ihuyi.com", "192.0.2.7", None]


def xml(
    code: str = "2", smsid: str | None = SMSID, root: str = "SubmitResult", ns: Any = NAMESPACES[0]
) -> str:
    """A reply as the gateway writes it; ns None is no namespace at all."""
    space = "" if ns is None else f' xmlns="{ns}"'
    serial = "" if smsid is None else f"\n<smsid>{smsid}</smsid>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<{root}{space}>\n<code>{code}</code>\n'
        f"<msg>提交成功</msg>{serial}\n</{root}>"
    )


def read(body: str | bytes, status: int = 200, **headers: str) -> Outcome:
    """The outcome of a reply; header names with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_submit(status, named, body.encode() if isinstance(body, str) else body)


def is_unknown(outcome: Outcome) -> bool:
    """Whether the outcome is UNKNOWN because the reply could not be understood."""
    return outcome.kind is OutcomeKind.UNKNOWN and outcome.reason is Reason.MALFORMED_REPLY


@pytest.mark.parametrize(
    "body",
    [
        JSON,
        JSON.replace(":2", ':"2"'),
        JSON.replace(f'"{SMSID}"', SMSID),
        f" \r\n{JSON}\n",
        "\ufeff" + JSON,
        JSON.replace("}", ',"balance":12,"new":null,"flag":true}'),
        *(xml(ns=ns) for ns in NAMESPACES),
        xml() + "\n\n",
        "\ufeff" + xml(),
        xml().removeprefix('<?xml version="1.0" encoding="utf-8"?>\n'),
        xml().replace("utf-8", "UTF-8"),
        f'<a:SubmitResult xmlns:a="x" xmlns:b="y"><a:code>2</a:code><b:msg/>'
        f"<smsid>{SMSID}</smsid></a:SubmitResult>",
        xml().replace("<msg>", "<!-- said --><msg>"),
        xml().replace("<code>2", "<code><![CDATA[2]]>"),
    ],
)
def test_a_good_reply_is_accepted(body: str) -> None:
    """Code 2 with a serial number is accepted, whatever the format, namespace or writing; the digits stay."""
    outcome = read_submit(200, {}, body.encode(), parts=2, price=0.1)
    assert (outcome.kind, outcome.provider_message_id) == (OutcomeKind.ACCEPTED, SMSID)
    assert (outcome.code, outcome.parts, outcome.price) == ("2", 2, 0.1)


@pytest.mark.parametrize(
    "form", ["json", "json-string", "json-absent", "json-null", "xml", "xml-absent", "xml-empty"]
)
@pytest.mark.parametrize("code", [row.code for row in CODES if row.reason] + ["9", "31337", "999999999"])
def test_every_other_code_without_a_serial_number_is_refused(code: str, form: str) -> None:
    """A code that is not 2 and no serial number prove that nothing went, for unlisted codes too."""
    body = {
        "json": f'{{"code":{code},"msg":"不","smsid":"0"}}',
        "json-string": f'{{"code":"{code}","msg":"不","smsid":0}}',
        "json-absent": f'{{"code":{code}}}',
        "json-null": f'{{"code":{code},"msg":null,"smsid":null}}',
        "xml": xml(code, "0"),
        "xml-absent": xml(code, None),
        "xml-empty": xml(code, ""),
    }[form]
    outcome = read(body)
    row = next((row for row in CODES if row.code == code), None)
    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.reason is (row.reason if row else Reason.UNRECOGNISED_CODE)
    assert outcome.retry_after == (row.retry_after if row else None)
    assert outcome.code == code
    assert outcome.detail


@pytest.mark.parametrize("body", [f'{{"code":406,"msg":"x","smsid":"{SMSID}"}}', xml("406")])
def test_a_refusal_with_a_serial_number_is_unknown(body: str) -> None:
    """A reply that contradicts itself is unknown, and keeps the number so that a receipt can match."""
    outcome = read(body)
    assert is_unknown(outcome)
    assert (outcome.code, outcome.provider_message_id) == ("406", SMSID)


@pytest.mark.parametrize(
    "smsid",
    ['"0"', "0", '""', "null", '"abc"', '" 1"', "true", "1.0", "-5", f'"{"1" * 21}"', '"１２"', '"00"'],
)
@pytest.mark.parametrize("code", [2, 406])
def test_a_serial_number_that_is_none_proves_nothing(code: int, smsid: str) -> None:
    """Code 2 without a real serial number is unknown; another code is refused only with none or 0."""
    outcome = read(f'{{"code":{code},"msg":"x","smsid":{smsid}}}')
    if code == 406 and smsid in ('"0"', "0", '""', "null"):
        assert outcome.kind is OutcomeKind.REFUSED
    else:
        assert is_unknown(outcome)
        assert outcome.provider_message_id is None
        assert outcome.code == ("2" if code == 2 else "406")


@pytest.mark.parametrize(
    "code",
    [
        "true",
        "false",
        "2.0",
        "2e0",
        '" 2 "',
        '"02"',
        '"2.0"',
        '"２"',
        "null",
        '""',
        "-2",
        '"+2"',
        "[2]",
        "2000000000",
    ],
)
def test_a_code_is_written_in_one_way_only(code: str) -> None:
    """What merely resembles a code is neither accepted nor refused."""
    outcome = read(f'{{"code":{code},"msg":"提交成功","smsid":"{SMSID}"}}')
    assert is_unknown(outcome)
    assert outcome.provider_message_id == (None if code == "[2]" else SMSID)
    if code != "[2]":
        assert is_unknown(read(xml(code.strip('"'))) if code != '""' else read(xml("")))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "   ",
        "2",
        "null",
        "true",
        '"2"',
        "OK",
        f"[{JSON}]",
        "[]",
        "{}",
        JSON + JSON,
        JSON + "x",
        JSON.replace('"msg"', '"code"'),
        '{"code":2,"code":2,"smsid":"1"}',
        '{"data":' + JSON + "}",
        JSON.replace('"提交成功"', '{"code":2}'),
        JSON.replace('"提交成功"', "[1]"),
        JSON.replace(":2", ":NaN"),
        JSON.replace(":2", ":Infinity"),
        JSON.replace('"', "'"),
        '{"a":' * 9000 + "1" + "}" * 9000,
        "{" + "[" * 60000,
        '{"code":' + "2" * 60000 + "}",
        JSON.replace("提交成功", "a\x00b"),
        JSON[:-1] + " " * 66000 + "}",
        "<html><body>2</body></html>",
        "<!DOCTYPE html><html></html>",
        xml(root="Submitresult"),
        xml(root="GetNumResult"),
        xml().replace("?>", '?><!DOCTYPE SubmitResult [<!ENTITY a "2">]>', 1).replace(">2<", ">&a;<"),
        xml().replace("?>", "?><!DOCTYPE SubmitResult>", 1),
        xml().replace("utf-8", "gbk"),
        xml().replace("utf-8", "GB2312"),
        xml().replace("utf-8", "iso-8859-1"),
        xml().replace("utf-8", "utf-16"),
        xml().replace("utf-8", "no-such-charset"),
        xml("<code>2</code>"),
        xml("2<b/>"),
        xml().replace("提交成功", "<b/>"),
        xml(" 2 "),
        xml("\n2\n"),
        xml("02"),
        xml("&a;"),
        xml("&#50"),
        xml().replace("<msg>", "<code>2</code><msg>"),
        xml().replace("<msg>", '<x:code xmlns:x="y">2</x:code><msg>'),
        xml().replace("<msg>", "提交<msg>"),
        xml() + xml(),
        xml() + "x",
        xml().replace("</SubmitResult>", ""),
        f"<r>{xml(ns=None)[39:]}</r>",
        "<SubmitResult/>",
        "\n" + xml(),
        xml().replace("SubmitResult", "a:SubmitResult"),
        xml().replace("提交", "提\x00"),
        b"\xff\xfe" + JSON.encode("utf-16-le"),
        JSON.encode("gbk"),
        xml().encode("gbk"),
        xml().encode("utf-16"),
        JSON.encode().replace("提".encode(), b"\xed\xa0\x80"),
    ],
)
def test_nonsense_is_unknown(body: str | bytes) -> None:
    """What is not a whole, well-formed, flat reply in UTF-8 is unknown: never accepted, never a crash."""
    assert is_unknown(read(body))


@pytest.mark.parametrize(
    "status", [199, 201, 202, 204, 301, 302, 400, 401, 408, 429, 500, 502, 503, 504, 599]
)
@pytest.mark.parametrize("body", [JSON, xml(), xml("406", "0"), "<html>", ""])
def test_another_status_than_200_is_unknown(status: int, body: str) -> None:
    """No status but 200 proves anything, good as the body may look; a serial number in it is kept."""
    outcome = read(body, status)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.reason is (Reason.PROVIDER_ERROR if status >= 500 else Reason.MALFORMED_REPLY)
    assert outcome.provider_message_id == (SMSID if SMSID in body else None)


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        ("text/html", True),
        ("application/json; charset=utf-8", True),
        ('text/xml; charset="UTF-8"', True),
        ("text/xml;charset=us-ascii", True),
        ("", True),
        ("text/xml; charset=gbk", False),
        ("text/html; Charset=ISO-8859-1", False),
    ],
)
def test_the_charset_of_the_header_counts(content_type: str, good: bool) -> None:
    """The media type does not matter, since replies are sniffed; another charset than UTF-8 does."""
    outcome = read(JSON, content_type=content_type)
    assert outcome.kind is (OutcomeKind.ACCEPTED if good else OutcomeKind.UNKNOWN)
    assert outcome.provider_message_id == SMSID


@pytest.mark.parametrize(
    "body", [JSON.encode(), xml().encode(), b"\n" + JSON.encode() + b"\r\n", xml().encode() + b" \n"]
)
def test_a_reply_cut_off_anywhere_is_unknown(body: bytes) -> None:
    """Cut after any byte, a good reply is unknown, save where only white space is lost."""
    whole = len(body.rstrip())
    for end in range(len(body) + 1):
        outcome = read(body[:end])
        if end < whole:
            assert is_unknown(outcome), end
        else:
            assert outcome.kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_vendors_words_show_nothing_private(form: str) -> None:
    """A msg that echoes number, text and key shows none of them, in a refusal or a contradiction."""
    mobile, text, key = "13800138000", "您的验证码是：482913。", "k3yA0000000000000000000000000001"
    for smsid in ("0", SMSID):
        echo = f"{mobile} {text} {key} \u202e"
        body = (
            json.dumps({"code": 407, "msg": echo + "\x07", "smsid": smsid})
            if form == "json"
            else xml("407", smsid).replace("提交成功", echo)
        )
        outcome = read_submit(200, {}, body.encode(), private=(mobile, text, key))
        detail = outcome.detail or ""
        assert not any(word in detail for word in (mobile, text, key, "482913", "\x07", "\u202e"))
        assert len(detail) <= 260


def prove(outcome: Outcome, body: bytes) -> None:
    """Whatever is accepted must be proved by the body, as other parsers than ours read it."""
    if outcome.kind is not OutcomeKind.ACCEPTED:
        assert outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.UNKNOWN)
        if outcome.kind is OutcomeKind.REFUSED:
            assert outcome.code is not None
            assert outcome.code != "2"
        return
    text = body.decode("utf-8-sig")
    if text.lstrip().startswith("{"):
        found = json.loads(text)
        assert found["code"] in (2, "2")
        assert type(found["code"]) in (int, str)
        serial = str(found["smsid"])
    else:
        assert "<!DOCTYPE" not in text
        root = ET.fromstring(text)  # noqa: S314 - a test's own bytes
        assert root.tag.rpartition("}")[2] == "SubmitResult"
        values = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert values["code"] == "2"
        serial = values["smsid"] or ""
    assert serial == outcome.provider_message_id
    assert serial.isascii()
    assert serial.isdigit()
    assert 0 < int(serial) < 10**20


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2", "0", "406", SMSID, " 2 ", "02", 2, 406, int(SMSID)])
)
NAMES = st.sampled_from(["code", "msg", "smsid", "num", "Code"]) | st.text(max_size=4)
OBJECTS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=6).map(
    lambda found: json.dumps(found).encode()
)
LEAVES = st.sampled_from(["2", "0", "406", SMSID, "", " 2", "<b>2</b>", "&amp;", "&#x32;", "提交"]) | st.text(
    max_size=5
)
ELEMENTS = st.lists(st.tuples(st.sampled_from(["code", "msg", "smsid", "x:code", "num"]), LEAVES), max_size=5)
DOCUMENTS = st.builds(
    lambda root, head, inner: (
        f'{head}<{root} xmlns="106.ihuyi.com" xmlns:x="y">'
        + "".join(f"<{name}>{value}</{name}>" for name, value in inner)
        + f"</{root}>"
    ).encode(errors="surrogatepass"),
    st.sampled_from(["SubmitResult", "x:SubmitResult", "GetNumResult", "html"]),
    st.sampled_from(["", '<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE a>", "\n", "\ufeff"]),
    ELEMENTS,
)


@st.composite
def _spoilt(draw: st.DrawFn) -> bytes:
    """A good reply with some bytes changed, taken out or put in."""
    body = bytearray(draw(st.sampled_from([JSON.encode(), xml().encode(), xml("406", "0").encode()])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


BODIES = st.binary(max_size=200) | OBJECTS | DOCUMENTS | _spoilt()
STATUSES = st.sampled_from([200, 200, 200, 200, 302, 500])


def check_any_bytes(status: int, body: bytes) -> None:
    """Read bytes as each kind of reply, and hold the outcomes against the promises."""
    outcome = read_submit(status, {}, body, private=("13800138000",))
    assert status == 200 or outcome.kind is OutcomeKind.UNKNOWN
    prove(outcome, body)
    balance = read_balance(status, {}, body)
    assert isinstance(balance, Balance) or balance.kind in (OutcomeKind.REFUSED, OutcomeKind.UNKNOWN)
    template = read_template(status, {}, body)
    assert isinstance(template, RegisteredTemplate) or template.kind in (
        OutcomeKind.REFUSED,
        OutcomeKind.UNKNOWN,
    )


@settings(max_examples=200, deadline=None)
@given(status=STATUSES, body=BODIES)
def test_any_bytes(status: int, body: bytes) -> None:
    """No bytes make a parser raise, and nothing is accepted that another parser would not prove."""
    check_any_bytes(status, body)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "bodies", [st.binary(max_size=400), OBJECTS, DOCUMENTS, _spoilt()], ids=["bytes", "json", "xml", "spoilt"]
)
def test_any_bytes_campaign(bodies: st.SearchStrategy[bytes]) -> None:
    """The same, ten thousand times for each kind of body."""

    @settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(status=STATUSES, body=bodies)
    def campaign(status: int, body: bytes) -> None:
        check_any_bytes(status, body)

    campaign()


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        ('{"code":2,"msg":"ok","num":123}', 123),
        ('{"code":2,"msg":"ok","num":"123"}', 123),
        ('{"code":"2","num":0}', 0),
        (xml(root="GetNumResult").replace("smsid", "num").replace(SMSID, "77"), 77),
        ("<GetNumResult xmlns='106.ihuyi.com'><code>2</code><msg/><num>0</num></GetNumResult>", 0),
    ],
)
def test_a_balance(body: str, amount: int) -> None:
    """A balance is a number of messages; 0 is one where the gateway says so under code 2."""
    assert read_balance(200, {}, body.encode()) == Balance(amount=amount, unit="messages")


@pytest.mark.parametrize(
    "body",
    ['{"code":405,"msg":"x","num":0}', xml("405", "0", "GetNumResult"), xml("405", "0", "SubmitResult")],
)
def test_an_error_is_no_balance(body: str) -> None:
    """An error is an outcome and never a balance of 0, under either root."""
    found = read_balance(200, {}, body.encode())
    assert isinstance(found, Outcome)
    assert (found.kind, found.reason, found.code) == (OutcomeKind.REFUSED, Reason.CREDENTIALS, "405")


@pytest.mark.parametrize(
    "body",
    [
        '{"code":2,"num":null}',
        '{"code":2}',
        '{"code":2,"num":"-1"}',
        '{"code":2,"num":1.5}',
        '{"code":2,"num":true}',
        '{"code":2,"num":""}',
        '{"num":5}',
        '{"code":2,"num":"五"}',
        "",
    ],
)
def test_an_unreadable_balance_is_unknown(body: str) -> None:
    """A balance that cannot be read is unknown."""
    found = read_balance(200, {}, body.encode())
    assert isinstance(found, Outcome)
    assert is_unknown(found)


def test_a_registered_template() -> None:
    """A registration gives the vendor's id; without one it is unknown, with another code refused."""
    assert read_template(200, {}, b'{"code":2,"msg":"ok","templateid":"812"}') == RegisteredTemplate(
        "812", "ok"
    )
    body = "<AddTemplateResult xmlns='a'><code>2</code><msg/><templateid>9</templateid></AddTemplateResult>"
    assert read_template(200, {}, body.encode()) == RegisteredTemplate("9")
    for missing in (b'{"code":2,"templateid":"0"}', b'{"code":2}', b'{"code":2,"templateid":"a b"}'):
        found = read_template(200, {}, missing)
        assert isinstance(found, Outcome)
        assert is_unknown(found)
    refused = read_template(200, {}, b'{"code":4053,"msg":"","templateid":"0"}')
    assert isinstance(refused, Outcome)
    assert refused.reason is Reason.CREDENTIALS
