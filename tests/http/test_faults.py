"""Every fault of the network over real sockets, on each transport: what it proves, and sent once at most."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time

import pytest

from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.reason import Reason

NOT_SENT, UNKNOWN = OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN
FORM = {"account": "cf_secret", "mobile": "13800138000", "content": "code 123456"}
HEAD = b"HTTP/1.1 200 OK\r\n"


def post(wire, client, url, **options):
    """One post with a client of its own; returns the outcome and the seconds it took."""

    async def main():
        start = time.monotonic()
        outcome = await client.post(url, form=FORM, **options)
        took = time.monotonic() - start
        await client.aclose()
        return outcome, took

    outcome, took = wire.run(main())
    if isinstance(outcome, Outcome):
        for private in ("13800138000", "123456", "cf_secret", "127.0.0.1", url):
            assert private not in str(outcome)
    return outcome, took


def expect(outcome, kind, reason):
    """The outcome has this kind and reason."""
    assert isinstance(outcome, Outcome), outcome
    assert (outcome.kind, outcome.reason) == (kind, reason), outcome


def test_refused_connection_is_not_sent(wire, client_of):
    """A port nobody listens on is proof that nothing left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome, _ = post(wire, client_of(), f"http://127.0.0.1:{port}/")
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)


def test_name_that_does_not_resolve_is_not_sent(wire, client_of):
    """A name without an address is proof that nothing left, and the outcome says so."""
    outcome, _ = post(wire, client_of(), "https://nonexistent.invalid/")
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert "resolve" in outcome.detail


def test_connection_that_is_never_accepted_is_not_sent(wire, client_of):
    """A TCP handshake that hangs fails before the whole deadline, and so is told apart from a lost answer."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    crowd = []
    for _ in range(4):  # fill the accept queue: Linux then drops the next SYN
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        crowd.append(sock)
    outcome, took = post(wire, client_of(timeout=1), f"http://127.0.0.1:{listener.getsockname()[1]}/")
    for sock in [listener, *crowd]:
        sock.close()
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert took < 0.9


def test_tls_to_a_plain_port_is_not_sent(wire, client_of):
    """A TLS handshake that is answered with something else is proof that nothing left."""

    def plain(connection):
        connection.sock.recv(4096)
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.until_closed()

    with wire.Server(plain) as server:
        outcome, _ = post(wire, client_of(), server.url.replace("http:", "https:"))
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert len(server.connections) == 1


def test_tls_handshake_that_hangs_is_not_sent(wire, client_of):
    """A server that takes the TCP connection and never answers the handshake has not been sent anything."""
    with wire.Server(lambda connection: connection.until_closed()) as server:
        outcome, took = post(wire, client_of(timeout=1), server.url.replace("http:", "https:"))
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert took < 0.95


def test_tls_handshake_cut_off_is_not_sent(wire, client_of):
    """A connection closed during the handshake is proof that nothing left."""
    with wire.Server(lambda connection: connection.sock.recv(10)) as server:
        outcome, _ = post(wire, client_of(timeout=1), server.url.replace("http:", "https:"))
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)


def test_self_signed_certificate_is_not_sent(wire, client_of, tls):
    """A certificate nobody vouches for gets no request."""
    with wire.Server(wire.always(wire.OK), tls) as server:
        outcome, _ = post(wire, client_of(), server.url)
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert "TLS" in outcome.detail
    assert server.requests == []


def test_certificate_for_another_name_is_not_sent(wire, client_of, tls, certificate, monkeypatch):
    """A trusted certificate of another host gets no request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with wire.Server(wire.always(wire.OK), tls) as server:
        outcome, _ = post(wire, client_of(), server.url.replace("127.0.0.1", "localhost"))
    expect(outcome, NOT_SENT, Reason.UNREACHABLE)
    assert server.requests == []


