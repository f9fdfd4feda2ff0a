"""Receipts, replies and reviews as they reach the customer's URL, and the receiver that takes them."""

import asyncio
import re
import time
from itertools import pairwise
from typing import Any

import httpx
import pytest

from notifyhub_ihuyi.simulator import Behaviour, PushReceiver, Receipt


def answers(*texts: str | int) -> Any:
    """A handler that answers these in turn (a number is a status with ``success``), then ``success``."""
    left = list(texts)

    async def handler(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        text = left.pop(0) if left else "success"
        return (text, "success") if isinstance(text, int) else (200, text)

    return handler


def test_receipt(talk: Any) -> None:
    """An accepted message is followed by one receipt with the fields of the manual, in Shanghai's time."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            assert await client.code() == 2
            await gateway.drain()
            (one,) = receiver.received
            assert one.method == "POST"
            assert one.headers["content-type"] == "application/x-www-form-urlencoded"
            assert one.fields == {
                "code": "2",
                "msg": "发送成功",
                "mobilephone": "13800138000",
                "smsid": gateway.submissions[0].smsid,
                "report_time": "2023-11-15 06:13:20",
            }

    talk(check, clock=lambda: 1700000000.0)


def test_no_receipts(talk: Any) -> None:
    """Refused messages get no receipt, and with receipts off or nowhere to push, accepted ones get none."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            assert await client.code() == 2
            await gateway.drain()
            gateway.push_to = receiver.url
            assert await client.code(mobile="13900000406") == 406
            await gateway.drain()
            assert receiver.received == []
            assert gateway.pushes == []

    async def check_off(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            assert await client.code() == 2
            await gateway.drain()
            assert receiver.received == []

    talk(check)
    talk(check_off, receipts=False)


@pytest.mark.parametrize("wrong", ["ok", "SUCCESS", "success\n", "", 500, 204])
def test_only_success_will_do(talk: Any, wrong: str | int) -> None:
    """Any answer but exactly success under 200 has the push repeated."""
    given = (204, "") if wrong == 204 else None

    async def first_204(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        nonlocal given
        answer, given = given or (200, "success"), None
        return answer

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver(first_204 if given else answers(wrong)) as receiver:
            gateway.push_to = receiver.url
            assert await client.code() == 2
            await gateway.drain()
            assert len(receiver.received) == 2
            assert receiver.received[0].body == receiver.received[1].body
            assert [one.acknowledged for one in gateway.pushes] == [False, True]

    talk(check, time_scale=0.0002)


def test_three_repeats_with_growing_gaps(talk: Any) -> None:
    """A push that is never acknowledged is made four times, the gaps growing by one more unit each."""
    times: list[float] = []

    async def refuse(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        times.append(time.monotonic())
        return 200, "no"

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver(refuse) as receiver:
            gateway.push_to = receiver.url
            assert await client.code() == 2
            await gateway.drain()
            assert [one.attempt for one in gateway.pushes] == [0, 1, 2, 3]

    talk(check, time_scale=0.001)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # Only the lower bounds are sharp: a busy machine may be late, never early.
    for gap, wanted in zip(gaps, (0.06, 0.12, 0.18), strict=True):
        assert wanted - 0.005 <= gap < wanted + 1


def test_nobody_listens(talk: Any) -> None:
    """A push that cannot be made is recorded with what went wrong, and repeated."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
        assert await client.code() == 2
        await gateway.drain()
        assert [one.answer for one in gateway.pushes] == ["ConnectionRefusedError"] * 4
        assert {one.status for one in gateway.pushes} == {None}

    talk(check, time_scale=0.0001)


def test_no_http_answer(talk: Any) -> None:
    """An answer that is not HTTP, or none at all, counts as not acknowledged."""

    async def check(gateway: Any, client: Any) -> None:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(replies.pop())
            writer.close()

        replies = [b"success", b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsucc"]
        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        gateway.push_to = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(3):
            assert await gateway.push({"x": "y"}) is False
        server.close()
        await server.wait_closed()
        assert {one.status for one in gateway.pushes} == {None}

    talk(check, time_scale=10.0)


def test_reply(talk: Any) -> None:
    """A person's answer carries number, text and time, and hints at the last message to that number."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            assert await gateway.reply("13800138000", "你好") is True
            assert [await client.code(), await client.code()] == [2, 2]
            await gateway.reply("13800138000", "TD")
            await gateway.reply("13800138000", "TD", smsid="1")
            await gateway.reply("13800138000", "TD", smsid="")
            replies = [one.fields for one in receiver.received if "content" in one.fields]
            assert replies[0] == {
                "mobilephone": "13800138000",
                "content": "你好",
                "reply_time": "2023-11-15 06:13:20",
            }
            assert [one.get("smsid") for one in replies[1:]] == [gateway.submissions[1].smsid, "1", None]
            await gateway.drain()

    talk(check, clock=lambda: 1700000000.0)


def test_review(talk: Any) -> None:
    """A review changes the template and pushes code 2 or 0, words and the template's id."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver(answers("not yet")) as receiver:
            gateway.push_to = receiver.url
            assert await gateway.review("1", approved=False) is False
            await gateway.drain()
            assert await client.code(templateid="1", content="1234") == 4071
            assert await gateway.review("1", approved=True, words="通过") is True
            assert await client.code(templateid="1", content="1234") == 2
            await gateway.drain()
            reviews = [one.fields for one in receiver.received if "templateid" in one.fields]
            assert reviews == [
                {"code": "0", "msg": "审核不通过", "templateid": "1"},
                {"code": "0", "msg": "审核不通过", "templateid": "1"},
                {"code": "2", "msg": "通过", "templateid": "1"},
            ]
            with pytest.raises(LookupError):
                await gateway.review("77", approved=True)

    talk(check, time_scale=0.0001)


def test_nowhere_to_push(talk: Any) -> None:
    """A reply or review without an address to push to, and an address that is no http URL, are errors."""

    async def check(gateway: Any, client: Any) -> None:
        with pytest.raises(RuntimeError, match="push_to"):
            await gateway.reply("13800138000", "TD")
        with pytest.raises(RuntimeError, match="push_to"):
            await gateway.review("1", approved=True)
        with pytest.raises(ValueError, match="http://"):
            gateway.push_to = "https://example.org/push"

    talk(check)


def test_any_fields(talk: Any) -> None:
    """Push sends whatever fields it is given, for forged and malformed pushes."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url + "/t0ken?a=b"
            assert await gateway.push({"code": "", "smsid": "🙂"}) is True
            assert receiver.received[0].fields == {"code": "", "smsid": "🙂"}
            assert receiver.received[0].path == "/push/t0ken?a=b"

    talk(check)


def test_early_receipt_comes_before_the_answer(talk: Any) -> None:
    """An early receipt has been answered by the customer before the submission is."""

    async def check(gateway: Any, client: Any) -> None:
        release = asyncio.Event()

        async def wait(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
            await release.wait()
            return 200, "success"

        async with PushReceiver(wait) as receiver:
            gateway.push_to = receiver.url
            submitting = asyncio.ensure_future(client.code(mobile="13700000043"))
            done, _ = await asyncio.wait([submitting], timeout=0.1)
            assert not done
            assert len(gateway.submissions) == 1
            release.set()
            assert await submitting == 2

    talk(check)


def test_receipts_in_code(talk: Any) -> None:
    """Receipts made in code are pushed as described, a wrong number and serial number included."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            plan = [Receipt(code=5, delay=0.0), Receipt(mobile=lambda _: "1", smsid="2", delay=0.0)]
            gateway.script("13800138000", [Behaviour.receive("mine", *plan)])
            assert await client.code() == 2
            await gateway.drain()
            assert [one.fields["code"] for one in receiver.received] == ["5", "2"]
            assert receiver.received[1].fields["mobilephone"] == "1"
            assert receiver.received[1].fields["smsid"] == "2"

    talk(check)


def test_receiver_hands_over_everything() -> None:
    """The handler gets method, lower-case headers and the raw body, and its answer goes back as it is."""
    seen: list[tuple[str, str | None, bytes]] = []

    async def handler(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        seen.append((method, headers.get("x-one"), body))
        return 418, "短"

    async def body() -> None:
        async with PushReceiver(handler) as receiver, httpx.AsyncClient() as http:
            answer = await http.put(receiver.url, content=b"\xff", headers={"X-One": "1"})
            assert (answer.status_code, answer.text) == (418, "短")
            assert [(one.status, one.answer) for one in receiver.received] == [(418, "短")]

    asyncio.run(body())
    assert seen == [("PUT", "1", b"\xff")]


def test_receiver_survives_its_handler(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises is answered for with 500, logged and kept, and the receiver goes on."""

    async def handler(method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        raise LookupError("mine")

    async def body() -> None:
        async with PushReceiver(handler) as receiver, httpx.AsyncClient() as http:
            for _ in range(2):
                assert (await http.post(receiver.url)).status_code == 500
            assert [str(one) for one in receiver.errors] == ["mine", "mine"]

    asyncio.run(body())
    assert re.search("handler of the push receiver failed", caplog.text)


def test_receiver_has_no_address_before_it_is_open() -> None:
    """The receiver's URL is an error before it listens."""
    with pytest.raises(RuntimeError, match="async with"):
        _ = PushReceiver().url
