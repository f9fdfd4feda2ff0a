"""Behaviour by number and by script, seen from the client's side of the socket."""

import json
import re
import time
import zlib
from typing import Any

import httpx
import pytest

import notifyhub_ihuyi.simulator as simulator
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, FAULTS, MESSAGES, Behaviour, Limits, PushReceiver, Receipt


def number(place: int, variant: int = 0) -> str:
    """The number of a fault; variant 1 is the one in which nothing was accepted."""
    return f"137000{variant}{place:04d}"


def test_every_code_by_number(talk: Any) -> None:
    """139000CCCCC answers code CCCCC, whether listed or not, with smsid 0 unless the code is 2."""

    async def check(gateway: Any, client: Any) -> None:
        for code in [*MESSAGES, 9, 4999, 99999]:
            assert await client.code(mobile=f"139000{code:05d}") == code
        assert [one.mobile for one in gateway.submissions] == ["13900000002"]

    talk(check)


def test_numbers_can_be_switched_off(talk: Any) -> None:
    """Without by_number the special numbers are numbers like any other."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(mobile="13900000406") == 2
        assert await client.code(mobile="13700000012") == 2

    talk(check, by_number=False)


@pytest.mark.parametrize("mobile", ["13700009999", "13700000999", "13800138000", "13900139000"])
def test_ordinary_numbers(talk: Any, mobile: str) -> None:
    """A number outside the tables behaves normally."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(mobile=mobile) == 2

    talk(check)


def test_password_comes_first(talk: Any) -> None:
    """A wrong password is told before any behaviour, and uses no script up."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.script("13800138000", [Behaviour.code(4085)])
        assert await client.code(mobile=number(12), password="wrong") == 405
        assert await client.code(password="wrong") == 405
        assert await client.code() == 4085

    talk(check)


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize(
    ("place", "error"),
    [
        (1, httpx.ReadTimeout),
        (2, httpx.ReadError),
        (3, httpx.ReadError),
        (4, httpx.RemoteProtocolError),
        (7, httpx.RemoteProtocolError),
    ],
)
def test_broken_connections(talk: Any, place: int, variant: int, error: type[Exception]) -> None:
    """Silence, resets, closes and short bodies break the exchange; the message counts as the table says."""

    async def check(gateway: Any, client: Any) -> None:
        with pytest.raises(error):
            await client.submit(mobile=number(place, variant))
        assert len(gateway.submissions) == (variant == 0 and place != 3)
        assert await client.code() == 2

    talk(check, timeout=0.3)


def test_drip(talk: Any) -> None:
    """A dripping answer comes a byte at a time and outlives a read timeout that is longer than the gap."""

    async def check(gateway: Any, client: Any) -> None:
        form = {
            "account": DEMO_ACCOUNT,
            "password": simulator.DEMO_API_KEY,
            "mobile": number(5),
            "content": "您好",
        }
        started = time.monotonic()
        async with client.http.stream("POST", "/webservice/sms.php?method=Submit", data=form) as answer:
            chunks = answer.aiter_raw()
            assert [len(await anext(chunks)) for _ in range(4)] == [1] * 4
            await chunks.aclose()
        assert time.monotonic() - started >= 0.8
        assert len(gateway.submissions) == 1

        gateway.script("13800138000", [Behaviour.drip(0.001)])
        assert await client.code() == 2

    talk(check, timeout=0.5)


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize(
    ("place", "status"), [(11, 200), (12, 500), (13, 502), (14, 429), (15, 302), (17, 503), (18, 504)]
)
def test_http_pages(talk: Any, place: int, status: int, variant: int) -> None:
    """The HTTP faults are HTML pages under their status, after accepting or not."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(place, variant))
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<html>" in answer.text
        assert len(gateway.submissions) == (variant == 0)

    talk(check)


def test_redirect_is_seen(talk: Any) -> None:
    """A client that follows the redirect shows up in the list of requests."""

    async def check(gateway: Any, client: Any) -> None:
        client.http.follow_redirects = True
        assert (await client.submit(mobile=number(15))).status_code == 404
        assert [one.path for one in gateway.requests] == ["/webservice/sms.php", "/elsewhere"]

    talk(check)