def test_hanging_up_after_the_tls_handshake_is_unknown(wire, client_of, tls, certificate, monkeypatch):
    """Once TLS stands the request may have left, whatever happens to the connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with wire.Server(lambda connection: connection.request(), tls) as server:
        outcome, _ = post(wire, client_of(), server.url)
    expect(outcome, UNKNOWN, Reason.INTERRUPTED)
    assert len(server.requests) == 1


def hang_up_at_once(connection):
    """Accept and close."""


def hang_up_after_reading(connection):
    """Take the request and close."""
    connection.request()


def reset_after_reading(connection):
    """Take the request and reset."""
    connection.request()
    connection.reset()


def hang_up_in_the_status_line(connection):
    """Close within the first line."""
    connection.request()
    connection.send(b"HTTP/1.1 20")


def hang_up_in_the_headers(connection):
    """Close within the headers."""
    connection.request()
    connection.send(HEAD + b"Content-Length: 5\r\nX-")


def hang_up_in_the_body(connection):
    """Promise 100 bytes and give 3."""
    connection.request()
    connection.send(HEAD + b"Content-Length: 100\r\n\r\nabc")


def reset_in_the_body(connection):
    """Promise 100 bytes, give 3 and reset."""
    connection.request()
    connection.send(HEAD + b"Content-Length: 100\r\n\r\nabc")
    time.sleep(0.05)
    connection.reset()


def hang_up_in_a_chunk(connection):
    """Close within a chunk."""
    connection.request()
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nabc")


@pytest.mark.parametrize(
    "script",
    [
        hang_up_at_once,
        hang_up_after_reading,
        reset_after_reading,
        hang_up_in_the_status_line,
        hang_up_in_the_headers,
        hang_up_in_the_body,
        reset_in_the_body,
        hang_up_in_a_chunk,
    ],
)
def test_connection_that_breaks_is_unknown_and_not_tried_again(wire, client_of, script):
    """Once a connection stood the request may have left: UNKNOWN, and no second connection is made."""
    with wire.Server(script) as server:
        outcome, _ = post(wire, client_of(), server.url)
    expect(outcome, UNKNOWN, Reason.INTERRUPTED)
    assert len(server.connections) == 1
    assert len(server.requests) <= 1


def test_reset_at_once_is_never_tried_again(wire, client_of):
    """A reset may come before the connection is used, which is proof, or after: one connection either way."""
    with wire.Server(lambda connection: connection.reset()) as server:
        outcome, _ = post(wire, client_of(), server.url)
    assert (outcome.kind, outcome.reason) in {
        (UNKNOWN, Reason.INTERRUPTED),
        (NOT_SENT, Reason.UNREACHABLE),
    }
    assert len(server.connections) == 1
    assert server.requests == []


def silent(connection):
    """Take the request and say nothing."""
    connection.request()
    connection.until_closed()


def drip(head, piece):
    """Send `head`, then `piece` every 50 ms as long as the client listens."""

    def script(connection):
        connection.request()
        going = connection.send(head)
        while going:
            time.sleep(0.05)
            going = connection.send(piece)

    return script


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="never answers"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"), id="headers drip"),
        pytest.param(drip(HEAD + b"Content-Length: 60000\r\n\r\n", b"x"), id="body drips"),
        pytest.param(drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="chunks drip"),
        pytest.param(drip(HEAD + b"\r\n", b"x"), id="body without end drips"),
        pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="informational answers drip"),
    ],
)
def test_deadline_is_over_the_whole_call(wire, client_of, script):
    """However slowly bytes keep coming, the call ends at its deadline as UNKNOWN and hangs up."""
    with wire.Server(script) as server:
        outcome, took = post(wire, client_of(timeout=30), server.url, timeout=0.6)
    expect(outcome, UNKNOWN, Reason.TIMEOUT)
    assert 0.55 < took < 1.5
    assert len(server.requests) == 1


@pytest.mark.filterwarnings("ignore:Sending a large body")  # aiohttp, of bodies above 1 MiB
def test_server_that_does_not_read_is_unknown_at_the_deadline(wire, client_of):
    """A request too large for the socket's buffers, half written, is UNKNOWN."""

    def deaf(connection):
        time.sleep(0.5)

    async def main():
        client = client_of(timeout=0.25)
        outcome = await client.post(server.url, content=b"x" * 30_000_000)
        await client.aclose()
        return outcome

    with wire.Server(deaf) as server:
        expect(wire.run(main()), UNKNOWN, Reason.TIMEOUT)
    assert len(server.connections) == 1


