"""What the console shows of a message, and what it keeps to itself."""

from __future__ import annotations

import pytest

from notifyhub.category import Category
from notifyhub.message import Message
from notifyhub_console.discretion import discreet


def _shown(
    text: str, category: Category = Category.ORDER, to: str = "+8613800138000", **variables: str
) -> str:
    message = Message(channel="sms", to=to, text=text, category=category, variables=variables)
    return discreet(message, text)


def test_the_code_of_an_otp_is_hidden_and_its_sense_is_not() -> None:
    """A code becomes as many stars; how long it is valid can still be read."""
    shown = _shown("您的验证码是：482913，5分钟内有效。", Category.OTP, code="482913", minutes="5")
    assert shown == "您的验证码是：******，5分钟内有效。"


@pytest.mark.parametrize("code", ["4829", "482 913", "48-29-13", "G7K2P9", "４８２９１３"])
def test_codes_are_hidden_however_they_are_written(code: str) -> None:
    """Short, parted, with letters or full-width: a code in finished words is found without a variable."""
    shown = _shown(f"code: {code}", Category.OTP)
    assert code not in shown
    assert not any(character.isdigit() for character in shown)


def test_a_variable_of_an_otp_is_hidden_even_where_it_looks_like_a_word() -> None:
    """A code of letters only is hidden because it is the variable's value."""
    assert _shown("say tulip to log in", Category.OTP, code="tulip") == "say ***** to log in"


@pytest.mark.parametrize("text", ["您的验证码是：482913", "Your verification code is 482913", "密码 482913"])
def test_finished_words_that_speak_of_a_code_are_treated_as_one(text: str) -> None:
    """`--text` has no category of its own; the words around the digits tell."""
    assert "482913" not in _shown(text)


def test_the_numbers_of_an_order_stay() -> None:
    """An order number and an amount are what an order notice is for."""
    text = "订单20261122001已发货，运单号SF1234567890，128.00元"
    assert _shown(text, order_no="20261122001") == text


@pytest.mark.parametrize(
    "number", ["13800138000", "138-0013-8000", "138 0013 8000", "+86 138 0013 8000", "008613800138000"]
)
def test_mainland_numbers_are_masked_in_every_category(number: str) -> None:
    """A phone number in the words is masked, however it is written."""
    assert _shown(f"请致电{number}。", Category.ORDER) == "请致电138****8000。"


def test_other_addresses_are_masked_too() -> None:
    """Foreign numbers, mail addresses and the recipient's own address do not stand whole."""
    shown = _shown("call +1 (415) 555-2671 or mail alice@example.com, dear @zhangsan", to="@zhangsan")
    assert shown == "call +1******2671 or mail a***@e***.com, dear @z***"


def test_a_login_alert_keeps_its_time() -> None:
    """A notice says by its category whether it holds a code: advice about a password is not one."""
    text = "您的账号于2026-11-22 14:05在上海登录。如非本人操作，请尽快修改密码。"
    alert = Message(
        channel="sms", to="+8613800138000", text=text, category=Category.ALERT, notice="login/alert"
    )
    assert discreet(alert, text) == text
