"""The dynamic password, and the vendor's clock that it depends on.

MD5 is the vendor's choice: `md5(APIID + APIKEY + mobile + content + time)`, lower-case hex, of the UTF-8
bytes before URL-encoding, nothing between the parts (API manual v3.3, official Go demo). How long a
`time` is accepted is not documented, so every attempt is signed afresh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

__all__ = ["MAX_CLOCK_OFFSET", "VendorClock", "balance_password", "submit_password", "template_password"]

MAX_CLOCK_OFFSET = 600.0
"""Seconds: a `Date` further away than this is not believed."""


def submit_password(account: str, api_key: str, mobile: str, content: str, time: str) -> str:
    """The password of a submission.

    content: the text; in template mode the joined values (`templateid` is not signed).
    """
    return _md5(account + api_key + mobile + content + time)


def balance_password(account: str, api_key: str, time: str) -> str:
    """The password of a balance query (GetNum)."""
    return _md5(account + api_key + time)


def template_password(api_key: str) -> str:
    """The password of a template registration (AddTemplate), where no dynamic formula exists.

    The vendor takes the key or its MD5; the MD5 keeps the key itself off the wire.
    """
    return _md5(api_key)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class VendorClock:
    """Our clock, set right by the vendor's `Date` header once the vendor has complained (code 40501).

    clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.offset = 0.0
        """Seconds to add to our clock; measured against the raw clock each time, so it never piles up."""

    def stamp(self) -> str:
        """The vendor's time now, as the `time` field wants it: 10 digits of Unix seconds."""
        return f"{int(self._clock() + self.offset):010d}"

    def learn(self, date: datetime | None) -> bool:
        """Take over the offset to an aware `date` just received; False where it cannot be believed."""
        if date is None:
            return False
        offset = date.timestamp() - self._clock()
        if abs(offset) > MAX_CLOCK_OFFSET:
            return False
        self.offset = offset
        return True
