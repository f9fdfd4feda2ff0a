"""Addresses: any usual writing becomes one, what cannot be is refused, and people see a mask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.address import mask, parse_mail, parse_phone
from notifyhub.errors import InvalidAddress

USUAL_WRITINGS = [
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "+8613800138000",
    "+86 138 0013 8000",
    "(+86)13800138000",
    "008613800138000",
    "8613800138000",
    "１３８００１３８０００",
    "tel:+86-138-0013-8000",
]


@pytest.mark.parametrize("written", USUAL_WRITINGS)
def test_usual_writing(written: str) -> None:
    """Any usual writing of a mainland mobile becomes the same E.164 number, with country and carrier."""
    phone = parse_phone(written)
    assert (phone.e164, phone.country, phone.carrier, phone.mobile) == (
        "+8613800138000",
        "CN",
        "mobile",
        True,
    )
    assert phone.national == "13800138000"


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("13012345678", "unicom"),
        ("13312345678", "telecom"),
        ("13492345678", "telecom"),
        ("13402345678", "mobile"),
        ("17012345678", "telecom"),
        ("17052345678", "mobile"),
        ("17092345678", "unicom"),
        ("19212345678", "broadnet"),
        ("19912345678", "telecom"),
    ],
)
def test_carrier(number: str, carrier: str) -> None:
    """A mainland mobile's prefix names the carrier that issued it, four digits before three."""
    assert parse_phone(number).carrier == carrier


def test_country_of_abroad() -> None:
    """A number from abroad has its country and no carrier, and the default country fills in the code."""
    assert (parse_phone("+1 415 555 2671").country, parse_phone("+14155552671").carrier) == ("US", None)
    assert parse_phone("415 555 2671", "US").e164 == "+14155552671"


def test_landline_is_no_mobile() -> None:
    """A landline parses and says that texts cannot reach it."""
    assert parse_phone("0755-2345-6789").mobile is False


@pytest.mark.parametrize(
    "written", ["", "123", "1380013800x", "23800138000", "+86138001380000", "a@b.c", "+", "1" * 99]
)
def test_impossible_number(written: str) -> None:
    """What cannot be a number is refused, and the error quotes nothing of it but its length."""
    with pytest.raises(InvalidAddress) as caught:
        parse_phone(written)
    assert caught.value.field == "to"
    assert caught.value.remedy
    assert not written or len(written) < 4 or written not in str(caught.value)


@pytest.mark.parametrize("written", ["a@b.co", "Alice.B+tag@Example.COM", "x@例子.中国", " a@b.co "])
def test_mail(written: str) -> None:
    """One mail address is read, its domain in lower case and in its ASCII form."""
    mail = parse_mail(written)
    assert mail.domain == mail.domain.lower()
    assert mail.domain.isascii()
    assert "@" in mail.whole


@pytest.mark.parametrize(
    "written",
    [
        *("", "a", "@b.c", "a@", "a@b", "a b@c.de", "a@-b.com", "a..b@c.de", ".a@b.de", "a" * 65 + "@b.co"),
        *("a@b.c\nBcc: x@y.z", "a@b.co\x85x", "a\u2028@b.co", "Alice <a@b.co>", "a@b.co,c@d.eu"),
    ],
)
def test_no_mail(written: str) -> None:
    """Lists, names, header injections and half addresses are refused."""
    with pytest.raises(InvalidAddress):
        parse_mail(written)


@pytest.mark.parametrize(
    ("whole", "seen"),
    [
        ("+8613800138000", "138****8000"),
        ("13800138000", "138****8000"),
        ("+14155552671", "+1******2671"),
        ("alice@example.com", "a***@e***.com"),
        ("room-12", "ro***"),
        ("abc", "***"),
        ("", "***"),
    ],
)
def test_mask(whole: str, seen: str) -> None:
    """People see enough to recognise an address and too little to use it."""
    assert mask(whole) == seen


@pytest.mark.parametrize(("written", "country"), [("138 0013-8000", "CN"), ("(415) 555-2671", "US")])
def test_a_whole_number_is_known_again(written: str, country: str) -> None:
    """The whole number is the same number as the writing it was read from, whatever the default country."""
    phone = parse_phone(written, country)
    assert parse_phone(phone.e164) == phone
    assert parse_phone(phone.e164, "DE") == phone


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_no_whole_number_in_text(number: str) -> None:
    """Neither str nor repr of a phone number, nor an error about it, holds the whole number."""
    try:
        phone = parse_phone(number)
    except InvalidAddress as error:
        assert number not in str(error)
    else:
        assert number not in str(phone)
        assert number not in repr(phone)
