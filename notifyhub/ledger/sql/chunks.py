"""Chunks: many values for one statement, in few lengths.

Databases keep the plan of a statement by its text. So lists come in a few lengths only, filled up with
their last value again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["chunks", "marks"]

_LENGTHS = (1, 4, 16, 64, 256)


def chunks(values: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The values in their order, up to 256 at a time; the last one repeated up to the next length."""
    for start in range(0, len(values), _LENGTHS[-1]):
        chunk = tuple(values[start : start + _LENGTHS[-1]])
        length = next(length for length in _LENGTHS if length >= len(chunk))
        yield (*chunk, *(chunk[-1:] * (length - len(chunk))))


def marks(chunk: Sequence[str], mark: str = "?") -> str:
    """As many marks as there are values, with commas."""
    return ", ".join([mark] * len(chunk))
