"""HttpClient when all is well, and what it does about connections, over real sockets on each transport."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

import pytest

from notifyhub.errors import ConfigurationError
from notifyhub.http import HttpClient, HttpReply
from notifyhub.outcome import OutcomeKind
from notifyhub.reason import Reason

OPEN_FILES = Path("/proc/self/fd")


def open_files():
    """How many files and sockets this process has open."""
    return len(list(OPEN_FILES.iterdir()))


def talk(wire, client, main):
    """Run `main(client)` and close the client."""

    async def whole():
        try:
            return await main(client)
        finally:
            await client.aclose()

    return wire.run(whole())


def test_reply_is_given_as_it_came(wire, client_of):
    """Status, headers in lower case, repeated headers joined, and the raw body."""
    reply = (
        b"HTTP/1.1 202 Fine\r\nX-Many: 1\r\nDATE: Thu, 05 Nov 2026 10:00:00 GMT\r\nx-many: 2\r\n"
        b"Content-Length: 3\r\n\r\n\xff\x00a"
    )
    with wire.Server(wire.once(reply)) as server:
        got = talk(wire, client_of(), lambda client: client.post(server.url))
    assert (got.status, got.body, got.headers["x-many"]) == (202, b"\xff\x00a", "1, 2")
    assert got.date.isoformat() == "2026-11-05T10:00:00+00:00"


@pytest.mark.parametrize(
    ("body", "content_type", "written"),
    [
        (
            {"form": {"a": "1 2", "内": "容&="}},
            b"application/x-www-form-urlencoded",
            b"a=1+2&%E5%86%85=%E5%AE%B9%26%3D",
        ),
        ({"json": {"a": "内"}}, b"application/json", '{"a":"内"}'.encode()),
        ({"content": b"\x00raw", "headers": {"Content-Type": "x/y"}}, b"x/y", b"\x00raw"),
        ({"form": {}}, b"application/x-www-form-urlencoded", b""),
    ],
)
def test_body_is_written_as_its_kind(wire, client_of, body, content_type, written):
    """A form is url-encoded in UTF-8, json is compact UTF-8, content goes as it is."""
    with wire.Server(wire.once(wire.OK)) as server:
        talk(wire, client_of(), lambda client: client.post(server.url, **body))
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /submit http/1.1"
    assert sent == written
    assert b"content-type: " + content_type in lines
    assert b"content-length: %d" % len(written) in lines
    assert b"accept-encoding: identity" in lines
    assert b"user-agent: notifyhub" in lines
    assert sum(line.startswith(b"host:") for line in lines) == 1


def test_headers_are_the_callers_except_the_encoding(wire, client_of):
    """A caller's header replaces ours whatever its case; nobody can ask for a compressed answer."""
    mine = {"X-Token": "abc", "USER-AGENT": "mine", "Accept-Encoding": "gzip"}
    with wire.Server(wire.once(wire.OK)) as server:
        talk(wire, client_of(), lambda client: client.post(server.url, headers=mine))
    lines = server.requests[0].lower().split(b"\r\n")
    assert b"x-token: abc" in lines
    assert [line for line in lines if line.startswith(b"user-agent:")] == [b"user-agent: mine"]
    assert [line for line in lines if line.startswith(b"accept-encoding:")] == [b"accept-encoding: identity"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "a\x00", "é"])
def test_header_that_cannot_be_written_is_not_sent(wire, client_of, value):
    """A header with a line break never reaches the wire."""
    with wire.Server(wire.always(wire.OK)) as server:
        got = talk(wire, client_of(), lambda client: client.post(server.url, headers={"x": value}))
    assert (got.kind, got.reason) == (OutcomeKind.NOT_SENT, Reason.PROVIDER_BUG)
    assert server.connections == []


def test_hundred_posts_take_one_connection(wire, client_of):
    """Sequential posts share a connection."""

    async def main(client):
        return [await client.post(server.url, form={"n": str(n)}) for n in range(100)]

    with wire.Server(wire.always(wire.OK)) as server:
        replies = talk(wire, client_of(), main)
    assert [reply.status for reply in replies] == [200] * 100
    assert len(server.connections) == 1
    assert len(server.requests) == 100


