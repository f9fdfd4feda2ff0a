"""Starting, stopping, connections, the journal, and what is never shown."""

import ast
import asyncio
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

import notifyhub_ihuyi.simulator as simulator
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, PushReceiver, Simulator


async def raw(gateway: Simulator, *pieces: bytes) -> bytes:
    """Send bytes over a connection of their own and read until the gateway closes it."""
    host, _, port = gateway.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_connections_are_kept_and_counted(talk: Any, client_of: Any) -> None:
    """Requests of one client share a connection, another client opens another, and requests tell which."""

    async def check(gateway: Any, client: Any) -> None:
        assert [await client.code(), await client.code()] == [2, 2]
        async with client_of(gateway) as other:
            assert await other.code() == 2
        assert gateway.connections == 2
        assert [one.connection for one in gateway.requests] == [1, 1, 2]

    talk(check)


def test_idle_connections_are_closed(talk: Any) -> None:
    """A connection that is idle for keep_alive seconds is closed in good order."""

    async def check(gateway: Any, client: Any) -> None:
        assert await raw(gateway) == b""

    talk(check, keep_alive=0.05)


def test_reset_before_reading(talk: Any) -> None:
    """The next connections can be reset before a byte is read; nothing is recorded then."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.reset_connections(2)
        for _ in range(2):
            with pytest.raises((httpx.ReadError, httpx.WriteError)):
                await client.submit()
        assert (gateway.connections, gateway.requests) == (2, [])
        assert await client.code() == 2

    talk(check)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n" + b"x" * 1_100_000, b"413"),
        (b"POST / HTTP/1.0\r\ncontent-length: 1\r\n\r\nx", b"404"),
    ],
)
def test_what_is_no_request(talk: Any, sent: bytes, status: bytes) -> None:
    """Bytes that are no request, or too many, get a 4xx page and the end of the connection."""

    async def check(gateway: Any, client: Any) -> None:
        try:
            answer = await raw(gateway, sent)
        except ConnectionError:
            assert status == b"413"  # the gateway may hang up on what is still being sent
        else:
            assert answer.startswith(b"HTTP/1.1 " + status)
        assert await client.code() == 2

    talk(check)


def test_half_a_request(talk: Any) -> None:
    """A client that goes in the middle of its request leaves no trace and does no harm."""

    async def check(gateway: Any, client: Any) -> None:
        port = int(gateway.base_url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /webservice/sms.php?method=Submit HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nacc"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.02)
        assert await client.code() == 2
        assert len(gateway.requests) == 1

    talk(check)


def test_expect_continue(talk: Any) -> None:
    """A client that waits for 100 Continue gets it."""

    async def check(gateway: Any, client: Any) -> None:
        head = (
            b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
            b"connection: close\r\ncontent-length: 1\r\n\r\n"
        )
        assert (await raw(gateway, head, b"x")).startswith(b"HTTP/1.1 100")

    talk(check)


def test_closing_ends_everything(client_of: Any, until: Any) -> None:
    """Leaving the simulator ends silent, delayed, dripping and unread answers and pushes, within a second."""
    numbers = ("13700000001", "13700001099", "13700002099", "13700000005")

    async def body() -> None:
        async with (
            PushReceiver() as receiver,
            Simulator(push_to=receiver.url, receipt_delay=60.0) as gateway,
            client_of(gateway) as client,
        ):
            waiting = [asyncio.ensure_future(client.submit(mobile=mobile)) for mobile in numbers]
            await until(lambda: len(gateway.requests) == 4)
            async with asyncio.timeout(1):
                await gateway.aclose()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(one, httpx.TransportError) for one in ends)
            with pytest.raises(httpx.ConnectError):
                await client.submit()
        assert receiver.received == []
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(body())


def test_a_client_that_never_reads_does_not_hold_up_the_end(until: Any) -> None:
    """An answer that nobody reads is thrown away when the simulator is left."""

    async def body() -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with Simulator() as gateway:
            gateway.script_method("GetNum", [Behaviour.oversized(32 * 1024 * 1024)])
            client.connect(("127.0.0.1", int(gateway.base_url.rpartition(":")[2])))
            client.sendall(
                b"GET /sms/GetNum.json?account=%b&password=%b HTTP/1.1\r\nhost: x\r\n\r\n"
                % (DEMO_ACCOUNT.encode(), DEMO_API_KEY.encode())
            )
            await until(lambda: bool(gateway.requests))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(1):
                await gateway.aclose()
        client.close()

    asyncio.run(body())


def test_two_do_not_interfere(client_of: Any) -> None:
    """Two simulators in one process share neither accounts, scripts, balance nor messages."""

    async def body() -> None:
        async with (
            Simulator() as one,
            Simulator(accounts={"C00000009": "another"}) as two,
            client_of(one) as first,
            client_of(two) as second,
        ):
            one.script("13800138000", [Behaviour.code(408)])
            assert await second.code(account="C00000009", password="another") == 2
            assert await second.code() == 405
            assert await first.code() == 408
            assert (len(one.submissions), len(two.submissions)) == (0, 1)
            assert (one.balance, two.balance) == ({DEMO_ACCOUNT: 1000}, {"C00000009": 999})

    asyncio.run(body())


def test_port_and_url() -> None:
    """A port can be chosen, a taken one is an OSError, and there is no URL before the start."""

    async def body() -> None:
        async with Simulator() as first:
            port = int(first.base_url.rpartition(":")[2])
            with pytest.raises(OSError, match=str(port)):
                await Simulator(port=port).__aenter__()
        async with Simulator(port=port) as again:
            assert again.base_url == f"http://127.0.0.1:{port}"

    asyncio.run(body())
    with pytest.raises(RuntimeError, match="async with"):
        _ = Simulator().base_url


def test_serve_forever() -> None:
    """serve_forever goes on until it is cancelled."""

    async def body() -> None:
        async with Simulator() as gateway:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await gateway.serve_forever()

    asyncio.run(body())


def test_journal(talk: Any, tmp_path: Path) -> None:
    """Each accepted message has its line in the journal before it is answered, and old lines stay."""
    path = tmp_path / "journal.jsonl"

    async def check(gateway: Any, client: Any) -> None:
        seen = len(path.read_text().splitlines())
        for mobile, more in [("13800138000", 1), ("13700000012", 1), ("13700010012", 0), ("13900000406", 0)]:
            await client.submit(mobile=mobile, templateid="1", content="12")
            lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            assert len(lines) == seen + more
            seen = len(lines)
        await asyncio.gather(*(client.submit() for _ in range(20)))
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [one["smsid"] for one in lines[-22:]] == [one.smsid for one in gateway.submissions]
        assert lines[-22] == {
            "smsid": gateway.submissions[0].smsid,
            "account": DEMO_ACCOUNT,
            "mobile": "13800138000",
            "content": "12",
            "template_id": "1",
            "accepted_at": gateway.submissions[0].accepted_at,
        }

    talk(check, journal=path)
    talk(check, journal=path)
    assert len(path.read_text().splitlines()) == 44


def test_journal_is_synced_first(talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk has not said that the line is safe, there is no answer."""
    release = threading.Event()

    async def check(gateway: Any, client: Any) -> None:
        submitting = asyncio.ensure_future(client.code())
        done, _ = await asyncio.wait([submitting], timeout=0.1)
        assert not done
        release.set()
        assert await submitting == 2

    monkeypatch.setattr("os.fsync", lambda _: release.wait(5))
    talk(check, journal=tmp_path / "journal.jsonl")


