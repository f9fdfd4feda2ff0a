"""The dynamic password and the vendor's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notifyhub_ihuyi.signing import VendorClock, balance_password, submit_password, template_password

# The vectors of the facts; credentials invented.
VECTORS = [
    (
        "C00000001",
        "k3yA0000000000000000000000000001",
        "13800138000",
        "您的验证码是：1234。请不要把验证码泄露给其他人。",
        "1700000000",
        "bd6e42ffbd72201ed6b668c25ce5f30c",
    ),
    (
        "C12345678",
        "0123456789abcdef0123456789abcdef",
        "13900139000",
        "hello world",
        "1451544941",
        "a4d798f5627ef21ef49ee2c3decc1b25",
    ),
    (
        "C00000002",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "18800001111",
        "20180515006|张三|136xxxxxxxx|100元",
        "1716239022",
        "50d6ef032a6917ee0e4bdb63fce955ee",
    ),
]


@pytest.mark.parametrize(("account", "key", "mobile", "content", "time", "expected"), VECTORS)
def test_submit_vectors(account: str, key: str, mobile: str, content: str, time: str, expected: str) -> None:
    """A submission is signed as the manual's formula and the official demo have it."""
    assert submit_password(account, key, mobile, content, time) == expected


def test_balance_vector() -> None:
    """A balance query is signed without number and words."""
    account, key, *_, time, _ = VECTORS[0]
    assert balance_password(account, key, time) == "127a3724170e4776e02697529c5de1be"


def test_template_password_is_the_md5_of_the_key() -> None:
    """A template registration sends the key's MD5, not the key."""
    assert template_password("abc") == "900150983cd24fb0d6963f7d28e17f72"


def test_stamp_has_ten_digits() -> None:
    """The time is whole Unix seconds in ten digits, cut and not rounded."""
    assert VendorClock(lambda: 1700000000.999).stamp() == "1700000000"
    assert VendorClock(lambda: 17.0).stamp() == "0000000017"


@pytest.mark.parametrize("offset", [-600, -90, 0, 1, 599])
def test_a_near_date_is_learnt(offset: int) -> None:
    """The offset to a Date within ten minutes is taken over, and never piles up."""
    clock = VendorClock(lambda: 1700000000.0)
    date = datetime.fromtimestamp(1700000000 + offset, UTC)
    assert clock.learn(date)
    assert clock.learn(date)
    assert clock.stamp() == str(1700000000 + offset)


@pytest.mark.parametrize("offset", [-601, 601, 86_400, -1_000_000])
def test_a_far_date_is_not_believed(offset: int) -> None:
    """A Date more than ten minutes away changes nothing, nor does a missing one."""
    clock = VendorClock(lambda: 1700000000.0)
    clock.learn(datetime.fromtimestamp(1700000005, UTC))
    assert not clock.learn(datetime.fromtimestamp(1700000000 + offset, UTC))
    assert not clock.learn(None)
    assert clock.stamp() == "1700000005"
