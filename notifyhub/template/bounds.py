"""The sizes a template's values may have, and the functions that keep to them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from jinja2 import nodes
from jinja2.filters import FILTERS

__all__ = [
    "MAX_RANGE",
    "MAX_VALUE",
    "Forbidden",
    "bounded",
    "bounded_concat",
    "join",
    "printable",
    "replace",
    "small_range",
    "tojson",
]

MAX_VALUE = 262_144
"""Characters (of a string) or items (of a list) a value inside a template may have."""
MAX_RANGE = 1_000
"""Numbers `range()` may give."""


class Forbidden(Exception):
    """A template does what the sandbox forbids. The text never quotes a value."""


def printable(value: Any) -> Any:
    """What `{{ }}` prints: text and numbers. `None` or a list in a message is a mistake of the template."""
    if value is None or isinstance(value, (list, tuple, dict, set, frozenset, bytes)):
        raise Forbidden("prints a list, a mapping or none")
    return value


def bounded(value: Any) -> Any:
    """The value, if it is not too large. Raises Forbidden."""
    if isinstance(value, (str, list, tuple)) and len(value) > MAX_VALUE:
        raise Forbidden("makes a value that is too large")
    return value


def bounded_concat(parts: Iterable[str]) -> str:
    """The parts as one, if that is not too large. Raises Forbidden."""
    whole: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_VALUE:
            raise Forbidden("makes a value that is too large")
        whole.append(part)
    return "".join(whole)


@wraps(FILTERS["join"])
def join(eval_ctx: nodes.EvalContext, value: Iterable[Any], d: str = "") -> Any:
    """Jinja2's filter, the size known before anything is joined."""
    items = [printable(item) for item in bounded(list(value))]
    if sum(len(str(item)) + len(d) for item in items) > MAX_VALUE:
        raise Forbidden("makes a value that is too large")
    return bounded(FILTERS["join"](eval_ctx, items, d))


@wraps(FILTERS["tojson"])
def tojson(eval_ctx: nodes.EvalContext, value: Any) -> Any:
    """Jinja2's filter without its indent, which may be 300000000 spaces."""
    return FILTERS["tojson"](eval_ctx, value)


@wraps(FILTERS["replace"])
def replace(eval_ctx: nodes.EvalContext, s: str, old: str, new: str, count: int | None = None) -> Any:
    """Jinja2's filter, the largest possible size known before anything is replaced."""
    if len(s) + str(s).count(old) * len(new) > MAX_VALUE:
        raise Forbidden("makes a value that is too large")
    return FILTERS["replace"](eval_ctx, s, old, new, count)


def small_range(*bounds: int) -> range:
    """`range`, of at most MAX_RANGE numbers. Raises Forbidden."""
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise Forbidden(f"uses a range of more than {MAX_RANGE} numbers")
    return numbers
