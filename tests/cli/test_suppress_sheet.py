"""The suppression list as CSV: whatever is on it is read back as it was, and nothing in it is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.cli.suppress.sheet import COLUMNS, WrongLine, read, write
from notifyhub.errors import NotificationError
from notifyhub.ledger import Suppression
from notifyhub.suppressions import suppression

WHOLE = "+8613800138000"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WORDS = st.text(max_size=20).filter(lambda text: any(c.isprintable() and not c.isspace() for c in text))
TIMES = st.datetimes(
    datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])
)


@pytest.fixture(scope="module", autouse=True)
def _numbers_are_known() -> None:
    """The first entry of a process loads what is known of all numbers: no part of drawing an example."""
    suppression(WHOLE, reason="words", source="words", since=NOW)


@st.composite
def suppressions(draw: st.DrawFn) -> Suppression:
    """Any entry that can be on a list."""
    channel, address = draw(
        st.sampled_from(
            [
                (None, WHOLE), (None, "+14155552671"), ("sms", "+442079460000"), ("voice", WHOLE),
                (None, "=1+1@b.co"), ("email", "-a@b.co"), ("email", "'a@b.co"), ("chat", "+86"),
                ("chat", "@room"), ("chat", "'=room"), ("chat", "tel:1"),
            ]
        )
    )  # fmt: skip
    return suppression(
        address,
        channel=channel,
        category=draw(st.none() | st.sampled_from(list(Category))),
        instance=draw(st.none() | st.sampled_from(["sms", "-sms", "'sms", "短信,1"])),
        reason=draw(WORDS),
        source=draw(WORDS),
        since=draw(TIMES),
        until=draw(st.none() | TIMES),
    )


@given(st.lists(suppressions(), max_size=5))
def test_what_is_written_is_read(kept: Sequence[Suppression]) -> None:
    """Any list written is read back as it was, whatever its words begin with, and gives the same bytes."""
    sheet = io.StringIO(newline="")
    write(sheet, kept)
    found = list(read(io.StringIO(sheet.getvalue(), newline=""), default_country="US", now=NOW))
    assert found == list(kept)
    again = io.StringIO(newline="")
    write(again, [each for each in found if isinstance(each, Suppression)])
    assert again.getvalue() == sheet.getvalue()


@given(st.lists(suppressions(), max_size=5))
def test_no_cell_is_a_formula(kept: Sequence[Suppression]) -> None:
    """No cell of an export begins with what a spreadsheet would calculate, nor is one a number to it."""
    sheet = io.StringIO(newline="")
    write(sheet, kept)
    for cells in csv.reader(io.StringIO(sheet.getvalue(), newline="")):
        for cell in cells:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert not cells[0].isdigit()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_told_what_is_wrong_with_it(text: str) -> None:
    """Whatever is imported, its lines are entries or told what is wrong; nothing else is raised."""
    try:
        for each in read(
            io.StringIO(f"{','.join(COLUMNS)}\n{text}", newline=""), default_country="CN", now=NOW
        ):
            assert isinstance(each, (Suppression, WrongLine))
    except NotificationError as error:
        assert error.remedy