def test_hundred_posts_over_tls_take_one_connection(wire, client_of, tls, certificate, monkeypatch):
    """A trusted certificate is accepted, and its connection kept."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))

    async def main(client):
        return [await client.post(server.url, form={"n": str(n)}) for n in range(100)]

    with wire.Server(wire.always(wire.OK), tls) as server:
        replies = talk(wire, client_of(), main)
    assert [reply.status for reply in replies] == [200] * 100
    assert len(server.connections) == 1


def test_connection_the_server_wants_closed_is_closed(wire, client_of):
    """`Connection: close` is obeyed, and the next post opens another."""

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        connection.until_closed()

    async def main(client):
        return [(await client.post(server.url)).body for _ in range(3)]

    with wire.Server(script) as server:
        assert talk(wire, client_of(), main) == [b"ok"] * 3
    assert len(server.connections) == 3


def test_64_at_once_each_get_their_own_answer(wire, client_of):
    """Concurrent posts are not mixed up, and each is sent once."""

    def echo(connection):
        while (request := connection.request()) is not None:
            body = request.partition(b"\r\n\r\n")[2]
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def main(client):
        names = [f"{n:05}".encode() for n in range(320)]
        gate = asyncio.Semaphore(64)

        async def one(name):
            async with gate:
                return (await client.post(server.url, content=name)).body

        return names, await asyncio.gather(*(one(name) for name in names))

    with wire.Server(echo) as server:
        names, bodies = talk(wire, client_of(), main)
    assert bodies == names
    assert len(server.requests) == 320
    assert len(server.connections) <= 64


def test_cookies_are_not_kept(wire, client_of):
    """A cookie one answer sets is not sent with the next request."""
    reply = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n"

    async def main(client):
        await client.post(server.url)
        await client.post(server.url)

    with wire.Server(wire.always(reply)) as server:
        talk(wire, client_of(), main)
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_proxies_of_the_environment_are_ignored(wire, client_of, monkeypatch):
    """A proxy in the environment gets nothing."""
    with wire.Server(wire.always(wire.OK)) as proxy, wire.Server(wire.always(wire.OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        reply = talk(wire, client_of(), lambda client: client.post(server.url))
    assert reply.status == 200
    assert proxy.connections == []


def test_idle_connection_is_closed_after_its_time(wire, client_of):
    """Without another post the client hangs up by itself once the connection is older than its keepalive."""
    closed = threading.Event()

    def script(connection):
        connection.request()
        connection.send(wire.OK)
        connection.until_closed()
        closed.set()

    async def main(client):
        await client.post(server.url)
        start = time.monotonic()
        await asyncio.to_thread(closed.wait, 5)
        return time.monotonic() - start

    with wire.Server(script) as server:
        took = talk(wire, client_of(keepalive=0.3), main)
    assert 0.2 < took < 2


def test_request_beyond_the_last_connection_waits_and_is_not_sent(wire, client_of):
    """With every connection busy a request waits for its share of the deadline, then is NOT_SENT."""

    def silent(connection):
        connection.request()
        connection.until_closed()

    async def main(client):
        first = asyncio.create_task(client.post(server.url, content=b"first"))
        await asyncio.sleep(0.1)
        return await client.post(server.url, content=b"second", timeout=0.4), await first

    with wire.Server(silent) as server:
        second, first = talk(wire, client_of(max_connections=1, timeout=0.5), main)
    assert second.kind is OutcomeKind.NOT_SENT
    assert first.kind is OutcomeKind.UNKNOWN
    assert len(server.requests) == 1


def test_request_beyond_the_last_connection_goes_when_one_is_free(wire, client_of):
    """Waiting for a connection is no fault."""

    async def main(client):
        return await asyncio.gather(*(client.post(server.url) for _ in range(20)))

    with wire.Server(wire.always(wire.OK)) as server:
        replies = talk(wire, client_of(max_connections=2), main)
    assert [reply.status for reply in replies] == [200] * 20
    assert len(server.connections) <= 2


@pytest.mark.parametrize("stage", ["connecting", "waiting", "reading"])
def test_cancellation_goes_through_and_leaks_nothing(wire, client_of, stage):
    """A cancelled post raises CancelledError, closes its socket, and leaves a client that works."""

    def script(connection):
        if len(server.connections) > 1:
            wire.always(wire.OK)(connection)
        elif stage == "connecting":
            connection.until_closed()
        else:
            connection.request()
            connection.send(b"" if stage == "waiting" else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
            connection.until_closed()

    async def main(client):
        # A TLS handshake that nobody answers holds the client in its connecting.
        url = server.url.replace("http:", "https:") if stage == "connecting" else server.url
        task = asyncio.create_task(client.post(url))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        closed = await asyncio.to_thread(server.connections[0].over.wait, 2)
        reply = await client.post(server.url)
        return reply, closed

    with wire.Server(script) as server:
        reply, closed = talk(wire, client_of(), main)
    assert closed
    assert reply.status == 200
    assert len(server.connections) == 2


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="no /proc to count sockets in")
def test_many_cancellations_leave_no_socket(wire, client_of):
    """Posts cancelled at every stage leave neither sockets nor a broken client."""

    async def main(client):
        await client.post(server.url)
        await asyncio.gather(*(client.post(server.url) for _ in range(16)))
        before = open_files()
        for n in range(150):
            task = asyncio.create_task(client.post(server.url))
            for _ in range(n % 15):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        replies = await asyncio.gather(*(client.post(server.url) for _ in range(16)))
        await client.aclose()
        await asyncio.sleep(0.1)
        return replies, open_files() - before

    with wire.Server(wire.always(wire.OK)) as server:
        replies, more = talk(wire, client_of(), main)
    assert [reply.status for reply in replies] == [200] * 16
    # The server's ends are files of this process too.
    assert more <= 0


def test_closing_twice_is_harmless_and_ends_sending(wire, client_of):
    """After aclose a post is NOT_SENT and opens nothing."""

    async def main(client):
        reply = await client.post(server.url)
        await client.aclose()
        await client.aclose()
        return reply, await client.post(server.url)

    with wire.Server(wire.always(wire.OK)) as server:
        reply, after = talk(wire, client_of(), main)
    assert reply.status == 200
    assert (after.kind, after.reason) == (OutcomeKind.NOT_SENT, Reason.UNREACHABLE)
    assert len(server.requests) == 1


def test_closing_under_a_post_makes_it_unknown(wire, client_of):
    """A post under way when the client closes may have gone out; it ends at once."""

    def silent(connection):
        connection.request()
        connection.until_closed()

    async def main(client):
        task = asyncio.create_task(client.post(server.url))
        await asyncio.sleep(0.1)
        await client.aclose()
        return await task

    with wire.Server(silent) as server:
        start = time.monotonic()
        got = talk(wire, client_of(timeout=5), main)
    assert got.kind is OutcomeKind.UNKNOWN
    assert time.monotonic() - start < 2


def test_closing_a_client_never_used_is_harmless(wire, client_of):
    """A client that never posted has nothing to close."""
    wire.run(client_of().aclose())
    wire.run(HttpClient().aclose())


def test_url_is_never_logged(wire, client_of, caplog):
    """Nothing logs the URL at INFO or above, as httpx's own client does."""
    caplog.set_level(logging.INFO)
    with wire.Server(wire.always(wire.OK)) as server:
        talk(wire, client_of(), lambda client: client.post(server.url + "?password=hunter2"))
    assert "hunter2" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith(("httpx", "aiohttp"))]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://127.0.0.1/",
        "127.0.0.1",
        "",
        "http://",
        "http://[::1",
        "http://127.0.0.1.evil.com/",
    ],
)
def test_forbidden_or_broken_url_is_not_sent(wire, client_of, url):
    """Plain http to another machine, another scheme or no URL at all: nothing is sent."""
    got = talk(wire, client_of(), lambda client: client.post(url))
    assert (got.kind, got.reason) == (OutcomeKind.NOT_SENT, Reason.UNREACHABLE)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_no_time_left_is_not_sent(wire, client_of, timeout):
    """A deadline that has passed already sends nothing."""
    with wire.Server(wire.always(wire.OK)) as server:
        got = talk(wire, client_of(), lambda client: client.post(server.url, timeout=timeout))
    assert got.kind is OutcomeKind.NOT_SENT
    assert server.connections == []


