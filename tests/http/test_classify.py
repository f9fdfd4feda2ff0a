"""The exception table itself, where sockets cannot show a row."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx
import pytest

from notifyhub.http import classify
from notifyhub.outcome import OutcomeKind
from notifyhub.reason import Reason

NOT_SENT, UNKNOWN = OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (httpx.ConnectError("x"), NOT_SENT, Reason.UNREACHABLE),
        (httpx.ConnectTimeout("x"), NOT_SENT, Reason.UNREACHABLE),
        (httpx.PoolTimeout("x"), NOT_SENT, Reason.UNREACHABLE),
        (httpx.UnsupportedProtocol("x"), NOT_SENT, Reason.UNREACHABLE),
        (httpx.LocalProtocolError("x"), NOT_SENT, Reason.UNREACHABLE),
        (httpx.InvalidURL("x"), NOT_SENT, Reason.UNREACHABLE),
        (socket.gaierror(-2, "x"), NOT_SENT, Reason.UNREACHABLE),
        (ConnectionRefusedError(), NOT_SENT, Reason.UNREACHABLE),
        (httpx.WriteError("x"), UNKNOWN, Reason.INTERRUPTED),
        (httpx.WriteTimeout("x"), UNKNOWN, Reason.TIMEOUT),
        (httpx.ReadTimeout("x"), UNKNOWN, Reason.TIMEOUT),
        (httpx.ReadError("x"), UNKNOWN, Reason.INTERRUPTED),
        (httpx.CloseError("x"), UNKNOWN, Reason.INTERRUPTED),
        (httpx.ProxyError("x"), UNKNOWN, Reason.INTERRUPTED),
        (httpx.TooManyRedirects("x"), UNKNOWN, Reason.INTERRUPTED),
        (
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            UNKNOWN,
            Reason.INTERRUPTED,
        ),
        (httpx.RemoteProtocolError("illegal status line"), UNKNOWN, Reason.MALFORMED_REPLY),
        (TimeoutError(), UNKNOWN, Reason.TIMEOUT),
        (ConnectionResetError(), UNKNOWN, Reason.INTERRUPTED),
        (ssl.SSLError("bad record mac"), UNKNOWN, Reason.INTERRUPTED),
        (RuntimeError("x"), UNKNOWN, Reason.INTERRUPTED),
        (asyncio.CancelledError(), UNKNOWN, Reason.INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_table_of_httpx(error, kind, reason):
    """Each exception of httpx's own transport proves what the table says; the unknown is UNKNOWN."""
    outcome = classify(error)
    assert (outcome.kind, outcome.reason) == (kind, reason)


def caused(error, cause):
    """`error` as raised from `cause`."""
    error.__cause__ = cause
    return error


def test_table_of_aiohttp_reads_the_cause_and_not_the_class():
    """Beneath httpx-aiohttp only aiohttp's own class counts: its ConnectTimeout may be a lost answer."""
    aiohttp = pytest.importorskip("aiohttp", reason="the extra `fast` is not installed")
    key = type("Key", (), {"host": "h", "port": 1, "ssl": True, "is_ssl": False})()
    request = type("RequestInfo", (), {"real_url": "https://h/?hunter2"})()
    refused = aiohttp.ClientConnectorError(key, OSError(111, "refused"))
    name = aiohttp.ClientConnectorDNSError(key, socket.gaierror(-2, "no"))
    certificate = aiohttp.ClientConnectorCertificateError(key, ssl.SSLCertVerificationError("x"))
    for cause in (refused, name, certificate, aiohttp.ConnectionTimeoutError()):
        # Even with a class that would be UNKNOWN.
        assert classify(caused(httpx.ReadError("x"), cause)).kind is NOT_SENT
    for cause in (
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.ClientConnectionResetError("x"),
        aiohttp.ClientConnectionError("Connector is closed."),
        aiohttp.SocketTimeoutError(),
        aiohttp.ServerTimeoutError(),
        aiohttp.ClientPayloadError("x"),
        aiohttp.ClientResponseError(request, ()),
        aiohttp.InvalidUrlRedirectClientError("x"),
        caused(aiohttp.ClientOSError(111, "refused"), ConnectionRefusedError()),
    ):
        # Even with a class that would be NOT_SENT.
        assert classify(caused(httpx.ConnectTimeout("x"), cause)).kind is UNKNOWN, cause
        assert classify(cause).kind is UNKNOWN, cause


def test_words_of_the_exception_are_not_taken_over():
    """An exception's text may quote a URL or a number: the outcome does not."""
    for error in (
        httpx.ReadError("https://h/?password=hunter2"),
        RuntimeError("hunter2"),
        ValueError("hunter2"),
    ):
        assert "hunter2" not in str(classify(error))


def test_endless_chain_of_causes_ends():
    """Exceptions that cause each other in a circle are classified all the same."""
    one, two = RuntimeError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    assert classify(one).kind is UNKNOWN
