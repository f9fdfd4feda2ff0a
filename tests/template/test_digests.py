"""Digest templates: several notifications of one notice in one message, and what lint proves of them."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader

from notifyhub.errors import TemplateError, UnknownNotice
from notifyhub.template import Catalog, Finding, Renderer, lint

TOML = """
summary = "s"
category = "ops"
[variables.host]
type = "text"
max_length = 20
example = "db-1"
[variables.values]
type = "text"
required = false
example = "97"
[[bindings]]
provider = "ihuyi"
text = "【变量】磁盘满。"
slots = ["host"]
"""
SINGLE = "{{ host }}磁盘满。"
DIGEST = (
    "{{ count }}台磁盘满：{% for item in items %}{{ item.host }}{{ '，' if not loop.last }}{% endfor %}。"
)
MAIL = (
    "{% block subject %}{{ count }} disks{% endblock %}"
    "{% block text %}{% for item in items %}{{ item.host }}\n{% endfor %}{% endblock %}"
    "{% block html %}{% for item in items %}<p>{{ item.host }}</p>{% endfor %}{% endblock %}"
)
EMAIL = "{% block subject %}{{ host }}{% endblock %}{% block text %}{{ host }}{% endblock %}"


def catalog(digest: str = DIGEST, **others: str) -> Catalog:
    """One notice `disk` with these words for a digest."""
    tree = {"disk/notice.toml": TOML, "disk/sms.zh.j2": SINGLE, "disk/digest.sms.zh.j2": digest}
    return Catalog([DictLoader(tree | {f"disk/{name}": text for name, text in others.items()})])


def findings(most: int | None = 3, digest: str = DIGEST, **others: str) -> list[Finding]:
    """What lint finds in it, where the settings digest so many; None where they do not."""
    return lint(catalog(digest, **others), digests={} if most is None else {"disk": most})


def test_the_words_of_a_digest() -> None:
    """A digest template has each item's variables in order, and their number; no binding is for it."""
    rendered = Renderer(catalog()).render_digest("disk", "sms", "zh-CN", [{"host": "a"}, {"host": "b"}])
    assert rendered.text == "2台磁盘满：a，b。"
    assert dict(rendered.variables) == {"count": "2"}
    assert rendered.bindings == {}


def test_variables_named_as_the_methods_of_a_mapping() -> None:
    """A variable may be called `values`; one that is absent is not defined, and can be asked for."""
    words = "{% for i in items %}{{ i.values if i.values is defined else '-' }}{% endfor %}"
    rendered = Renderer(catalog(words)).render_digest("disk", "sms", "zh", [{"values": "9"}, {"host": "b"}])
    assert rendered.text == "9-"


def test_a_digest_by_mail_is_escaped() -> None:
    """A mail's digest has its blocks, and in html every value is escaped."""
    found = catalog(**{"email.zh.j2": EMAIL, "digest.email.zh.j2": MAIL})
    rendered = Renderer(found).render_digest("disk", "email", "zh", [{"host": "<b>"}])
    assert (rendered.subject, rendered.text, rendered.html) == ("1 disks", "<b>", "<p>&lt;b&gt;</p>")


def test_an_absent_variable_is_an_error() -> None:
    """What an item has not is no empty string: the template is broken, and no value is quoted."""
    with pytest.raises(TemplateError, match="does not exist") as raised:
        Renderer(catalog("{% for i in items %}{{ i.nope }}{% endfor %}")).render_digest(
            "disk", "sms", "zh", [{"host": "secret"}]
        )
    assert "secret" not in str(raised.value)


def test_no_words_for_a_digest() -> None:
    """Where a channel or locale has no words for digests the error names the file to add."""
    renderer = Renderer(catalog(**{"email.zh.j2": EMAIL, "sms.en.j2": "{{ host }}"}))
    with pytest.raises(TemplateError, match=r"add digest\.email\.zh\.j2"):
        renderer.check_digest("disk", "email", "zh")
    with pytest.raises(UnknownNotice, match="no words for the channel voice"):
        renderer.check_digest("disk", "voice", "zh")
    renderer.check_digest("disk", "sms", "en")  # falls back to the default locale, as single words do


def test_digest_files_are_no_single_words() -> None:
    """A digest's file adds no channel to the notice, and is no stranger in its folder."""
    notice = catalog().notice("disk")
    assert notice.channels == ("sms",)
    assert notice.strangers == ()
    assert notice.digests["sms", "zh"].filename == "digest.sms.zh.j2"


def test_lint_of_a_good_digest() -> None:
    """Words that render with two items and with the most, and fit a message, give no findings."""
    assert findings() == []
    assert findings(None) == []


@pytest.mark.parametrize(
    ("most", "words", "said"),
    [
        (3, "{% for i in items %}{{ i.nope }}{% endfor %}", "does not exist"),
        (3, "{{ host }}", "`host` is not defined"),
        (3, "{% if %}", "line 1"),
        (90, DIGEST, "(of 90 notifications)"),
        (300, DIGEST, "500 at most (of 300 notifications)"),
        (3, "【店】{{ count }}", "signature of its own"),
    ],
)
def test_lint_finds(most: int, words: str, said: str) -> None:
    """Each mistake in a digest's words is found, with the number of items where it shows."""
    assert any(said in str(finding) for finding in findings(most, words)), findings(most, words)


def test_lint_finds_what_is_missing() -> None:
    """A notice that is digested needs the words for each channel and locale it has words for."""
    [finding] = findings(3, **{"email.zh.j2": EMAIL})
    assert str(finding).startswith("error: disk digest.email.zh.j2: missing")
    [finding] = findings(None, **{"email.zh.j2": EMAIL})
    assert finding.severity == "warning"
