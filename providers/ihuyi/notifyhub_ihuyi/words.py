"""The vendor's words, made fit to be kept and shown.

A vendor's `msg` may echo what it was sent. What is stored as `detail` reaches logs, pages and
tickets, so everything private that was in the request is blotted out of it first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["MAX_DETAIL", "clean", "printable"]

MAX_DETAIL = 200
"""Characters of the vendor's words that are kept."""

_READ = 2000  # of an overlong msg, what is looked at: blotting must not become a place to burn time
_ECHO = 8  # characters in a row that make an echo of a private text; shorter ones are matched whole
_BLOT = "*"
_DIGITS = re.compile(r"[0-9]{4,}")


def printable(text: str) -> str:
    """The text without control, format, surrogate, private-use and unassigned characters."""
    # What Python calls printable has none of them, and is told in one look.
    return text if text.isprintable() else "".join(c for c in text if unicodedata.category(c)[0] != "C")


def clean(msg: str | None, private: Iterable[str]) -> str | None:
    """The vendor's words in at most 200 characters, or None where nothing is left of them.

    Blotted out: each private string, every run of 8 characters or more that also occurs in one, and
    every number of 4 digits or more that does (a code quoted out of its sentence).
    """
    # Control characters go first: between two digits they would hide a number from the search.
    text = printable((msg or "")[:_READ])
    hidden = bytearray(len(text))
    for secret in {printable(one) for one in private}:
        if not secret:
            continue
        width = min(len(secret), _ECHO)
        for at in range(len(text) - width + 1):
            if text[at : at + width] in secret:
                hidden[at : at + width] = b"\1" * width
        for number in _DIGITS.finditer(text):
            if number[0] in secret:
                hidden[number.start() : number.end()] = b"\1" * len(number[0])
    shown = "".join(_BLOT if secret else c for c, secret in zip(text, hidden, strict=True)).strip()
    return re.sub(r"\*{3,}", "***", shown)[:MAX_DETAIL] or None
