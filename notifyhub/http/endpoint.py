"""Where requests may go: https anywhere, plain http to this machine only."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from notifyhub.errors import SettingsError

__all__ = ["check_base_url", "is_allowed"]

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")


def check_base_url(url: str, field: str) -> str:
    """The setting `field` as `scheme://host[:port]`, in lower case and without a slash at the end.

    It must be https, or http to a loopback host (127.0.0.0/8, ::1, localhost), and hold nothing but
    scheme, host and port.

    Raises SettingsError with `field` and a remedy; the URL is not quoted, it may hold a password.
    """
    problem, remedy = None, "write it as https://host or https://host:port"
    scheme = host = ""
    port = None
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        problem = "not a URL: it holds spaces or characters that are not ASCII"
        remedy = "write a foreign host name in its xn-- form"
    else:
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            problem = "not a URL: its host or port cannot be read"
        else:
            if scheme not in ("http", "https"):
                problem = "not a URL of http or https"
            elif "@" in parts.netloc:
                problem, remedy = "a user name or password in the URL", "give them as settings of their own"
            elif not _is_host(host) or port == 0 or parts.netloc.endswith(":"):
                problem = "not a URL: its host or port cannot be read"
            elif parts.path not in ("", "/") or "?" in url or "#" in url:
                problem, remedy = "a path, query or fragment in the URL", "leave only https://host:port"
            elif not is_allowed(scheme, host):
                problem = "plain http to another machine, which anybody on the way can read"
                remedy = "use https://; http:// is for 127.0.0.1, ::1 and localhost"
    if problem:
        raise SettingsError(problem, field=field, remedy=remedy)
    authority = f"[{host}]" if ":" in host else host
    return f"{scheme}://{authority}" if port is None else f"{scheme}://{authority}:{port}"


def is_allowed(scheme: str, host: str) -> bool:
    """Whether a request may go there: https, or http to a loopback host."""
    if scheme != "http":
        return scheme == "https"
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return isinstance(ip_address(host), IPv6Address)
        except ValueError:
            return False
    return len(host) <= 253 and _HOST.fullmatch(host) is not None
