"""HttpClient: one POST at a time per call, each at most once, with a deadline over all of it."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from notifyhub.errors import ConfigurationError
from notifyhub.http.endpoint import is_allowed
from notifyhub.http.faults import classify
from notifyhub.http.reply import HttpReply
from notifyhub.http.transports import best_transport, preload
from notifyhub.outcome import Outcome
from notifyhub.reason import Reason

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpClient"]

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_DEFAULTS = {"user-agent": "notifyhub", "accept": "*/*", "accept-encoding": "identity"}

# Of the whole deadline, for each step on the way to a connection (waiting for a free one, TCP, TLS): all
# three together stay below it, so a fault before the connection is told by its own exception.
_CONNECT_SHARE = 0.3

_URLS_KEPT = 16


class HttpClient:
    """Posts to a vendor and keeps connections for the next post. One per provider instance.

    timeout: seconds for a whole call, from looking up the name to the last byte of the answer.
    transport: an httpx transport to use instead of the best one installed; the client closes it.
    max_body: bytes an answer may have.

    Making one loads what the posts will need, so that the first does not spend its deadline on imports. It
    does no I/O, and belongs to the event loop of its first post.
    """

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        max_body: int = 65536,
    ) -> None:
        if not (isfinite(timeout) and timeout > 0):
            raise ConfigurationError(
                "not a number of seconds above 0", field="timeout", remedy="give 10, say"
            )
        self._timeout = timeout
        self._max_body = max_body
        self._transport = transport
        self._transport_name = "injected" if transport is not None else ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._urls: dict[str, httpx.URL] = {}
        self._closed = False
        preload()

    _new_request: type[httpx.Request]

    @property
    def transport_name(self) -> str:
        """What carries the requests: `fast`, `pooled`, `injected`, or "" before the first post."""
        return self._transport_name

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpReply | Outcome:
        """Post once. Returns the answer, whatever its status, or the outcome that the fault amounts to.

        url: https, or http to a loopback host; anything else is NOT_SENT.
        form, json, content: the body, one of them at most. headers: beside our own.
        timeout: seconds for this call instead of the client's.

        Raises nothing for what the network or the server does; cancellation goes through. Raises
        ValueError for more than one body, TypeError for a json that cannot be written, ConfigurationError
        when called from a second event loop.
        """
        seconds = self._timeout if timeout is None else timeout
        if self._closed:
            return Outcome.not_sent(Reason.UNREACHABLE, detail="the client is closed")
        if not seconds > 0:
            return Outcome.not_sent(Reason.UNREACHABLE, detail="no time left to send")
        body, content_type = _encode(form, json, content)
        all_headers = {**_DEFAULTS, "content-type": content_type} if content_type else {**_DEFAULTS}
        if headers:
            for name, value in headers.items():
                if not _can_be_sent(name, value):
                    return Outcome.not_sent(
                        Reason.PROVIDER_BUG, detail="a header with line breaks or beyond ASCII"
                    )
                all_headers[name.lower()] = value
            all_headers["accept-encoding"] = "identity"
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._transport is None:
            self._open(loop)
        assert self._transport is not None  # noqa: S101 — _open has just seen to it
        deadline = asyncio.timeout(seconds)
        try:
            target = self._urls.get(url) or self._resolve(url)
            if isinstance(target, Outcome):
                return target
            connect = seconds * _CONNECT_SHARE
            request = self._new_request(
                "POST",
                target,
                headers=all_headers,
                content=body,
                extensions={"timeout": {"connect": connect, "pool": connect, "read": None, "write": None}},
            )
            async with deadline:
                return await self._read(await self._transport.handle_async_request(request))
        # Not narrower: a transport is a stranger's code, and whatever it raises once the request may have
        # left has to become UNKNOWN; let through, it would look like a bug from before the sending.
        except Exception as error:  # noqa: BLE001
            if deadline.expired():
                return Outcome.unknown(Reason.TIMEOUT, detail=f"no whole answer within {seconds:g} s")
            return classify(error)

    async def aclose(self) -> None:
        """Close every connection. Calls under way end as UNKNOWN, later ones as NOT_SENT."""
        self._closed = True
        transport, self._transport = self._transport, None
        # With its event loop gone there is nothing left to close them with.
        if transport is not None and not (self._loop is not None and self._loop.is_closed()):
            await transport.aclose()

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None and self._loop is not loop:
            if not self._loop.is_closed():
                raise ConfigurationError(
                    "this HTTP client belongs to another event loop",
                    remedy="give each event loop a hub of its own, or use SyncHub",
                )
            # A script that calls asyncio.run() for each message: the old connections died with their loop.
            if self._transport_name != "injected":
                self._transport = None
        # Not at the top of the file: it takes 100 ms, which a program without such providers need not pay.
        import httpx

        self._new_request = httpx.Request
        self._loop = loop
        if self._transport is None:
            self._transport_name, self._transport = best_transport()

    def _resolve(self, url: str) -> httpx.URL | Outcome:
        """Parse a URL once; providers post to one or two of them for ever."""
        import httpx

        target = httpx.URL(url)
        if not is_allowed(target.scheme, target.host):
            return Outcome.not_sent(Reason.UNREACHABLE, detail="neither https nor http to a loopback host")
        if len(self._urls) >= _URLS_KEPT:
            self._urls.clear()
        self._urls[url] = target
        return target

    async def _read(self, response: httpx.Response) -> HttpReply | Outcome:
        stream = cast("httpx.AsyncByteStream", response.stream)
        try:
            headers: dict[str, str] = {}
            for raw_name, raw_value in response.headers.raw:
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
                return Outcome.unknown(Reason.MALFORMED_REPLY, detail="an encoded answer was not asked for")
            chunks, size = [], 0
            async for chunk in stream:
                size += len(chunk)
                if size > self._max_body:
                    return Outcome.unknown(
                        Reason.MALFORMED_REPLY, detail=f"an answer of more than {self._max_body} bytes"
                    )
                chunks.append(chunk)
        finally:
            await stream.aclose()
        return HttpReply(response.status_code, MappingProxyType(headers), b"".join(chunks))


def _encode(form: Mapping[str, str] | None, json: Any, content: bytes | None) -> tuple[bytes, str]:
    """The body and its Content-Type, "" where only the caller can know it."""
    if (form is not None) + (json is not None) + (content is not None) > 1:
        raise ValueError("give one of form, json and content")
    if form is not None:
        return urlencode(form).encode("ascii"), _FORM
    if json is not None:
        return jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":")).encode(), _JSON
    return content or b"", ""


def _can_be_sent(name: str, value: str) -> bool:
    return (
        name.isascii() and value.isascii() and name.isprintable() and value.replace("\t", " ").isprintable()
    )
