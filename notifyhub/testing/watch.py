"""Watching what a provider does besides answering: what it logs, and whom it connects to."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["watch_connections", "watch_logs"]

_watchers: list[list[str]] = []
_hooked = False
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


@contextmanager
def watch_connections() -> Iterator[list[str]]:
    """The addresses (`host:port`) and names (`name …`) that Python's sockets are asked for meanwhile.

    Seen are all threads and every library that uses Python's sockets; not one with sockets of its own in C.
    """
    global _hooked
    if not _hooked:
        # An audit hook sees every library at once, where a patched function sees those that call it.
        sys.addaudithook(_audit)
        _hooked = True
    seen: list[str] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers.remove(seen)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    if event == "socket.getaddrinfo":
        _note(f"name {arguments[0]}")
    elif event in _CONNECTING and isinstance(arguments[1], tuple):
        # A tuple is an internet address; Unix sockets (syslog, a debugger) are no vendor's.
        _note(f"{arguments[1][0]}:{arguments[1][1]}")


def _note(seen: str) -> None:
    for watcher in _watchers:
        watcher.append(seen)


@contextmanager
def watch_logs() -> Iterator[list[str]]:
    """All that is logged or warned meanwhile: every logger of the standard library, at every level."""
    seen: list[str] = []
    handler = _Everything(seen)
    root = logging.getLogger()
    loggers = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, one.propagate, one.disabled) for one in (root, *loggers)]
    disabled_below = root.manager.disable
    for one in loggers:
        one.setLevel(logging.NOTSET)
        one.propagate, one.disabled = True, False
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    logging.disable(logging.NOTSET)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield seen
            seen.extend(f"warning: {one.message}" for one in warned)
    finally:
        logging.disable(disabled_below)
        root.removeHandler(handler)
        for one, level, propagate, disabled in before:
            one.setLevel(level)
            one.propagate, one.disabled = propagate, disabled


class _Everything(logging.Handler):
    """Keeps each record as its text, its arguments, its extras and its traceback."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen
        self._formatter = logging.Formatter("%(name)s: %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.append(f"{self._formatter.format(record)} {vars(record)!r}")
