"""Addresses: phone numbers and mail addresses, parsed once, normalised, and masked for people.

Phone numbers go through phonenumberslite. Its metadata has no carriers, so the mainland's prefixes
stand here as a table (MIIT's public numbering plan; number portability means a prefix names the
carrier that issued the number, which is what routing by carrier can know).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from notifyhub.errors import InvalidAddress

__all__ = ["Carrier", "MailAddress", "PhoneNumber", "mask", "parse_mail", "parse_phone"]

Carrier = Literal["mobile", "unicom", "telecom", "broadnet"]

_CARRIER_PREFIXES: dict[Carrier, str] = {
    "mobile": "134 135 136 137 138 139 147 148 150 151 152 157 158 159 165 172 178 182 183 184 187 188 195 "
    "197 198 1703 1705 1706",
    "unicom": "130 131 132 145 146 155 156 166 167 171 175 176 185 186 196 1704 1707 1708 1709",
    "telecom": "133 1349 149 153 162 173 174 177 180 181 189 190 191 193 199 1700 1701 1702",
    "broadnet": "192",
}
_CARRIER_BY_PREFIX: dict[str, Carrier] = {
    prefix: carrier for carrier, prefixes in _CARRIER_PREFIXES.items() for prefix in prefixes.split()
}


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A phone number that can exist. `str()` and `repr()` mask it; `e164` is the whole number.

    e164: ``+8613800138000``. country: ISO 3166 alpha-2, or "" for a number without a country
    (satellite, international freephone). national: the digits after the country code.
    mobile: whether texts can reach it (where a plan does not tell mobiles apart, they may).
    carrier: of mainland mobiles only.
    """

    e164: str
    country: str
    national: str
    mobile: bool
    carrier: Carrier | None = None

    def __str__(self) -> str:
        return mask(self.e164)

    def __repr__(self) -> str:
        return f"<PhoneNumber {mask(self.e164)} {self.country}>"


@dataclass(frozen=True, slots=True)
class MailAddress:
    """A mail address, its domain in lower case. `str()` and `repr()` mask it."""

    local: str
    domain: str

    @property
    def whole(self) -> str:
        """The address as it is written to a server."""
        return f"{self.local}@{self.domain}"

    def __str__(self) -> str:
        return mask(self.whole)

    def __repr__(self) -> str:
        return f"<MailAddress {self}>"


_REMEMBERED = 65536
_read: dict[str, PhoneNumber] = {}
"""By the whole number. A message asks for that again once the recipient was read, in whatever writing."""


@lru_cache(maxsize=_REMEMBERED)
def parse_phone(text: str, default_country: str = "CN") -> PhoneNumber:
    """Read a phone number in any usual writing: spaces, dashes, brackets, full-width digits, 00 or + before.

    A number without a country code is read as one of `default_country`.

    Raises InvalidAddress when no such number can exist; the error does not quote it.
    """
    known = _read.get(text)
    if known is not None:
        return known
    # Imported on first use: the metadata costs 30 ms that a program sending only mail need not pay.
    import phonenumbers

    cleaned = unicodedata.normalize("NFKC", text).strip()
    problem = None
    # phonenumbers skips what it cannot read ("1380013800x" loses its x); a typing error must not
    # become somebody else's number.
    if not _PHONE_SHAPE.fullmatch(cleaned):
        problem = "not a phone number"
    else:
        if cleaned.startswith("00"):
            cleaned = "+" + cleaned[2:]
        try:
            parsed = phonenumbers.parse(cleaned.removeprefix("tel:"), default_country)
        except phonenumbers.NumberParseException:
            problem = "not a phone number"
        else:
            country = phonenumbers.region_code_for_number(parsed) or ""
            if parsed.extension or not phonenumbers.is_valid_number_for_region(parsed, country):
                problem = "no such phone number can exist"
    if problem:
        raise InvalidAddress(
            f"{problem} ({len(cleaned)} characters)",
            field="to",
            remedy=f"give it as +<country code><number>, or as a number of {default_country}",
        )
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.national_significant_number(parsed)
    kind = phonenumbers.number_type(parsed)
    mobile = kind in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    carrier = _carrier(national) if country == "CN" and mobile else None
    if len(_read) >= _REMEMBERED:
        _read.clear()
    number = _read[e164] = PhoneNumber(e164, country, national, mobile, carrier)
    return number


_PHONE_SHAPE = re.compile(r"(tel:)?[(]?[+]?[\d\s().\-/\u2010-\u2015]+")


def _carrier(national: str) -> Carrier | None:
    return _CARRIER_BY_PREFIX.get(national[:4]) or _CARRIER_BY_PREFIX.get(national[:3])


# One address, no display name, no comment, no quoted local part: what a form field should hold.
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


@lru_cache(maxsize=65536)
def parse_mail(text: str) -> MailAddress:
    """Read one mail address (`a@b.c`, an international domain allowed).

    Raises InvalidAddress for anything else, header injections included; the error does not quote it.
    """
    cleaned = text.strip()
    local, _, domain = cleaned.rpartition("@")
    # IDNA has no opinion on ASCII, and the codec is slow: only a foreign domain goes through it.
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
    whole = f"{local}@{domain.lower()}"
    if (
        len(whole) > 254
        or not _MAIL.fullmatch(whole)
        or ".." in local
        or local.startswith(".")
        or local.endswith(".")
        or any(label.startswith("-") or label.endswith("-") for label in domain.split("."))
    ):
        raise InvalidAddress(
            f"not a mail address ({len(cleaned)} characters)",
            field="to",
            remedy="give one address as name@example.com",
        )
    return MailAddress(local, domain.lower())


def mask(address: str) -> str:
    """An address as people may see it in logs and on pages.

    ``+8613800138000`` → ``138****8000``; ``+14155552671`` → ``+1******2671``;
    ``alice@example.com`` → ``a***@e***.com``; anything else keeps at most its first two characters.
    """
    if address.startswith("+86") and len(address) == 14:
        return f"{address[3:6]}****{address[-4:]}"
    if address.startswith("+") and len(address) > 7:
        return f"{address[:2]}{'*' * (len(address) - 6)}{address[-4:]}"
    local, at, domain = address.rpartition("@")
    if at and local and "." in domain:
        return f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"
    if len(address) == 11 and address.isdigit():
        return f"{address[:3]}****{address[-4:]}"
    return f"{address[:2]}***" if len(address) > 4 else "***"
