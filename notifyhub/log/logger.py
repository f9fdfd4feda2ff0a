"""EventLogger: names and facts through structlog into the standard logging, nearly free when filtered."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import MutableMapping
from typing import Any

from notifyhub.log.redaction import redact

__all__ = ["FACTS", "EventLogger", "Facts", "get_logger", "to_record"]

FACTS = "notifyhub_event"
"""The attribute of a LogRecord that holds the event's redacted facts."""

# A library's logger stays silent, instead of printing to standard error, until a program configures logging.
logging.getLogger("notifyhub").addHandler(logging.NullHandler())


class Facts(dict[str, Any]):
    """The facts of an event that has been through `redact`; nothing else makes one."""


class EventLogger:
    """Logs events: a name and facts. `bind` makes one that adds the same facts to every event.

    The level is looked at first, so that an event nobody wants costs a fraction of a microsecond.
    """

    __slots__ = ("_bound", "_facts", "_standard")

    def __init__(self, name: str, facts: dict[str, Any] | None = None) -> None:
        self._standard = logging.getLogger(name)
        self._facts = facts or {}
        self._bound: Any = None

    def bind(self, **facts: Any) -> EventLogger:
        """A logger with these facts in every event."""
        return EventLogger(self._standard.name, {**self._facts, **facts})

    def wants(self, level: int) -> bool:
        """Whether an event of this level would be logged: asked before facts are gathered for it."""
        return self._standard.isEnabledFor(level)

    def debug(self, event: str, **facts: Any) -> None:
        """Something only a developer looks for."""
        if self._standard.isEnabledFor(logging.DEBUG):
            self._emit("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        """Something that went as it should."""
        if self._standard.isEnabledFor(logging.INFO):
            self._emit("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Something an operator may want to look at."""
        if self._standard.isEnabledFor(logging.WARNING):
            self._emit("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Something an operator has to look at."""
        if self._standard.isEnabledFor(logging.ERROR):
            self._emit("error", event, facts)

    def critical(self, event: str, **facts: Any) -> None:
        """Something that stops the program."""
        if self._standard.isEnabledFor(logging.CRITICAL):
            self._emit("critical", event, facts)

    def exception(self, event: str, **facts: Any) -> None:
        """An error, with the exception being handled and its traceback."""
        if self._standard.isEnabledFor(logging.ERROR):
            self._emit("error", event, {"exc_info": True, **facts})

    def _emit(self, method: str, event: str, facts: dict[str, Any]) -> None:
        if self._bound is None:
            # Here and not above: structlog takes 100 ms to import. Wrapped by itself, so that neither our
            # chain depends on the application's structlog.configure nor the other way round.
            import structlog

            self._bound = structlog.wrap_logger(
                self._standard,
                processors=[structlog.contextvars.merge_contextvars, redact, to_record],
                wrapper_class=structlog.stdlib.BoundLogger,
                cache_logger_on_first_use=True,
            ).bind(**self._facts)
        getattr(self._bound, method)(event, **facts)


def get_logger(name: str = "notifyhub") -> EventLogger:
    """The logger of this name; below `notifyhub` by convention (`notifyhub.ihuyi`)."""
    return EventLogger(name)


def to_record(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[_Line], dict[str, dict[str, Any]]]:
    """A structlog processor after `redact`: a line for anybody's handler, and the facts for our own."""
    facts = Facts(event)
    return (_Line(facts),), {"extra": {FACTS: facts}}


class _Line:
    """The message of a record, written only when a handler asks for it."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __str__(self) -> str:
        facts = self._facts
        words = [_show(facts.get("event"))]
        words += [
            f"{key}={_show(value)}" for key, value in facts.items() if key not in ("event", "exception")
        ]
        text = " ".join(words)
        return f"{text}\n{facts['exception']}" if "exception" in facts else text


_WORD = re.compile(r"[^\s=\"'\x00-\x20\x7f-\x9f\u2028\u2029]+")


def _show(value: Any) -> str:
    # Quoted where it would look like more than one word, or forge a line.
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
