"""Logging for a program: lines for people, or JSON lines, on standard error."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from notifyhub.log.logger import FACTS, Facts, to_record
from notifyhub.log.redaction import redact
from notifyhub.log.standard import install_redaction

__all__ = ["configure"]

# They tell about each step of each request.
_TALKATIVE = ("aiohttp", "asyncio", "httpcore", "httpx")


class _ProgramHandler(logging.Handler):
    """The handler `configure` makes; known again by its class, and replaced.

    stream: None is whatever standard error is at each event, since a program may exchange it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        out = self._stream if self._stream is not None else sys.stderr
        try:
            out.write(f"{self.format(record)}\n")
            out.flush()
        except Exception:  # noqa: BLE001 - logging's own way: a log line must not end what it tells of
            self.handleError(record)


class _Formatter(logging.Formatter):
    """A record as one line, by structlog's renderers; a foreign record's message is its event."""

    def __init__(self, *, json: bool, colors: bool) -> None:
        super().__init__()
        self._json = json
        self._colors = colors
        self._renderer: Any = None

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        facts = getattr(record, FACTS, None)
        facts = facts if isinstance(facts, Facts) else {"event": record.getMessage()}
        event: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": facts.get("event"),
            "logger": record.name,
            **facts,
        }
        if record.exc_text:
            event["exception"] = record.exc_text
        if self._renderer is None:
            self._renderer = self._make_renderer()
        return str(self._renderer(None, record.levelname.lower(), event))

    def _make_renderer(self) -> Any:
        import structlog

        if self._json:
            return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        return structlog.dev.ConsoleRenderer(colors=self._colors)


def configure(json: bool = False, level: str | int = "INFO", stream: TextIO | None = None) -> None:
    """Set up logging for the whole program. Only programs call this; notifyhub's command line does.

    json: a JSON object a line, instead of lines for people. level: of events shown (libraries that
    tell about every request show warnings only). stream: standard error if None.

    Calling it again replaces the former set-up. Events of structlog itself go the same way.

    Raises ValueError for a level that does not exist.
    """
    import structlog

    handler = _ProgramHandler(stream)
    colors = not json and (stream if stream is not None else sys.stderr).isatty()
    handler.setFormatter(_Formatter(json=json, colors=colors))
    root = logging.getLogger()
    root.setLevel(level)
    for former in [one for one in root.handlers if isinstance(one, _ProgramHandler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    install_redaction()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, redact, to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