def test_two_bodies_are_the_programmers_mistake(wire):
    """More than one body raises."""
    with pytest.raises(ValueError, match="one of"):
        wire.run(HttpClient().post("https://127.0.0.1/", form={}, content=b""))


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_timeout_has_to_be_a_number_of_seconds(timeout):
    """A client without a deadline cannot be made."""
    with pytest.raises(ConfigurationError, match="timeout"):
        HttpClient(timeout=timeout)


def test_each_event_loop_in_turn_gets_connections_of_its_own(wire):
    """A script may call asyncio.run for each message; the old connections are not used again."""

    async def main():
        reply = await client.post(server.url)
        # As a script that forgets to close would leave it, but for the sockets.
        await client._transport.aclose()
        return reply

    client = HttpClient()
    with wire.Server(wire.always(wire.OK)) as server:
        assert [wire.run(main()).status for _ in range(2)] == [200, 200]
        wire.run(client.aclose())
    assert len(server.connections) == 2


def test_two_event_loops_at_once_are_refused(wire):
    """A client in use by one event loop raises in another instead of hanging."""
    client = HttpClient()

    def elsewhere():
        with pytest.raises(ConfigurationError, match="event loop"):
            wire.run(client.post(server.url))

    async def main():
        await client.post(server.url)
        await asyncio.to_thread(elsewhere)
        await client.aclose()

    with wire.Server(wire.always(wire.OK)) as server:
        wire.run(main())


def test_reply_shows_neither_headers_nor_body():
    """The repr of a reply is its status and length."""
    reply = HttpReply(200, {"x-echo": "13800138000"}, b"code 123456")
    assert repr(reply) == str(reply) == "<HttpReply 200, 11 bytes>"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Thu, 05 Nov 2026 10:00:00 GMT", "2026-11-05T10:00:00+00:00"),
        ("Thu, 05 Nov 2026 18:00:00 +0800", "2026-11-05T18:00:00+08:00"),
        ("Thu, 05 Nov 2026 10:00:00 -0000", "2026-11-05T10:00:00+00:00"),
        ("yesterday", None),
        ("", None),
        ("Thu, 99 Nov 2026 10:00:00 GMT", None),
        ("Thu, 05 Nov 99999999999999999999 10:00:00 GMT", None),
        ("Thu, 05 Nov 2026 10:00:00 +99999999", None),
        (None, None),
    ],
)
def test_date_is_aware_or_none(text, date):
    """The Date header is an aware time; nonsense is None and never raises."""
    got = HttpReply(200, {} if text is None else {"date": text}, b"").date
    assert (got and got.isoformat()) == date
