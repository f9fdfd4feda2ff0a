"""Placeholders in the words of each driver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.ledger.connections.placeholders import translated


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("qmark", "SELECT ?, a % 2 WHERE b LIKE '%' AND c = ?"),
        ("numeric_dollar", "SELECT $1, a % 2 WHERE b LIKE '%' AND c = $2"),
        ("format", "SELECT %s, a %% 2 WHERE b LIKE '%%' AND c = %s"),
        ("pyformat", "SELECT %s, a %% 2 WHERE b LIKE '%%' AND c = %s"),
    ],
)
def test_styles(style: str, expected: str) -> None:
    """Each style has its own words, and a per cent sign is doubled where the driver reads them."""
    assert translated("SELECT ?, a % 2 WHERE b LIKE '%' AND c = ?", style) == expected


def test_without_parameters() -> None:
    """A statement without parameters is left alone in every style."""
    for style in ("qmark", "numeric_dollar", "format", "pyformat"):
        assert translated("SELECT a % 2 LIKE '%'", style) == "SELECT a % 2 LIKE '%'"


def test_unknown_style() -> None:
    """A style nobody wrote a translation for is an error, not a guess."""
    with pytest.raises(ValueError, match="named"):
        translated("SELECT ?", "named")


@given(st.lists(st.text(st.characters(exclude_characters="?$")), min_size=2))
def test_numbers_count_up(parts: list[str]) -> None:
    """Whatever stands between them, placeholders are numbered in their order and nothing else changes."""
    sql = translated("?".join(parts), "numeric_dollar")
    for number, part in enumerate(parts[1:], 1):
        head, _, sql = sql.partition(f"${number}")
        assert head == parts[number - 1]
        assert sql.startswith(part)
    assert sql == parts[-1]


@given(st.text(st.characters(exclude_characters="?")), st.text(st.characters(exclude_characters="?")))
def test_per_cent_survives(before: str, after: str) -> None:
    """What Python's own %-formatting makes of the translation is the statement with the value in place."""
    assert translated(f"{before}?{after}", "format") % ("value",) == f"{before}value{after}"
