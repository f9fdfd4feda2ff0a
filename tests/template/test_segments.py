"""Segments: how many parts a text costs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.template import Segments, parts_cn, segments


@pytest.mark.parametrize(
    ("length", "parts"), [(0, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
)
def test_mainland_counting(length: int, parts: int) -> None:
    """Up to 70 characters are one part, longer texts cost 67 a part, as ihuyi documents it."""
    assert parts_cn("字" * length) == parts
    assert parts_cn("a" * length) == parts


def test_the_signature_counts() -> None:
    """The signature counts with its brackets, whether or not they are given."""
    assert parts_cn("字" * 64, "互亿无线") == 1
    assert parts_cn("字" * 65, "互亿无线") == 2
    assert parts_cn("字" * 65, "【互亿无线】") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, Segments("gsm7", 160, 1)),
        ("a" * 161, Segments("gsm7", 161, 2)),
        ("a" * 306, Segments("gsm7", 306, 2)),
        ("€" * 80, Segments("gsm7", 160, 1)),
        ("€" * 153, Segments("gsm7", 306, 3)),  # 153 is odd: 76 in a part, never half of one
        ("字" * 70, Segments("ucs2", 70, 1)),
        ("字" * 71, Segments("ucs2", 71, 2)),
        ("𠮷" * 35, Segments("ucs2", 70, 1)),
        ("𠮷" * 67, Segments("ucs2", 134, 3)),
        ("", Segments("gsm7", 0, 1)),
    ],
)
def test_standard_counting(text: str, expected: Segments) -> None:
    """The GSM standard's parts, without cutting an extension character or a surrogate pair."""
    assert segments(text) == expected


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=20))
def test_longer_never_costs_less(text: str, more: str) -> None:
    """Adding characters never lowers the number of parts."""
    assert segments(text + more).parts >= segments(text).parts
    assert parts_cn(text + more) >= parts_cn(text)
