"""Output: one JSON object for scripts, aligned lines for people."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["on_terminal", "print_json", "print_json_lines", "print_rows", "reserved"]


def on_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


@contextlib.contextmanager
def reserved(as_json: bool) -> Iterator[None]:
    """Keep standard output for the one JSON object; what else is printed meanwhile goes to standard error.

    That covers a console provider with `stream = "stdout"`, and a plugin that prints.
    """
    if not as_json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def print_json(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """One JSON object, or a list of them, and a line end."""
    print(json.dumps(value, ensure_ascii=not _utf8(), indent=2 if on_terminal() else None))


def print_json_lines(values: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, for as many as there are."""
    for value in values:
        print(json.dumps(value, ensure_ascii=not _utf8()))


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns under their names; no frame, so that it can be cut and grepped."""
    from rich.cells import cell_len  # Chinese characters are two columns wide

    cells = [[cell or "-" for cell in row] for row in rows]
    widths = [max(cell_len(row[i]) for row in [columns, *cells]) for i in range(len(columns))]

    def line(row: Sequence[str]) -> str:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        return "  ".join(padded).rstrip()

    head = line([column.upper() for column in columns])
    print(f"\x1b[1m{head}\x1b[0m" if _colour() else head)
    for row in cells:
        print(line(row))


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().startswith("utf")


def _colour() -> bool:
    return on_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