BODIES: dict[int, tuple[bytes, bytes]] = {
    # place: what a JSON answer is, what an XML answer contains (after the smsid has been made S)
    16: (b"", b""),
    22: ('[{"code":2,"msg":"提交成功","smsid":"S"}]'.encode(), b'"smsid":"S"}]'),
    23: ('{"code":true,"msg":"提交成功","smsid":"S"}'.encode(), b"<code>true</code>"),
    24: ('{"code":2.0,"msg":"提交成功","smsid":"S"}'.encode(), b"<code>2.0</code>"),
    25: ('{"code":" 2 ","msg":"提交成功","smsid":"S"}'.encode(), b"<code> 2 </code>"),
    26: ('{"code":2,"msg":"提交成功","smsid":"0"}'.encode(), b"<smsid>0</smsid>"),
    27: ('{"code":2,"msg":"提交成功"}'.encode(), "提交成功</msg>\n</SubmitResult>".encode()),
    28: ('{"code":2,"msg":"提交成功","smsid":""}'.encode(), b"<smsid></smsid>"),
    29: (
        '{"code":406,"msg":"手机格式不正确，格式为11位的数字.","smsid":"S"}'.encode(),
        b"<smsid>S</smsid>",
    ),
    36: ('{"code":"2","msg":"提交成功","smsid":"S"}'.encode(), b"<code>2</code>"),
}


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize("place", BODIES)
def test_spoilt_bodies(talk: Any, place: int, variant: int) -> None:
    """Each spoilt body is spoilt in exactly the one way that the table says, in both formats."""

    async def check(gateway: Any, client: Any) -> None:
        for as_json in (True, False):
            answer = await client.submit(mobile=number(place, variant), format="json" if as_json else "xml")
            assert answer.status_code == 200
            assert answer.headers["content-length"] == str(len(answer.content))
            body = answer.content
            for one in gateway.submissions:
                body = body.replace(one.smsid.encode(), b"S")
            if variant == 1:  # no record tells the smsid: it is the only run of 20 digits
                body = re.sub(rb"[0-9]{20}", b"S", body)
            if as_json:
                assert body == BODIES[place][0]
            else:
                assert BODIES[place][1] in body
        assert len(gateway.submissions) == (2 if variant == 0 else 0)

    talk(check)


def test_truncated_with_the_right_length(talk: Any) -> None:
    """A truncated body is complete for HTTP and cut for JSON and XML."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(6))
        assert answer.headers["content-length"] == str(len(answer.content))
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.content)
        assert not (await client.submit(mobile=number(6), format="xml")).text.endswith("</SubmitResult>")
        assert len(gateway.submissions) == 2

    talk(check)


def test_broken_xml(talk: Any, members_of: Any) -> None:
    """XML that is not well-formed comes whatever was asked for, and no parser takes it."""

    async def check(gateway: Any, client: Any) -> None:
        for asked in ("xml", "json"):
            answer = await client.submit(mobile=number(21), format=asked)
            assert answer.text.startswith("<?xml")
            with pytest.raises(SyntaxError):
                members_of(answer.content)

    talk(check)


def test_gzip_bomb(talk: Any) -> None:
    """The bomb passes a cap of 64 KiB on raw bytes and unpacks to more than 32 MiB, asked for or not."""

    async def check(gateway: Any, client: Any) -> None:
        form = {
            "account": DEMO_ACCOUNT,
            "password": simulator.DEMO_API_KEY,
            "mobile": number(30),
            "content": "x",
        }
        async with client.http.stream(
            "POST",
            "/webservice/sms.php?method=Submit",
            data=form,
            headers={"Accept-Encoding": "identity"},
        ) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert len(raw) < 65536
        assert len(zlib.decompress(raw, zlib.MAX_WBITS | 16)) > 32 * 1024 * 1024

    talk(check)


def test_oversized(talk: Any) -> None:
    """The oversized answer is well-formed and longer than 64 KiB."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(31))
        assert len(answer.content) > 65536
        assert answer.json()["code"] == 2

    talk(check)


def test_gbk(talk: Any) -> None:
    """The GBK answer says GBK and is GBK."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(32))
        assert answer.content.startswith(b'<?xml version="1.0" encoding="gbk"?>')
        assert "提交成功" in answer.content.decode("gbk")
        with pytest.raises(UnicodeDecodeError):
            answer.content.decode("utf-8")

    talk(check)


def test_dtd(talk: Any, members_of: Any) -> None:
    """The DTD answer means code 2 to a parser that expands entities, and says so nowhere else."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(33))
        assert b"<!DOCTYPE" in answer.content
        assert b"<code>&answer;</code>" in answer.content
        assert members_of(answer.content)[1]["code"] == "2"

    talk(check)


def test_wrong_root(talk: Any, members_of: Any) -> None:
    """The wrong root has the right members and a name that no method answers with."""

    async def check(gateway: Any, client: Any) -> None:
        root, members = members_of((await client.submit(mobile=number(34))).content)
        assert (root, members["code"]) == ("QueryResult", "2")

    talk(check)