def test_drip_that_ends_in_time_is_an_answer(wire, client_of):
    """Slow is no fault as long as the deadline holds."""

    def slow(connection):
        connection.request()
        for byte in wire.OK:
            connection.send(bytes([byte]))
            time.sleep(0.002)
        connection.until_closed()

    with wire.Server(slow) as server:
        reply, _ = post(wire, client_of(timeout=5), server.url)
    assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 100000000\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n"],
    ids=["lengthy", "without length", "chunked"],
)
def test_endless_body_is_cut_at_the_cap(wire, client_of, head):
    """More than 64 KiB of body is UNKNOWN, and the rest is not read."""
    piece = b"x" * 4096
    if b"chunked" in head:
        piece = b"1000\r\n" + piece + b"\r\n"

    def endless(connection):
        connection.request()
        going = connection.send(HEAD + head)
        while going:
            going = connection.send(piece)

    with wire.Server(endless) as server:
        outcome, took = post(wire, client_of(timeout=5), server.url)
    expect(outcome, UNKNOWN, Reason.MALFORMED_REPLY)
    assert took < 3
    assert len(server.requests) == 1


@pytest.mark.parametrize("endless", [b"x" * 1000, b"X-Header: x\r\n" * 100], ids=["one line", "many"])
def test_endless_headers_are_unknown(wire, client_of, endless):
    """Headers without end are given up, and are no answer."""

    def script(connection):
        connection.request()
        going = connection.send(HEAD + b"X: ")
        while going:
            going = connection.send(endless)

    with wire.Server(script) as server:
        outcome, took = post(wire, client_of(timeout=5), server.url)
    expect(outcome, UNKNOWN, Reason.MALFORMED_REPLY)
    assert took < 3


@pytest.mark.parametrize("size", [65536, 65537])
def test_cap_is_exact(wire, client_of, size):
    """A body of 65536 bytes is read whole, one byte more is refused."""
    reply = HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    with wire.Server(wire.once(reply)) as server:
        outcome, _ = post(wire, client_of(), server.url)
    if size == 65536:
        assert len(outcome.body) == size
    else:
        expect(outcome, UNKNOWN, Reason.MALFORMED_REPLY)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"GZIP", b"identity, gzip"])
def test_encoded_answer_is_never_unpacked(wire, client_of, encoding):
    """A gzip bomb costs no memory: any Content-Encoding but identity is UNKNOWN."""
    bomb = gzip.compress(b"x" * 2_000_000)
    reply = HEAD + b"Content-Encoding: " + encoding + b"\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with wire.Server(wire.once(reply)) as server:
        outcome, _ = post(wire, client_of(), server.url)
    expect(outcome, UNKNOWN, Reason.MALFORMED_REPLY)
    assert b"accept-encoding: identity" in server.requests[0].lower()


def test_undeclared_gzip_stays_as_it_came(wire, client_of):
    """Compressed bytes that are not declared as such are the body."""
    packed = gzip.compress(b"x" * 1000)
    reply = HEAD + b"Content-Encoding: identity\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    with wire.Server(wire.once(reply)) as server:
        reply, _ = post(wire, client_of(), server.url)
    assert reply.body == packed


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01 garbage\r\n\r\n", b"<html>\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_answer_that_is_not_http_is_malformed(wire, client_of, garbage):
    """Bytes that are no HTTP are UNKNOWN, and told apart from a broken connection."""
    with wire.Server(wire.once(garbage)) as server:
        outcome, _ = post(wire, client_of(timeout=2), server.url)
    expect(outcome, UNKNOWN, Reason.MALFORMED_REPLY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_not_followed(wire, client_of, status):
    """The server a redirect points to gets nothing; what the status means is the provider's to say."""
    with wire.Server(wire.always(wire.OK)) as other:
        reply = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with wire.Server(wire.once(reply)) as server:
            outcome, _ = post(wire, client_of(), server.url)
    assert outcome.status == status
    assert other.connections == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 400, 403, 429, 500, 503])
