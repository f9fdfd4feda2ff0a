"""Redaction of events: by the name of a key, and inside every text. What cannot be redacted is dropped."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from functools import lru_cache
from logging import LogRecord
from types import TracebackType
from typing import Any

from notifyhub.address import mask
from notifyhub.log.patterns import BLOT, SECRET_NAME, clean_text, protect

__all__ = ["clean", "clean_exception", "count_drop", "dropped_events", "protect", "redact", "redact_text"]

_PERSONAL = frozenset({"content", "text", "body", "subject", "html", "variables", "data"})
_ADDRESS = re.compile(
    r"to|(?:to_|from_)?(?:address|mobile|phone|email|mail|msisdn|tel|recipient)(?:_?(?:number|address|no))?(?:e?s)?"
)
_MAX_DEPTH = 10
_MAX_ITEMS = 1000

_dropped = 0


def dropped_events() -> int:
    """How many events were dropped since the program began, because they could not be redacted."""
    return _dropped


def count_drop() -> None:
    """Count an event that was dropped."""
    global _dropped
    _dropped += 1


def redact_text(text: str) -> str:
    """A text with secrets blotted, phone numbers and mail addresses masked.

    Blotted: what `protect` has registered, values beside the name of a secret (`password=…`,
    `Authorization: …`), the values of URL queries, 32 hex digits after a word like key. Ids, timestamps
    and order numbers stay.
    """
    return clean_text(text)


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event without secrets, codes and whole addresses.

    Put it after everything that adds to the event and before the renderer. Exceptions (`exc_info`) are
    rendered here, to `exception`, for their text needs redacting too.

    Raises structlog.DropEvent, and counts it, where redaction itself fails.
    """
    try:
        cleaned: dict[str, Any] = {}
        for key, value in event.items():
            if key == "exc_info":
                if value and (text := clean_exception(value)):
                    cleaned["exception"] = text
            elif key.startswith("_") and (isinstance(value, LogRecord) or value is True or value is False):
                # What structlog's ProcessorFormatter keeps in the event for itself.
                cleaned[key] = value
            else:
                cleaned[clean_text(key)] = _clean_named(key, value, 0)
    # Not narrower: values are strangers' objects whose repr may raise anything; an event that was not
    # redacted is worse than none.
    except Exception:  # noqa: BLE001
        from structlog import DropEvent

        count_drop()
        raise DropEvent from None
    return cleaned


def clean(name: str, value: Any) -> Any:
    """One value, redacted as its name and its own text demand: text, numbers, lists and dicts of these."""
    return _clean_named(name, value, 0)


def clean_exception(exc_info: Any) -> str:
    """An exception with its traceback as redacted text; "" where there is none."""
    error: BaseException | None
    if isinstance(exc_info, BaseException):
        error = exc_info
    elif isinstance(exc_info, tuple):
        error = exc_info[1]
    else:
        error = sys.exc_info()[1]
    if error is None:
        return ""
    trace: TracebackType | None = error.__traceback__
    return clean_text("".join(traceback.format_exception(type(error), error, trace)).rstrip())


def _clean_named(name: str, value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    rule = _rule(name)
    if rule == "blot":
        return value if isinstance(value, str) and not value else BLOT
    return _clean_address(value, depth) if rule == "mask" else _clean(value, depth)


@lru_cache(maxsize=1024)
def _rule(name: str) -> str:
    """What the name of a value demands: blot, mask, or "" where only its text is looked at."""
    plain = name.lower().replace("-", "_")
    if plain in _PERSONAL or SECRET_NAME.search(plain):
        return "blot"
    return "mask" if _ADDRESS.fullmatch(plain) else ""


def _clean_address(value: Any, depth: int) -> Any:
    if isinstance(value, (list, tuple, AbstractSet)) and depth < _MAX_DEPTH:
        return [_clean_address(one, depth + 1) for one in value]
    if not isinstance(value, (str, int)):
        return _clean(value, depth)
    text = str(value)
    cleaned = clean_text(text)
    if text == "":
        return text
    # Where something was recognised, or has been masked before, that is shown; else next to nothing.
    return cleaned if cleaned != text or "***" in text else mask(text)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean_text(str(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        # From 11 digits on it may be a phone number.
        if -9_999_999_999 < value < 9_999_999_999:
            return value
        text = str(value)
        cleaned = clean_text(text)
        return value if cleaned == text else cleaned
    if depth >= _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, (bytes, bytearray, memoryview)):
        # Never shown: there is no telling what they encode.
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {
            clean_text(str(key)): _clean_named(str(key), one, depth + 1)
            for key, one in list(value.items())[:_MAX_ITEMS]
        }
    if isinstance(value, (list, tuple, AbstractSet)):
        return [_clean(one, depth + 1) for one in list(value)[:_MAX_ITEMS]]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, BaseException):
        return clean_text(f"{type(value).__name__}: {value}")
    return clean_text(repr(value))