def test_repr_hides_what_is_private(talk: Any) -> None:
    """No repr of what is remembered shows a key, a text or a whole number."""

    async def check(gateway: Any, client: Any) -> None:
        async with PushReceiver() as receiver:
            gateway.push_to = receiver.url
            await client.submit(content="secret words")
            await client.http.get(f"/webservice/sms.php?method={DEMO_API_KEY}&mobile=1380013800")
            await gateway.reply("13800138000", "secret words")
            await gateway.drain()
            shown = repr([gateway.requests, gateway.submissions, gateway.pushes, receiver.received])
            assert "138****8000" in shown
            for secret in (DEMO_API_KEY, "13800138000", "1380013800", "secret words"):
                assert secret not in shown

    talk(check)


def test_requests_are_recorded_whole(talk: Any) -> None:
    """A recorded request has its path, query, headers, fields, body, caller and time."""

    async def check(gateway: Any, client: Any) -> None:
        await client.http.post(
            "/webservice/sms.php?method=Submit&x=%E4%BD%A0&x=2",
            content=b"content=a+b%7C&content=c%2Bd&mobile=",
            headers=[
                ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("X-Two", "1"),
                ("X-Two", "2"),
            ],
        )
        one = gateway.requests[0]
        assert (one.verb, one.path, one.client) == ("POST", "/webservice/sms.php", "127.0.0.1")
        assert dict(one.query) == {"method": "Submit", "x": "2"}
        assert dict(one.fields) == {"content": "c+d", "mobile": ""}
        assert one.headers["x-two"] == "1, 2"
        assert one.body.startswith(b"content=a+b")
        assert one.received_at == 1700000000.0

    talk(check, clock=lambda: 1700000000.0)


def test_it_shares_no_code() -> None:
    """The simulator imports only the standard library, h11 and itself."""
    folder = Path(simulator.__file__).parent
    allowed = {"h11", *sys.stdlib_module_names}
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert {one.name.partition(".")[0] for one in node.names} <= allowed, file
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").partition(".")[0] in allowed, file


def test_exports() -> None:
    """Every exported name exists, and the list is in order."""
    assert all(hasattr(simulator, name) for name in simulator.__all__)
    assert "Simulator" in simulator.__all__
