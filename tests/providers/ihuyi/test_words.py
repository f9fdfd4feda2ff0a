"""The vendor's words, before they are kept."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from notifyhub_ihuyi.words import MAX_DETAIL, clean

MOBILE, KEY = "13800138000", "k3yA0000000000000000000000000001"
WORDS = "您的验证码是：482913。请不要把验证码泄露给其他人。"


def test_plain_words_stay() -> None:
    """Words that echo nothing are kept as they are."""
    msg = "手机格式不正确，格式为11位的数字."
    assert clean(msg, (MOBILE, WORDS, KEY)) == msg


def test_echoes_are_blotted() -> None:
    """Number, text and key are blotted out wherever the vendor quotes them."""
    shown = clean(f"手机{MOBILE}，内容[{WORDS}]，密钥{KEY}", (MOBILE, WORDS, KEY))
    assert shown == "手机***，内容[***]，密钥***"


def test_a_part_of_an_echo_is_blotted() -> None:
    """The code alone, half the text and the end of the number are blotted as well."""
    shown = clean("验证码482913，尾号8000，您的验证码是：482913。请…", (MOBILE, WORDS, KEY))
    assert shown is not None
    assert "4829" not in shown
    assert "8000" not in shown


def test_control_characters_cannot_hide_an_echo() -> None:
    """A number with invisible characters between its digits is still found."""
    spaced = "\u200b".join(MOBILE)
    assert clean(f"x{spaced}\r\n\x1b[31m", (MOBILE,)) == "x***[31m"


def test_short_and_empty() -> None:
    """Nothing left is None; an overlong text is cut."""
    assert clean(None, ()) is None
    assert clean(" \x00 ", ()) is None
    assert len(clean("长" * 100_000, ()) or "") == MAX_DETAIL


@given(
    before=st.text(max_size=30),
    secret=st.text(alphabet=st.characters(blacklist_characters="*", codec="utf-8"), min_size=1, max_size=40),
    after=st.text(max_size=30),
)
def test_no_private_text_survives(before: str, secret: str, after: str) -> None:
    """Whatever stands around it, a private string is not in what is kept, nor any control character."""
    shown = clean(before + secret + after, (secret,)) or ""
    assert len(shown) <= MAX_DETAIL
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    bare = "".join(c for c in secret if unicodedata.category(c)[0] != "C")
    assert not bare or bare not in shown
