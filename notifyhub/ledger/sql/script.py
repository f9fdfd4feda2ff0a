"""Script: database work written once, for synchronous and asynchronous drivers alike.

A script is a generator: it yields statements and is sent their rows. Who drives it decides how they
are executed: the writer thread of SQLite, asyncpg, or whatever connection an application has a
transaction open on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

__all__ = ["Batch", "Row", "Rows", "Script", "Statement", "in_turn"]

Row: TypeAlias = Sequence[Any]
Rows: TypeAlias = Sequence[Row]
Answer = TypeVar("Answer")
Operation = TypeVar("Operation")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and its parameters, written `?` in the order given. Its rows are sent back."""

    sql: str
    parameters: Row = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """One INSERT, UPDATE or DELETE without RETURNING, executed once for each row of parameters.

    One row with one number is sent back: how many rows of the table were changed altogether.
    """

    sql: str
    rows: Rows


Script: TypeAlias = Generator[Statement | Batch, Rows, Answer]
"""Yields statements, is sent their rows, returns its answer."""


def in_turn(
    operations: Sequence[Operation], script: Callable[[Operation], Script[Answer]]
) -> Script[list[Answer]]:
    """Run a script for each operation, one after the other; the answers in their order."""
    answers = []
    for operation in operations:
        answer = yield from script(operation)
        answers.append(answer)
    return answers