def test_xml_though_json_was_asked(talk: Any, members_of: Any) -> None:
    """A refusal may come as XML though JSON was asked for."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(mobile=number(35), format="json")
        assert members_of(answer.content)[1] == {"code": "401", "msg": "帐号不能为空", "smsid": "0"}
        assert gateway.submissions == []

    talk(check)


def test_delays(talk: Any, until: Any) -> None:
    """A delay accepts when it is over, also for a client that has gone; a slow answer accepts at once."""

    async def check(gateway: Any, client: Any) -> None:
        started = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            await client.submit(mobile="13700001001")
        assert gateway.submissions == []
        with pytest.raises(httpx.ReadTimeout):
            await client.submit(mobile="13700002001")
        assert [one.mobile for one in gateway.submissions] == ["13700002001"]
        await until(lambda: len(gateway.submissions) == 2)
        assert time.monotonic() - started >= 1.0
        assert gateway.submissions[1].mobile == "13700001001"
        assert await client.code(mobile="13700001000") == 2
        assert await client.code(mobile="13700002000") == 2

    talk(check, timeout=0.3)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (42, ["2", "2"]),
        (43, ["2"]),
        (44, ["0", "2"]),
        (45, ["0"]),
        (46, ["2"]),
        (47, ["2"]),
        (48, []),
    ],
)
def test_receipts_by_number(talk: Any, place: int, told: list[str]) -> None:
    """Each receipt fault pushes its receipts in its order, once each when they are acknowledged."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            assert await client.code(mobile=number(place)) == 2
            assert len(receiver.received) == (place == 43)
            await gateway.drain()
            pushed = [one.fields for one in receiver.received]
            assert [one["code"] for one in pushed] == told
            one = gateway.submissions[0]
            for fields in pushed:
                assert (fields["smsid"] == one.smsid) == (place != 47)
                assert (fields["mobilephone"] == one.mobile) == (place != 46)

    talk(check, receipt_delay=0.01)


def test_late_receipt(talk: Any, until: Any) -> None:
    """A late receipt comes when its time is over and not before; by number that is 3 seconds."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            gateway.script("13800138000", [Behaviour.receive("late", Receipt(delay=0.3))])
            started = time.monotonic()
            assert await client.code() == 2
            assert await client.code(mobile=number(41)) == 2
            await until(lambda: bool(receiver.received))
            assert 0.3 <= time.monotonic() - started < 2
            assert receiver.received[0].fields["mobilephone"] == "13800138000"

    talk(check)
    assert FAULTS[41].behaviour.receipts == (Receipt(delay=3.0),)


def test_unaccepted_gets_no_receipt(talk: Any) -> None:
    """In the other world of an unclear answer nothing is recorded, paid for or followed by a receipt."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            assert (await client.submit(mobile=number(12, 1))).status_code == 500
            await gateway.drain()
            assert receiver.received == []
            assert gateway.balance[DEMO_ACCOUNT] == 1000
            assert (await client.submit(mobile=number(12))).status_code == 500
            await gateway.drain()
            assert len(receiver.received) == 1
            assert gateway.balance[DEMO_ACCOUNT] == 999

    talk(check)


def test_scripts(talk: Any) -> None:
    """A script is worked off in order for its number only; then the number is normal again."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.script("13800138000", [Behaviour.code(4085), Behaviour.accept(), Behaviour.normal()])
        gateway.script("*", [Behaviour.code(408)])
        assert [await client.code() for _ in range(3)] == [4085, 2, 4081]
        assert await client.code(mobile="13800138001") == 408
        assert await client.code(mobile="13800138001") == 2
        assert await client.code() == 4081

    talk(check, limits=Limits(per_minute=1))


def test_accept_overrides_the_checks(talk: Any) -> None:
    """A scripted acceptance accepts whatever the checks would say, and never makes the balance negative."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.script("123", [Behaviour.accept()])
        assert await client.code(mobile="123", content="【】") == 2
        assert gateway.balance[DEMO_ACCOUNT] == 0

    talk(check, balance=0)


def test_scripted_methods(talk: Any, members_of: Any) -> None:
    """GetNum and AddTemplate can be scripted with the same behaviours."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.script_method("GetNum", [Behaviour.http(500), Behaviour.code(4050), Behaviour.code_as(True)])
        assert (await client.call("GetNum")).status_code == 500
        assert (await client.call("GetNum")).json() == {"code": 4050, "msg": MESSAGES[4050], "num": 0}
        assert (await client.call("GetNum")).json()["code"] is True
        assert (await client.call("GetNum")).json()["num"] == 1000
        gateway.script_method("AddTemplate", [Behaviour.wrong_root()])
        assert members_of((await client.call("AddTemplate", content="您好")).content)[0] == "QueryResult"
        with pytest.raises(ValueError, match="by number"):
            gateway.script_method("Submit", [])

    talk(check)


def test_the_table_is_whole() -> None:
    """The package's docstring lists every numbered fault with the words of the table."""
    text = simulator.__doc__ or ""
    for fault in FAULTS.values():
        assert f"{fault.number}    {fault.words}\n" in text
    assert len(FAULTS) == len({fault.number for fault in FAULTS.values()})
