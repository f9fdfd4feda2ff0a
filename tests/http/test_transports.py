"""Which transport is chosen, and what importing costs."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from notifyhub.http import HttpClient, fast_transport, pooled_transport


def used(wire, **options):
    """The name of the transport that carried a post."""

    async def main():
        client = HttpClient(**options)
        assert client.transport_name == ("injected" if options else "")
        reply = await client.post(server.url)
        assert reply.status == 200
        await client.aclose()
        return client.transport_name

    with wire.Server(wire.always(wire.OK)) as server:
        return wire.run(main())


def test_fast_is_used_where_it_is_installed(wire):
    """With the extra `fast` its transport is chosen."""
    pytest.importorskip("httpx_aiohttp", reason="the extra `fast` is not installed")
    assert used(wire) == "fast"


@pytest.mark.parametrize("missing", ["httpx_aiohttp", "aiohttp"])
def test_pooled_is_used_without_it(wire, monkeypatch, missing):
    """Without the extra, or with half of it, httpx alone does."""
    monkeypatch.delitem(sys.modules, "notifyhub.http.connector", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError):
        fast_transport()
    assert used(wire) == "pooled"


def test_injected_is_used(wire):
    """A transport given is used, and closed by the client."""
    closed = []

    class Fake(httpx.MockTransport):
        async def aclose(self):
            closed.append(self)

    fake = Fake(lambda request: httpx.Response(200, text="ok"))
    assert used(wire, transport=fake) == "injected"
    assert closed == [fake]


def test_exception_of_a_strange_transport_is_an_outcome(wire):
    """Whatever an injected transport raises, post does not."""

    def broken(request):
        raise KeyError("hunter2")

    outcome = wire.run(HttpClient(transport=httpx.MockTransport(broken)).post("https://h.example/"))
    assert outcome.kind.value == "unknown"
    assert "hunter2" not in str(outcome)


@pytest.mark.parametrize("make", [fast_transport, pooled_transport])
def test_transports_serve_httpx_too(wire, make):
    """Either is a whole httpx transport: httpx's own client can use it."""

    async def main():
        async with httpx.AsyncClient(transport=make()) as client:
            replies = [await client.post(server.url, data={"a": "b"}) for _ in range(3)]
        return [reply.text for reply in replies]

    with wire.Server(wire.always(wire.OK)) as server:
        assert wire.run(main()) == ["ok"] * 3
    assert len(server.connections) == 1


def test_only_making_a_client_loads_the_http_library():
    """A program without a client pays for neither httpx nor aiohttp; a client loads it when made."""
    program = (
        "import sys; from notifyhub.http import *; check_base_url('https://a.b', 'f'); "
        "classify(RuntimeError()); print([m for m in ('httpx', 'aiohttp', 'httpcore') if m in sys.modules]); "
        "HttpClient(); print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]
