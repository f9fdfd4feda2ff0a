"""The exception table: what an exception of an HTTP transport proves about the request.

The one rule: NOT_SENT where no connection can have existed, UNKNOWN for everything else, what nobody
has thought of included.
"""

from __future__ import annotations

import socket
import sys
from functools import cache

from notifyhub.outcome import Outcome
from notifyhub.reason import Reason

__all__ = ["classify"]

_NO_NAME = Outcome.not_sent(Reason.UNREACHABLE, detail="the host name does not resolve")
_NO_TLS = Outcome.not_sent(Reason.UNREACHABLE, detail="no TLS connection")
_NO_CONNECTION = Outcome.not_sent(Reason.UNREACHABLE, detail="no connection")
_SLOW_CONNECTION = Outcome.not_sent(Reason.UNREACHABLE, detail="no connection in time")
_NO_ROOM = Outcome.not_sent(Reason.UNREACHABLE, detail="too many requests at once, none became free in time")
_BAD_REQUEST = Outcome.not_sent(Reason.UNREACHABLE, detail="not a request that can be sent")
_NO_ANSWER = Outcome.unknown(Reason.TIMEOUT, detail="no answer in time")
_CUT_OFF = Outcome.unknown(Reason.INTERRUPTED, detail="the connection broke before the whole answer came")
_NOT_HTTP = Outcome.unknown(Reason.MALFORMED_REPLY, detail="the answer is not HTTP")

_Row = tuple[type[BaseException], Outcome]


def classify(error: BaseException) -> Outcome:
    """What `error` amounts to: NOT_SENT where it proves that nothing left, else UNKNOWN.

    The detail is a short description of our own; nothing of the exception's text is taken over, since
    that may quote a URL or a header.
    """
    # Only explicit causes count: an implicit context may be an older fault that was dealt with.
    chain = [error]
    while chain[-1].__cause__ is not None and len(chain) < 8:
        chain.append(chain[-1].__cause__)
    # A module that was never imported cannot have raised. aiohttp goes first: with it beneath, httpx's
    # class proves nothing (httpx-aiohttp 0.2.0 raises ConnectTimeout for a server that took the request
    # and hung up), so only aiohttp's own is read.
    for module, rows in (("aiohttp", _aiohttp_rows), ("httpx", _httpx_rows)):
        if module in sys.modules:
            for cause in chain:
                for kind, outcome in rows():
                    if isinstance(cause, kind):
                        return _finer(outcome, chain)
    # Of a provider without httpx: a look-up and connect(2) are the only things that fail like this.
    if isinstance(error, socket.gaierror):
        return _NO_NAME
    if isinstance(error, ConnectionRefusedError):
        return _NO_CONNECTION
    if isinstance(error, TimeoutError):
        return _NO_ANSWER
    return Outcome.unknown(Reason.INTERRUPTED, detail=f"interrupted by {type(error).__name__}")


@cache
def _aiohttp_rows() -> tuple[_Row, ...]:
    import aiohttp

    return (
        # Redirects are not followed, so these cannot come; were they to, a request had been sent.
        (aiohttp.RedirectClientError, _CUT_OFF),
        (aiohttp.InvalidUrlClientError, _BAD_REQUEST),
        (aiohttp.NonHttpUrlClientError, _BAD_REQUEST),
        (aiohttp.ClientConnectorError, _NO_CONNECTION),
        (aiohttp.ConnectionTimeoutError, _SLOW_CONNECTION),
        (aiohttp.ServerTimeoutError, _NO_ANSWER),
        (aiohttp.ClientResponseError, _NOT_HTTP),
        (aiohttp.ClientError, _CUT_OFF),
    )


@cache
def _httpx_rows() -> tuple[_Row, ...]:
    import httpx

    return (
        (httpx.ConnectError, _NO_CONNECTION),
        (httpx.ConnectTimeout, _SLOW_CONNECTION),
        (httpx.PoolTimeout, _NO_ROOM),
        (httpx.UnsupportedProtocol, _BAD_REQUEST),
        (httpx.LocalProtocolError, _BAD_REQUEST),
        (httpx.InvalidURL, _BAD_REQUEST),
        (httpx.TimeoutException, _NO_ANSWER),
        (httpx.RemoteProtocolError, _NOT_HTTP),
        (httpx.RequestError, _CUT_OFF),
    )


def _finer(outcome: Outcome, chain: list[BaseException]) -> Outcome:
    """The same kind, told more exactly where the chain allows it."""
    if outcome is _NO_CONNECTION:
        # Here, since a program that never posts need not load OpenSSL.
        from ssl import SSLError

        # Both transports keep the first fault as cause or context of theirs.
        roots = [*chain, *(cause.__context__ for cause in chain)]
        if any(isinstance(root, socket.gaierror) for root in roots):
            return _NO_NAME
        if any(isinstance(root, SSLError) for root in roots):
            return _NO_TLS
    # httpcore has one class for an answer that is no HTTP and for one that was cut short.
    if outcome is _NOT_HTTP and any("disconnected" in str(e) or "peer closed" in str(e) for e in chain):
        return _CUT_OFF
    return outcome
