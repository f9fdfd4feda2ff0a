"""Lint: each kind of mistake is found, and nothing else."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader

from notifyhub.template import Catalog, Finding, lint

TOML = """
summary = "s"
category = "otp"
[variables.code]
type = "code"
example = "123456"
[[bindings]]
provider = "ihuyi"
text = "您的验证码是：【变量】。"
slots = ["code"]
"""
WORDS = "您的验证码是：{{ code }}。\n"


def findings(toml: str = TOML, words: str = WORDS, **others: str) -> list[Finding]:
    """What lint finds in one notice `a`."""
    tree = {"a/notice.toml": toml, "a/sms.zh.j2": words}
    tree |= {f"a/{name.replace('_', '.')}": text for name, text in others.items()}
    return lint(Catalog([DictLoader(tree)]))


def test_a_good_notice() -> None:
    """A good notice has no findings."""
    assert findings() == []


@pytest.mark.parametrize(
    ("toml", "words", "said"),
    [
        (
            TOML,
            WORDS.replace("：", ":"),
            "character 7: the words have `:` (U+003A COLON), the approved text `：`",
        ),
        (TOML, WORDS.replace("。", ""), "the words have their end, the approved text `。`"),
        (TOML, WORDS.replace("{{ code }}", " {{ code }}"), "the words have ` ` (U+0020 SPACE)"),
        (TOML, "{{ nope }}" + WORDS, "uses `nope`, which is no variable"),
        (TOML, "{% if false %}{{ cod }}{% endif %}" + WORDS, "did you mean `code`"),
        (TOML, "{% if %}", "line 1"),
        (TOML, "{{ code|nope }}", "nope"),
        (TOML, "{% include 'x' %}", "does not exist"),
        (TOML, "【店】" + WORDS, "signature of its own"),
        (TOML, "☎" + WORDS, "BLACK TELEPHONE"),
        (TOML, WORDS + "长" * 200, "4 parts"),
        (TOML, WORDS + "长" * 500, "500 at most"),
        (TOML, " ", "empty text"),
        (TOML, "没有变量", "required, but no words use it"),
        (TOML, "{{ code }}{{ code }}", "stand side by side"),
        (TOML.replace('example = "123456"', ""), WORDS, "has no example"),
        (TOML.replace('"123456"', '"1"'), WORDS, "the example has 1 characters"),
        (TOML.replace('type = "code"', 'type = "code"\nrequired = false'), WORDS, "may be missing"),
        (TOML.replace('type = "code"', 'type = "code"\nrequired = false'), WORDS, "`code` is not defined"),
        (TOML.replace('provider = "ihuyi"', 'provider = "ihuyi"\nlocale = "fr"'), WORDS, "no sms.fr.j2"),
        (TOML.replace("otp", "opt"), WORDS, "known: otp"),
    ],
)
def test_each_mistake_is_found(toml: str, words: str, said: str) -> None:
    """Each mistake becomes a finding that says where it is and what to do."""
    found = findings(toml, words)
    assert any(said in str(finding) for finding in found), [str(finding) for finding in found]
    assert all(finding.notice == "a" for finding in found)


def test_files_that_do_not_belong() -> None:
    """A file in a notice's folder that is no file of it is a warning."""
    (found,) = findings(notes_txt="x")
    assert (found.where, found.severity) == ("notes.txt", "warning")


def test_a_notice_without_words() -> None:
    """A notice without any words is a finding."""
    found = lint(Catalog([DictLoader({"a/notice.toml": 'summary="s"\ncategory="otp"\n'})]))
    assert [finding.problem for finding in found] == ["the notice has no words"]


def test_extra_context_counts_as_known() -> None:
    """What plugins add to the context may be used in the words."""
    tree = {"a/notice.toml": 'summary="s"\ncategory="otp"\n', "a/sms.zh.j2": "{{ shop }}"}
    catalog = Catalog([DictLoader(tree)])
    assert lint(catalog)
    assert lint(catalog, extra={"shop": "店"}) == []
