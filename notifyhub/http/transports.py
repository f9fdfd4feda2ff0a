"""Which httpx transport carries the requests: httpx-aiohttp's where it is installed, else a free list."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    import aiohttp
    import httpx

__all__ = ["KEEPALIVE", "MAX_CONNECTIONS", "best_transport", "fast_transport", "pooled_transport", "preload"]

KEEPALIVE = 4.0
"""Seconds a connection may stay idle. Servers close theirs after 5 s and more, and a request that meets
that moment is lost to UNKNOWN."""

MAX_CONNECTIONS = 256
"""Open at once, for one client; a request beyond them waits, and is NOT_SENT if none becomes free."""


def best_transport() -> tuple[str, httpx.AsyncBaseTransport]:
    """The best transport installed here and its name, `fast` or `pooled`."""
    try:
        return "fast", fast_transport()
    except ImportError:
        return "pooled", pooled_transport()


def preload() -> None:
    """Import what `best_transport` will need: 100 to 300 ms that are better spent at start than in a send."""
    import httpx  # noqa: F401

    with suppress(ImportError):
        import httpx_aiohttp  # noqa: F401
    tls_context()


def tls_context() -> ssl.SSLContext:
    """What verifies certificates, made once a process (it takes 30 ms) for the authorities in force."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _tls_context(cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    import httpx

    # It reads the same two variables, which are parameters here only to tell contexts apart.
    return httpx.create_ssl_context()


def pooled_transport(
    *, keepalive: float = KEEPALIVE, max_connections: int = MAX_CONNECTIONS
) -> httpx.AsyncBaseTransport:
    """The transport httpx has itself, as a free list of one-connection ones; needs nothing but httpx.

    httpx's pool scans every connection on each request: at 64 at once a free list is three times as fast,
    and raising the pool's limits makes it slower still.

    keepalive: seconds a connection may stay idle. max_connections: open at once.
    """
    from notifyhub.http.free_list import FreeList

    return FreeList(tls_context(), keepalive=keepalive, max_connections=max_connections)


def fast_transport(
    *, keepalive: float = KEEPALIVE, max_connections: int = MAX_CONNECTIONS
) -> httpx.AsyncBaseTransport:
    """The transport of httpx-aiohttp (the extra `fast`), about twice as fast as `pooled_transport`.

    keepalive: seconds a connection may stay idle. max_connections: open at once.

    Raises ImportError where httpx-aiohttp is not installed.
    """
    import aiohttp
    from httpx_aiohttp import AiohttpTransport

    from notifyhub.http.connector import Connector

    context = tls_context()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=Connector(
                ssl=context, limit=max_connections, limit_per_host=0, keepalive_timeout=keepalive
            ),
            # The session httpx-aiohttp would make keeps cookies and hands them to later requests.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        )

    # Given as a function: a session belongs to the event loop it is made in, so it is made at the first use.
    return AiohttpTransport(verify=context, client=session)
