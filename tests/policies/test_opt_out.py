"""Opt-out words: what is one, however it is written, and what is none."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.errors import SettingsError
from notifyhub.policies.opt_out import OptOutWords
from notifyhub.settings import SuppressionListSettings

WORDS = SuppressionListSettings().opt_out_words
STOCK = OptOutWords(WORDS)

AROUND = st.text(alphabet=" \t\r\n　\u200b\ufeff.,!?;:。，！？；：、…~～\"'“”()（）【】-", max_size=8)


@pytest.mark.parametrize(
    "reply",
    ["TD", "td", "Td。", "ＴＤ", "ｔｄ！", " T ", "T.", "T D", "退订", "退订。", "【退订】", "“退订”",
     "退 订", "stop", "Stop!!!", "ＳＴＯＰ～", "\ufeffTD\r\n", "S T O P"],
)  # fmt: skip
def test_the_words_are_known(reply: str) -> None:
    """TD, T, 退订 and STOP, in any width and case, with any spaces and punctuation around."""
    assert reply in STOCK


@pytest.mark.parametrize(
    "reply",
    ["", " ", "。", "?!", "Thanks", "TDD", "TD1", "1TD", "T-shirt", "不退订", "退订吗我没有", "STOP it",
     "don't stop", "t恤", "TD 退订", "N", "OK", "🙏", "T🙏", "T.D."],
)  # fmt: skip
def test_other_words_are_not(reply: str) -> None:
    """A reply that says anything besides the word opts nobody out."""
    assert reply not in STOCK


@given(word=st.sampled_from(WORDS), before=AROUND, after=AROUND, lower=st.booleans())
def test_dress_does_not_matter(word: str, before: str, after: str, lower: bool) -> None:
    """Whatever spaces and punctuation stand before and after a word, it is that word."""
    assert before + (word.lower() if lower else word) + after in STOCK


@given(word=st.sampled_from(WORDS), more=st.text(min_size=1, max_size=5), before=st.booleans())
def test_a_letter_more_is_another_word(word: str, more: str, before: bool) -> None:
    """A letter or digit before or after a word makes it another one, unless that is one of the list."""
    visible = [c for c in unicodedata.normalize("NFKC", more) if c.isalnum()]
    reply = more + word if before else word + more
    spelt = "".join(c for c in unicodedata.normalize("NFKC", reply).casefold() if c.isalnum())
    if visible and spelt not in {w.casefold() for w in WORDS}:
        assert reply not in STOCK


@given(st.text(max_size=40))
def test_any_reply_has_an_answer(reply: str) -> None:
    """Whatever a person or a forger sends, it is an opt-out or not; and dressing it up changes nothing."""
    assert (reply in STOCK) == (f" 【{reply}】。" in STOCK)


def test_words_of_the_settings() -> None:
    """Settings may name other words instead, of several words and in any script."""
    own = OptOutWords(["Нет", "no more"])
    assert "нет!" in own
    assert "NO  MORE." in own
    assert "TD" not in own
    assert "TD" not in OptOutWords([])


@pytest.mark.parametrize("word", ["", " ", "。", "\u200b!"])
def test_a_word_of_nothing_is_refused(word: str) -> None:
    """A word of mere punctuation would opt out everybody who sends a full stop."""
    with pytest.raises(SettingsError, match="opt_out_words"):
        OptOutWords(["TD", word])
