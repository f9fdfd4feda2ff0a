"""The scripted gateway does on the wire what its script says."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from notifyhub.testing import Answer, Gateway
from notifyhub.testing.nonsense import nonsense, truncations

_POST = b"POST /a/b?c=%E4%BD%A0 HTTP/1.1\r\nHost: x\r\nX-Name: v\r\nContent-Length: 5\r\n\r\nhello"
_GOOD = Answer.json({"id": "1"})


async def _ask(gateway: Gateway, request: bytes = _POST) -> bytes:
    """The raw bytes of the answer, to the end of the connection (or of patience)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request)
    got = b""
    try:
        async with asyncio.timeout(0.3):
            while piece := await reader.read(65536):
                got += piece
    except TimeoutError:
        got += b"<still open>"
    except ConnectionResetError:
        got += b"<reset>"
    finally:
        writer.close()
    return got


@pytest.mark.parametrize(
    ("answer", "starts", "ends"),
    [
        (_GOOD, b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n", b'{"id": "1"}<still open>'),
        (_GOOD.last(), b"HTTP/1.1 200 OK\r\n", b'{"id": "1"}'),
        (_GOOD.cut(4), b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n", b'\r\n\r\n{"id'),
        (_GOOD.dripped(0.05), b"HTTP/", b"<still open>"),
        (Answer(b"", 204), b"HTTP/1.1 204 No Content\r\n\r\n", b"\r\n\r\n<still open>"),
        (Answer(b"?", 299), b"HTTP/1.1 299 Whatever\r\n", b"?<still open>"),
        (Answer.silence(), b"<still open>", b"<still open>"),
        (Answer.hang_up(), b"", b""),
        (Answer.reset(), b"<reset>", b"<reset>"),
        (Answer.raw(b"SSH"), b"SSH", b"SSH"),
        (
            Answer.endless(b"ha", every=0.01),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            b"2\r\nha\r\n<still open>",
        ),
    ],
)
def test_answers(answer: Answer, starts: bytes, ends: bytes) -> None:
    """Each kind of answer has its own beginning and end on the wire."""

    async def scene() -> None:
        async with Gateway(answer) as gateway:
            got = await _ask(gateway)
        assert got.startswith(starts)
        assert got.endswith(ends)
        assert (gateway.count, gateway.connections) == (1, 1)

    asyncio.run(scene())


def test_a_hang_up_before_reading() -> None:
    """`hang_up_unread` closes the connection without reading; no request is counted."""

    async def scene() -> None:
        async with Gateway(Answer.hang_up_unread(), _GOOD) as gateway:
            assert await _ask(gateway) in (b"", b"<reset>")
            assert (gateway.count, gateway.connections) == (0, 1)
            assert b"200 OK" in await _ask(gateway)

    asyncio.run(scene())


def test_requests_are_kept() -> None:
    """A request is kept as it came, chunked bodies put together, and is searched in every encoding."""
    chunked = (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n"
    )
    escaped = b'POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n"\\u4f60"'

    async def scene() -> None:
        async with Gateway(lambda request: Answer(request.body).last()) as gateway:
            assert (await _ask(gateway)).endswith(b"hello")
            assert (await _ask(gateway, chunked)).endswith(b"hello")
            await _ask(gateway, escaped)
            await _ask(gateway, b"no HTTP at all\r\n\r\n")
        first, second, third = gateway.requests
        assert (first.method, first.path, first.query, first.headers["x-name"]) == (
            "POST",
            "/a/b",
            "c=%E4%BD%A0",
            "v",
        )
        assert first.holds("你")
        assert first.holds("hello")
        assert second.body == b"hello"
        assert third.holds("你")
        assert not third.holds("hello")
        assert repr(first) == "<Request POST /a/b, 5 bytes>"

    asyncio.run(scene())


def test_a_script_is_followed_in_order() -> None:
    """Answers are given in order, the last one again and again; without a script the answer is 500."""

    async def scene() -> None:
        async with Gateway(Answer(b"one").last(), Answer(b"two").last()) as gateway:
            assert [(await _ask(gateway))[-3:] for _ in range(3)] == [b"one", b"two", b"two"]
            gateway.answer_with(Answer(b"new").last())
            assert (await _ask(gateway)).endswith(b"new")
        async with Gateway() as gateway:
            assert b" 500 " in await _ask(gateway)

    asyncio.run(scene())


def test_it_is_gone_when_left() -> None:
    """Once left, the gateway's URL stays and nobody listens there; open connections are ended."""

    async def scene() -> None:
        async with Gateway(Answer.silence()) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(_POST)
            await gateway.wait_for_requests(1)
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", gateway.port)

    asyncio.run(scene())


def test_the_corpus_holds_no_good_answer() -> None:
    """Nothing in the corpus is the good answer itself, and every name in it is there once."""
    corpus = [*nonsense(_GOOD), *truncations(_GOOD)]
    assert len(corpus) > 60
    assert all(one.answer != _GOOD for one in corpus)
    assert len({one.name for one in corpus}) == len(corpus)
    assert not list(truncations(Answer(b"", 204)))
    assert all(one.answer.status != 204 for one in nonsense(Answer(b"", 204)))


def test_without_pytest() -> None:
    """Where pytest is missing, what needs none works, and the rest says that it is missing."""
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "import notifyhub.testing as t\n"
        "t.Outbox(), t.Gateway, t.RecordingProvider()\n"
        "for name in ('ProviderContract', 'outbox'):\n"
        "    try: getattr(t, name)\n"
        "    except ImportError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "notifyhub.testing.ProviderContract needs pytest; pip install pytest",
        "notifyhub.testing.outbox needs pytest; pip install pytest",
    ]
