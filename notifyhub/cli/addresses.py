"""Addresses as a person types them, in the one writing that the ledger keeps."""

from __future__ import annotations

import re

__all__ = ["normalised"]

_DIALLED = re.compile(r"[+\d\s().-]+")


def normalised(text: str, default_country: str) -> str:
    """A mail address or a phone number in its one writing; any other address (a chat room) as it is.

    Raises InvalidAddress for what is written like a number and is none, so that a slip of the finger is
    not taken for somebody of whom nothing is known.
    """
    from notifyhub.errors import InvalidAddress
    from notifyhub.message import CHAT, EMAIL, SMS, normalise_address

    try:
        return normalise_address(EMAIL if "@" in text else SMS, text, default_country)
    except InvalidAddress:
        if _DIALLED.fullmatch(text):
            raise
        return normalise_address(CHAT, text)
