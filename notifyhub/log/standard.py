"""Redaction for the standard logging: what other libraries log passes through it too."""

from __future__ import annotations

import logging
from typing import Any, Final

from notifyhub.log.logger import FACTS, Facts
from notifyhub.log.redaction import clean, clean_exception, count_drop, redact_text

__all__ = ["RedactionFilter", "install_redaction"]

_OWN_ATTRIBUTES: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "_notifyhub_redacted"}
)
_DONE: Final = object()


class RedactionFilter(logging.Filter):
    """Redacts records in place: message with arguments, exception, stack and the `extra` attributes.

    Put it on *handlers*. A filter on a logger sees only what is logged to that very logger: the root
    logger's filter never sees the records that httpx or any other child passes up to root's handlers.
    A record that cannot be redacted is dropped and counted (`dropped_events`). Exceptions become text;
    handlers that want the exception object (error trackers) find none.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; False where that fails."""
        # A record passes every handler, and need be redacted once. The mark is an object of our own, so
        # that nobody's `extra` can pretend it.
        if getattr(record, "_notifyhub_redacted", None) is _DONE:
            return True
        try:
            self._redact(record)
        # Not narrower: arguments are strangers' objects whose str may raise anything.
        except Exception:  # noqa: BLE001
            count_drop()
            return False
        record.__dict__["_notifyhub_redacted"] = _DONE
        return True

    def _redact(self, record: logging.LogRecord) -> None:
        if isinstance(record.__dict__.get(FACTS), Facts):
            return  # an event of ours, redacted before it became a record
        extra: dict[str, Any] = {
            name: clean(name, value)
            for name, value in record.__dict__.items()
            if name not in _OWN_ATTRIBUTES and not isinstance(value, logging.LogRecord)
        }
        # structlog's ProcessorFormatter hands over its event as the message.
        if isinstance(record.msg, dict):
            record.msg = clean("", record.msg)
        else:
            record.msg = redact_text(record.getMessage())
            record.args = None
        if record.exc_info:
            record.exc_text = clean_exception(record.exc_info)
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = redact_text(record.exc_text)
        if record.stack_info:
            record.stack_info = redact_text(record.stack_info)
        record.__dict__.update(extra)


def install_redaction() -> RedactionFilter:
    """Redact whatever reaches the root logger's handlers, and what is logged to the root itself.

    The filter goes on the root logger and on each handler it has *now* (and on logging's handler of last
    resort): call it after logging is configured, and again when handlers are added. Handlers of other
    loggers that do not propagate (uvicorn's, say) need a filter of their own:
    `handler.addFilter(RedactionFilter())`. Calling it twice is harmless.
    """
    root = logging.getLogger()
    places: list[logging.Filterer] = [root, *root.handlers]
    if logging.lastResort is not None:
        places.append(logging.lastResort)
    redaction = RedactionFilter()
    for place in places:
        if not any(isinstance(one, RedactionFilter) for one in place.filters):
            place.addFilter(redaction)
    return redaction
