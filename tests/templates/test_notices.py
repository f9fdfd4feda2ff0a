"""The shipped notices: a contract with applications, word for word where a vendor has approved them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import notifyhub_templates
from notifyhub.category import Category
from notifyhub.template import Catalog, Renderer, lint, parts_cn

CATALOG = Catalog([notifyhub_templates.notifyhub_template_loader()])
RENDERER = Renderer(CATALOG)
CONTRACT = {
    "login/alert": (Category.ALERT, ["time", "place", "device"]),
    "login/code": (Category.OTP, ["code", "minutes"]),
    "order/cancelled": (Category.ORDER, ["order_no", "reason"]),
    "order/delivered": (Category.ORDER, ["order_no"]),
    "order/paid": (Category.ORDER, ["order_no", "amount"]),
    "order/placed": (Category.ORDER, ["order_no", "amount"]),
    "order/refunded": (Category.ORDER, ["order_no", "amount"]),
    "order/shipped": (Category.ORDER, ["order_no", "carrier", "tracking_no"]),
}


def test_the_contract() -> None:
    """The names, categories, variables, channels and locales of the notices do not change."""
    assert CATALOG.names() == tuple(CONTRACT)
    for name, (category, variables) in CONTRACT.items():
        notice = CATALOG.notice(name)
        assert notice.manifest.category is category
        assert list(notice.manifest.variables) == variables
        assert [v for v in variables if not notice.manifest.variables[v].required] == (
            ["minutes"] if name == "login/code" else []
        )
        assert all(variable.description for variable in notice.manifest.variables.values())
        assert notice.channels == ("email", "sms")
        assert notice.locales("sms") == notice.locales("email") == ("en", "zh")


def test_no_findings() -> None:
    """Lint finds nothing in them."""
    assert [str(finding) for finding in lint(CATALOG)] == []


def test_the_code_matches_the_vendors_test_template() -> None:
    """The Chinese login code is the text ihuyi approves for every account, whatever else is given."""
    for data in ({"code": "123456"}, {"code": "123456", "minutes": 5}):
        rendered = RENDERER.render("login/code", "sms", "zh-CN", data)
        assert rendered.text == "您的验证码是：123456。请不要把验证码泄露给其他人。"
        binding = rendered.bindings["ihuyi"]
        assert (binding.template_id, binding.slots, binding.send_as) == ("1", ("code",), "text")
        assert binding.text == "您的验证码是：【变量】。请不要把验证码泄露给其他人。"


@pytest.mark.parametrize("name", CONTRACT)
def test_chinese_texts_are_one_part(name: str) -> None:
    """A Chinese text costs one part with a signature of four characters, and is one line."""
    notice = CATALOG.notice(name)
    text = RENDERER.render(name, "sms", "zh", notice.manifest.examples()).text
    assert parts_cn(text, "互亿无线") == 1
    assert "\n" not in text
    assert "【" not in text


@pytest.mark.parametrize(("amount", "written"), [("99.00", "99.00元"), ("￥99", "¥99.00"), ("$99", "$99.00")])
def test_amounts_carry_one_currency(amount: str, written: str) -> None:
    """元 follows a bare amount in Chinese words, and no amount that brings its own sign."""
    for name in ("order/placed", "order/paid", "order/refunded"):
        data = {"order_no": "A1", "amount": amount}
        text = RENDERER.render(name, "sms", "zh", data).text
        assert written in text
        assert ("元" in text) == (amount == "99.00")
        mail = RENDERER.render(name, "email", "zh", data)
        assert mail.html is not None
        assert written in mail.text
        assert written in mail.html


class _Outline(HTMLParser):
    """Collects what the accessibility of a mail hangs on."""

    def __init__(self) -> None:
        super().__init__()
        self.lang: str | None = None
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        self.tags.append(tag)
        if tag == "html":
            self.lang = dict(attrs).get("lang")
        if tag not in {"meta", "br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Each tag closes the last open one."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("name", CONTRACT)
def test_mails(name: str, locale: str) -> None:
    """Each mail has a subject, a text and well-formed html in its language, without images or scripts."""
    data = CATALOG.notice(name).manifest.examples()
    mail = RENDERER.render(name, "email", locale, data)
    assert mail.subject
    assert mail.html
    outline = _Outline()
    outline.feed(mail.html)
    assert outline.open == []
    assert outline.lang == {"zh": "zh-CN", "en": "en"}[locale]
    assert outline.tags.count("h1") == 1
    assert not {"img", "script", "link", "style"} & set(outline.tags)
    assert not re.search(r"\burl\(|https?://", mail.html)
    for value in mail.variables.values():
        assert value in mail.text
        assert value in mail.html
    assert bool(re.search("[\u4e00-\u9fff]", mail.subject)) == (locale == "zh")


def test_an_english_code_says_how_long() -> None:
    """The English code says its minutes when they are given, in good English."""
    text = RENDERER.render("login/code", "sms", "en-US", {"code": "123456"}).text
    assert text == "123456 is your code. Please don't share it."
    one = RENDERER.render("login/code", "sms", "en", {"code": "123456", "minutes": 1}).text
    assert "valid for 1 minute." in one
