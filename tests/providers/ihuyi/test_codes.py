"""The code table, held against the vendor's."""

from __future__ import annotations

import pytest

from notifyhub.reason import REASONS, Reason
from notifyhub_ihuyi.codes import CODES, TABLE, meaning_of

# code: (may be tried again, after how many seconds, may go to another provider), as facts section 4 has it.
VENDOR = {
    "0": (False, None, True),
    "1": (False, None, True),
    "400": (False, None, True),
    "401": (False, None, False),
    "402": (False, None, False),
    "403": (False, None, False),
    "404": (False, None, False),
    "4030": (False, None, False),
    "405": (False, None, True),
    "4050": (False, None, True),
    "40501": (True, 0.0, True),
    "40502": (False, None, True),
    "40505": (False, None, True),
    "4051": (False, None, True),
    "4052": (False, None, True),
    "4053": (False, None, True),
    "406": (False, None, False),
    "407": (False, None, False),
    "4070": (False, None, True),
    "4071": (False, None, True),
    "4072": (False, None, True),
    "40722": (False, None, True),
    "4073": (False, None, True),
    "4074": (False, None, True),
    "4075": (False, None, True),
    "4077": (False, None, True),
    "408": (False, None, False),
    "4080": (True, 1.0, False),
    "4081": (True, 60.0, False),
    "4082": (False, None, False),
    "4083": (True, 60.0, False),
    "4084": (False, None, False),
    "4085": (False, None, False),
    "4086": (False, None, False),
}


def test_every_known_code_has_one_row() -> None:
    """The table holds exactly the codes that the facts know, each once, and 2 for acceptance."""
    assert len(CODES) == len(TABLE)
    assert set(TABLE) == {*VENDOR, "2"}
    assert [row.code for row in CODES if row.reason is None] == ["2"]
    assert all(row.meaning for row in CODES)


@pytest.mark.parametrize("code", sorted(VENDOR))
def test_the_reason_reproduces_the_vendors_columns(code: str) -> None:
    """Retry and failover, as the reason table reads them, are what the vendor's table says."""
    again, after, elsewhere = VENDOR[code]
    row = TABLE[code]
    assert row.reason is not None
    rule = REASONS[row.reason]
    assert rule.failover is elsewhere
    # A retry takes both: a reason that permits one, and a pause that the vendor named.
    assert (rule.retries > 0 and row.retry_after is not None) is again
    assert row.retry_after == after
    assert rule.rounds is False


@pytest.mark.parametrize("code", ["3", "9999", "40599", "123456789"])
def test_an_unlisted_code_is_unrecognised(code: str) -> None:
    """A code nobody has explained gets a row of its own and no retry."""
    row = meaning_of(code)
    assert (row.code, row.reason, row.retry_after) == (code, Reason.UNRECOGNISED_CODE, None)