def test_any_status_is_an_answer(wire, client_of, status):
    """No status raises or is judged here."""
    length = b"" if status == 204 else b"Content-Length: 0\r\n"
    with wire.Server(wire.once(b"HTTP/1.1 %d X\r\n" % status + length + b"\r\n")) as server:
        outcome, _ = post(wire, client_of(timeout=2), server.url)
    assert outcome.status == status


def test_upgrade_nobody_asked_for_is_no_acceptance(wire, client_of):
    """A 101 is shown as it is or is UNKNOWN, as the transport can; it does not raise."""

    def upgrade(connection):
        connection.request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    with wire.Server(upgrade) as server:
        outcome, _ = post(wire, client_of(timeout=2), server.url)
    assert getattr(outcome, "status", None) == 101 or outcome.kind is UNKNOWN
    assert len(server.connections) == 1


def test_answer_given_before_the_request_is_read_counts(wire, client_of):
    """A server that answers early is heard (a proxy that refuses at once), or the outcome is UNKNOWN."""

    def early(connection):
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.until_closed()

    with wire.Server(early) as server:
        outcome, _ = post(wire, client_of(timeout=2), server.url)
    assert getattr(outcome, "status", None) == 403 or outcome.kind is UNKNOWN
    assert len(server.connections) == 1


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["unnoticed", "noticed"])
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_stale_connection_never_sends_twice(wire, client_of, pause, reset):
    """The server closes an idle connection right before the next post, which arrives once at most."""
    answered = threading.Event()

    def script(connection):
        connection.request()
        connection.send(wire.OK)
        if len(server.connections) > 1:
            connection.until_closed()
        else:
            answered.wait(5)
            (connection.reset if reset else connection.sock.close)()

    async def main():
        client = client_of(timeout=2)
        first = await client.post(server.url, form={"n": "first"})
        assert first.status == 200
        answered.set()
        # On purpose: the event loop must not notice before it sends again.
        time.sleep(0.05)  # noqa: ASYNC251
        await asyncio.sleep(pause)
        second = await client.post(server.url, form={"n": "second"})
        await client.aclose()
        return second

    with wire.Server(script) as server:
        second = wire.run(main())
    arrived = sum(b"n=second" in request for request in server.requests)
    assert arrived <= 1
    if isinstance(second, Outcome):
        assert second.kind is UNKNOWN or arrived == 0
    else:
        assert arrived == 1
    if pause:
        assert second.status == 200  # a close that was noticed costs nothing


def test_connection_closed_on_reading_the_second_post_is_not_tried_again(wire, client_of):
    """A kept connection that breaks under a post is UNKNOWN: a POST is never submitted again by itself."""

    def script(connection):
        connection.request()
        connection.send(wire.OK)
        connection.request()

    async def main():
        client = client_of(timeout=2)
        await client.post(server.url, form={"n": "first"})
        second = await client.post(server.url, form={"n": "second"})
        await client.aclose()
        return second

    with wire.Server(script) as server:
        expect(wire.run(main()), UNKNOWN, Reason.INTERRUPTED)
    assert len(server.connections) == 1
    assert len(server.requests) == 2


def test_second_answer_to_one_post_is_not_taken_for_the_next_ones(wire, client_of):
    """A server that answers one post twice cannot make the next post's answer out of it."""
    stale = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"

    def script(connection):
        while connection.request() is not None:
            connection.send(wire.OK + stale)

    async def main():
        client = client_of(timeout=2)
        bodies = [(await client.post(server.url, form={"n": str(n)})).body for n in range(3)]
        await client.aclose()
        return bodies

    with wire.Server(script) as server:
        assert wire.run(main()) == [b"ok"] * 3
    assert len(server.requests) == 3


def test_second_answer_that_comes_later_is_not_taken_either(wire, client_of):
    """Bytes that arrive on an idle connection spoil it."""
    stale = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"

    def script(connection):
        while connection.request() is not None:
            connection.send(wire.OK)
            time.sleep(0.03)
            connection.send(stale)

    async def main():
        client = client_of(timeout=2)
        bodies = []
        for n in range(3):
            bodies.append((await client.post(server.url, form={"n": str(n)})).body)
            await asyncio.sleep(0.1)
        await client.aclose()
        return bodies

    with wire.Server(script) as server:
        assert wire.run(main()) == [b"ok"] * 3
