"""The types a variable can have: what each accepts, and how its value is written into the words.

text        words of a person or a shop: no links, brackets, `@`, `|`, emoji, control characters
code        a verification code: ASCII digits and letters, as a string (an int loses leading zeros)
integer     a whole number; `True` is not one
amount      money: int, Decimal, float or plain decimal string, at most two decimals, written `99.00`;
            one leading ¥ ￥ $ € is kept
time        a datetime or `2026-11-22 14:05` (ISO 8601), written `2026-11-22 14:05`
identifier  an order or tracking number: ASCII letters, digits and `- _ . # / +`
url         an https address on a host the manifest lists; the only type that may hold a link

Every type takes its string form as well, because a command line knows nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from notifyhub.template.denied import find_denied, find_link, fold

__all__ = ["KINDS", "Checker", "Kind", "Unfit"]

Checker = Callable[[object, str | tzinfo | None], str]
"""`(value, time zone) -> the value as it is written`; raises Unfit."""


class Unfit(Exception):
    """A value does not fit its type. problem and remedy describe it and never quote it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Kind:
    """A variable type. limits: the manifest keys it takes. build: keyword limits to a Checker."""

    limits: frozenset[str]
    build: Callable[..., Checker]


# What needs no second look: no dot, no punctuation, and NFKC leaves it as it is.
_PLAIN = re.compile(r"[0-9A-Za-z \u4e00-\u9fa5]+")
_IDENTIFIER = re.compile(r"[0-9A-Za-z#](?:[0-9A-Za-z_.#/+-]*[0-9A-Za-z])?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_AMOUNT = re.compile(r"([¥$€]?) ?(-?[0-9]{1,15}(?:\.[0-9]{1,18})?)")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}"
    r"(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_URL = re.compile(r"https://[a-z0-9.-]+(?::443)?(?:[/?#][0-9A-Za-z/._~!$&'()*+,;=:%?#-]*)?")


def _string(value: object, wanted: str) -> str:
    if isinstance(value, str):
        return value
    raise Unfit(f"is {_article(value)}, not a string", wanted)


def _narrow(value: str, wanted: str) -> str:
    """A short value in NFKC form, without the spaces around it."""
    # A huge value is refused before anything is computed from it.
    if len(value) > 64:
        raise Unfit(f"has {len(value)} characters", wanted)
    return (value if value.isascii() else unicodedata.normalize("NFKC", value)).strip()


def _article(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def _build_text(max_length: int = 64) -> Checker:
    wanted = f"give a text of at most {max_length} characters without links, brackets, @, | or emoji"

    def check_text(value: object, zone: str | tzinfo | None) -> str:
        text = _string(value, wanted)
        if not _PLAIN.fullmatch(text):
            # A huge value is refused before anything is computed from it.
            if len(text) > 8 * max_length + 64:
                raise Unfit(f"has {len(text)} characters", wanted)
            text = fold(text)
            problem = find_denied(text)
            if problem:
                raise Unfit(f"holds {problem}", wanted)
        text = text.strip()
        if not text:
            raise Unfit("is empty", wanted)
        if len(text) > max_length:
            raise Unfit(f"has {len(text)} characters", wanted)
        return text

    return check_text


def _build_code(min_length: int = 4, max_length: int = 10) -> Checker:
    wanted = f"give {min_length} to {max_length} digits or ASCII letters"

    def check_code(value: object, zone: str | tzinfo | None) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            raise Unfit("is an int, which loses leading zeros", f"{wanted} as a string")
        code = _narrow(_string(value, wanted), wanted)
        if not (code.isascii() and code.isalnum()):
            raise Unfit("holds something else than digits and letters", wanted)
        if not min_length <= len(code) <= max_length:
            raise Unfit(f"has {len(code)} characters", wanted)
        return code

    return check_code


def _build_integer(min: int | None = None, max: int | None = None) -> Checker:  # noqa: A002 - the manifest's words
    wanted = "give a whole number" + _range(min, max)

    def check_integer(value: object, zone: str | tzinfo | None) -> str:
        if isinstance(value, str):
            digits = _narrow(value, wanted)
            if not _INTEGER.fullmatch(digits):
                raise Unfit("is not a whole number", wanted)
            number = int(digits)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            raise Unfit(f"is {_article(value)}, not a whole number", wanted)
        if (min is not None and number < min) or (max is not None and number > max) or abs(number) >= 10**18:
            raise Unfit("is out of range", wanted)
        return str(number)

    return check_integer


def _build_amount(min: Any = 0, max: Any = 999_999_999) -> Checker:  # noqa: A002 - the manifest's words
    wanted = "give an amount such as 99.00" + _range(min, max)
    least, most = Decimal(str(min)), Decimal(str(max))

    def check_amount(value: object, zone: str | tzinfo | None) -> str:
        sign = ""
        match value:
            case bool():
                raise Unfit("is a bool, not an amount", wanted)
            case Decimal() | int():
                number = Decimal(value)
            case float():
                # repr is the shortest decimal that means this float: 99.9 is 99.9, not 99.9000000000000057.
                number = Decimal(repr(value))
            case str():
                match = _AMOUNT.fullmatch(_narrow(value, wanted))
                if match is None:
                    raise Unfit("is not a plain decimal number", wanted)
                sign, number = match[1], Decimal(match[2])
            case _:
                raise Unfit(f"is {_article(value)}, not an amount", wanted)
        if not number.is_finite():
            raise Unfit("is not a finite number", wanted)
        if not least <= number <= most:
            raise Unfit("is out of range", wanted)
        cents = number.quantize(Decimal("0.01"))
        if cents != number:
            raise Unfit(
                "has more than two decimals", "round it yourself: rounding money is the caller's decision"
            )
        return f"{sign}{abs(cents) if cents == 0 else cents}"

    return check_amount


def _build_time() -> Checker:
    wanted = "give a datetime, or a string such as 2026-11-22 14:05"

    def check_time(value: object, zone: str | tzinfo | None) -> str:
        if isinstance(value, str):
            text = _narrow(value, wanted)
            if not _TIME.fullmatch(text):
                raise Unfit("is not a date and time", wanted)
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                raise Unfit("is a date or time that does not exist", wanted) from None
        elif isinstance(value, datetime):
            moment = value
        else:
            raise Unfit(f"is {_article(value)}, not a time", wanted)
        if zone is not None and moment.tzinfo is not None:
            try:
                moment = moment.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
            except (LookupError, ValueError, OSError, OverflowError):
                raise Unfit("cannot be brought to this time zone", "name it as in Asia/Shanghai") from None
        # Not strftime: below the year 1000 it pads differently on different systems.
        return moment.isoformat(" ", "minutes")[:16]

    return check_time


def _build_identifier(max_length: int = 64) -> Checker:
    wanted = f"give at most {max_length} ASCII letters, digits and - _ . # / +"

    def check_identifier(value: object, zone: str | tzinfo | None) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
            value = str(value)
        text = _string(value, wanted)
        if not (text.isascii() and text.isalnum()):
            if len(text) > 8 * max_length + 64:
                raise Unfit(f"has {len(text)} characters", wanted)
            text = unicodedata.normalize("NFKC", text).strip()
            if not _IDENTIFIER.fullmatch(text):
                raise Unfit("holds something else than an identifier may" if text else "is empty", wanted)
            problem = find_link(text)
            if problem:
                raise Unfit(f"looks like {problem}", wanted)
        if len(text) > max_length:
            raise Unfit(f"has {len(text)} characters", wanted)
        return text

    return check_identifier


def _build_url(hosts: tuple[str, ...] = (), max_length: int = 256) -> Checker:
    wanted = f"give an https address on {' or '.join(hosts)}, at most {max_length} characters"

    def check_url(value: object, zone: str | tzinfo | None) -> str:
        text = _string(value, wanted)
        if len(text) > max_length:
            raise Unfit(f"has {len(text)} characters", wanted)
        text = unicodedata.normalize("NFKC", text)
        if not _URL.fullmatch(text) or len(text) > max_length:
            raise Unfit("is not a plain https address", wanted)
        if urlsplit(text).hostname not in hosts:
            raise Unfit("is on a host the notice does not list", wanted)
        return text

    return check_url


def _range(least: Any, most: Any) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f" of at least {least}"
    return f" of at most {most}" if least is None else f" from {least} to {most}"


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "text": Kind(frozenset({"max_length"}), _build_text),
        "code": Kind(frozenset({"min_length", "max_length"}), _build_code),
        "integer": Kind(frozenset({"min", "max"}), _build_integer),
        "amount": Kind(frozenset({"min", "max"}), _build_amount),
        "time": Kind(frozenset(), _build_time),
        "identifier": Kind(frozenset({"max_length"}), _build_identifier),
        "url": Kind(frozenset({"hosts", "max_length"}), _build_url),
    }
)
"""The closed set of types, by the name a manifest uses."""
