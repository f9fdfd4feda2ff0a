"""A table of figures, as plain text."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A contender, its figure, and its ratio to another's."""

    name: str
    figure: str
    ratio: str


def show(title: str, rows: list[Row]) -> None:
    """Print the rows under their title, in columns."""
    width = max(len(row.name) for row in rows)
    print(f"\n{title}")
    for row in rows:
        print(f"  {row.name:<{width}}  {row.figure:>10}  {row.ratio}".rstrip(), flush=True)
