"""Renderer: words from notices, and the bounds around templates."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from jinja2 import DictLoader

from notifyhub.category import Category
from notifyhub.errors import InvalidVariable, TemplateError, UnknownNotice
from notifyhub.template import Catalog, Renderer

TOML = """
summary = "s"
category = "alert"
[variables.code]
type = "code"
[variables.minutes]
type = "integer"
required = false
[variables.note]
type = "text"
required = false
[[bindings]]
provider = "ihuyi"
locale = "zh"
text = "码【变量】"
slots = ["code"]
[[bindings]]
provider = "other"
locale = "en"
"""
DATA = {"code": "1234"}


def renderer_of(sms: str = "码{{ code }}", **files: str) -> Renderer:
    """A renderer over one notice `a`; `email=` and other file stems may be given, dots as __."""
    tree = {"a/notice.toml": TOML, "a/sms.zh.j2": sms}
    tree |= {name.replace("__", "/") + ".j2": text for name, text in files.items() if "__" in name}
    if "email" in files:
        tree["a/email.zh.j2"] = files["email"]
    return Renderer(Catalog([DictLoader(tree)]), max_seconds=0.2)


def sms(template: str, **extra: Any) -> str:
    """The text of a template."""
    return renderer_of(template).render("a", "sms", "zh", DATA, extra=extra).text


MAIL = (
    "{% block subject %}Code {{ code }}{% endblock %}\n{% block text %}\nHi <{{ note }}>\n{% endblock %}\n"
    "{% block html %}\n<p>{{ note }}</p>\n{% endblock %}"
)


def test_a_text_message() -> None:
    """A rendering carries the words, the checked values, the bindings of its locale and the category."""
    rendered = renderer_of("\n码{{ code }}\n").render("a", "sms", "zh_CN", {"code": "１２３４", "minutes": 5})
    assert rendered.text == "码1234"
    assert (rendered.notice, rendered.channel, rendered.locale) == ("a", "sms", "zh")
    assert rendered.tried == ("zh-cn", "zh")
    assert dict(rendered.variables) == {"code": "1234", "minutes": "5"}
    assert list(rendered.bindings) == ["ihuyi"]
    assert rendered.category is Category.ALERT
    assert rendered.subject is None
    assert rendered.html is None
    assert "1234" not in repr(rendered)


def test_what_is_asked_wrongly() -> None:
    """An unknown notice, channel or variable raises for the caller."""
    renderer = renderer_of()
    with pytest.raises(UnknownNotice):
        renderer.render("b", "sms", "zh", DATA)
    with pytest.raises(UnknownNotice, match="no words for the channel voice"):
        renderer.render("a", "voice", "zh", DATA)
    with pytest.raises(InvalidVariable):
        renderer.render("a", "sms", "zh", {})


def test_a_mail_is_escaped_in_html_only() -> None:
    """Values are escaped in the html block and nowhere else, without the author's doing."""
    data = {"code": "1234", "note": "<b>&\"'"}
    rendered = renderer_of(email=MAIL).render("a", "email", "zh", data)
    assert rendered.subject == "Code 1234"
    assert rendered.text == "Hi <<b>&\"'>"
    assert rendered.html == "<p>&lt;b&gt;&amp;&#34;&#39;</p>"
    assert type(rendered.html) is str


@pytest.mark.parametrize(
    "trick",
    [
        "{{ note|safe }}",
        "{% autoescape false %}{{ note }}{% endautoescape %}",
        "{{ Markup(note) }}",
        "{{ note|e|attr('unescape') }}",
        "{{ (note|e).unescape() }}",
    ],
)
def test_escaping_cannot_be_switched_off(trick: str) -> None:
    """No template can put a value into html unescaped."""
    mail = MAIL.replace("<p>{{ note }}</p>", trick)
    with pytest.raises(TemplateError):
        renderer_of(email=mail).render("a", "email", "zh", {"code": "1234", "note": "<b>"})


@pytest.mark.parametrize(
    "inside", ["{{ note ~ '!' }}", "{{ [note]|join }}", "{{ note|upper }}", "{{ note|replace('x', note) }}"]
)
def test_escaping_survives_operations(inside: str) -> None:
    """What is computed from a value is as escaped as the value; literals of variables are refused."""
    mail = MAIL.replace("<p>{{ note }}</p>", inside)
    try:
        html = renderer_of(email=mail).render("a", "email", "zh", {"code": "1234", "note": "<x>"}).html
    except TemplateError:
        return
    assert html is not None
    assert "<" not in html
    assert "&amp;" not in html


def test_layouts_macros_and_super() -> None:
    """A mail may extend a layout, import macros inside a block and call super()."""
    layout = (
        "{% block subject %}{% endblock %}{% block text %}{% endblock %}"
        "{% block html %}<title>{{ self.subject() }}</title>"
        "{% block body %}[base]{% endblock %}{% endblock %}"
    )
    mail = (
        "{% extends 'layout/m.j2' %}"
        "{% block subject %}S {{ code }}{% endblock %}{% block text %}T{% endblock %}"
        "{% block body %}{% from 'layout/p.j2' import p %}{{ super() }}{{ p(note) }}{% endblock %}"
    )
    renderer = renderer_of(
        email=mail, layout__m=layout, layout__p="{% macro p(x) %}<p>{{ x }}</p>{% endmacro %}"
    )
    html = renderer.render("a", "email", "zh", {"code": "1234", "note": "a<b"}).html
    assert html == "<title>S 1234</title>[base]<p>a&lt;b</p>"


@pytest.mark.parametrize("end", "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00\x1b\x7f")
def test_header_attacks_are_refused(end: str) -> None:
    """A subject with anything str.splitlines parts lines at, or a control character, raises."""
    mail = MAIL.replace("Code {{ code }}", "Hello {{ shop }}!")
    with pytest.raises(TemplateError, match="line end"):
        renderer_of(email=mail).render(
            "a", "email", "zh", DATA | {"note": "x"}, extra={"shop": f"x{end}Bcc: y"}
        )


def test_a_mail_needs_subject_and_text() -> None:
    """A mail without its blocks, or with an empty subject, is the notice's fault."""
    with pytest.raises(TemplateError, match="needs the blocks"):
        renderer_of(email="just text").render("a", "email", "zh", DATA)
    with pytest.raises(TemplateError, match="subject is empty"):
        renderer_of(email="{% block subject %} {% endblock %}{% block text %}x{% endblock %}").render(
            "a", "email", "zh", DATA
        )


def test_extra_context_and_precedence() -> None:
    """Plugins' context reaches the words; the caller's data wins; declared names are checked like data."""
    assert sms("{{ shop }}{{ code }}", shop="店", code="9999") == "店1234"
    assert sms("{{ code }}{{ minutes }}", minutes="07") == "12347"
    with pytest.raises(InvalidVariable):
        sms("{{ code }}", note="t.cn")
    with pytest.raises(TemplateError, match="`minutes` is not defined"):
        sms("{{ minutes }}", minutes=None)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 300000000 }}",
        "{{ code * 300000000 }}",
        "{{ 300000000 * code }}",
        "{{ [1] * 300000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 99999999999 * 99999999999 * 99999999999 }}",
        "{{ '%300000000d' % 1 }}",
        "{{ code % 5 }}",
        "{{ '{:>300000000}'.format(1) }}",
        "{{ '{x:>300000000}'.format_map({'x': 1}) }}",
        "{{ code.center(300000000) }}",
        "{{ code.ljust(300000000) }}",
        "{{ code.rjust(300000000) }}",
        "{{ code.zfill(300000000) }}",
        "{{ '\t'.expandtabs(300000000) }}",
        "{{ code.replace('', code) }}",
        "{{ code.join(code) }}",
        "{{ (1).to_bytes(300000000, 'big') }}",
        "{{ code|center(300000000) }}",
        "{{ '%300000000d'|format(1) }}",
        "{{ code|indent(300000000) }}",
        "{{ code|wordwrap(1, wrapstring=code) }}",
        "{{ 1|round(300000000) }}",
        "{{ range(300000000)|list }}",
        "{{ range(1000)|join(code|replace('1', range(1000)|join('1234567890'))) }}",
        "{{ (range(1000)|join('x'))|replace('x', range(1000)|join('x')) }}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}"
        "{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}xxxxxx{% endfor %}{% endfor %}",
        "{% set a = code %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "{% set a = code %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
        "{% set a = code %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
        "{% set a = '\"' %}" + "{% set a = a|tojson %}" * 40 + "{{ a }}",
        "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(50) }}",
        "{% macro m() %}{{ m(varargs, varargs) }}{% endmacro %}{{ m(1) }}",
        "{% include 'a/sms.zh.j2' %}",
        "{% set ns = namespace(x=1) %}{{ ns.x }}",
        "{{ lipsum(n=1000) }}",
        "{{ [1]|tojson(indent=300000000) }}",
        "{{ [1]|tojson(300000000) }}",
        "{% set a = range(1000)|join('9876543210' ~ range(100)|join) %}" + "{{ a|sort|first }}" * 200,
        "{{ cycler(1).next() }}",
        "{{ code.__class__.__mro__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ''['__class__'] }}",
        "{{ 'x' * 2001 }}",
    ],
)
def test_templates_cannot_blow_up(template: str) -> None:
    """What multiplies, recurses or reaches into Python ends quickly in an error naming the notice."""
    started = time.thread_time()
    with pytest.raises(TemplateError) as caught:
        sms(template)
    assert time.thread_time() - started < 1.5
    assert caught.value.field == "a"
    assert "sms.zh.j2" in str(caught.value)


def test_amplification_fails_at_once() -> None:
    """`'a' * 300000000` fails within milliseconds."""
    renderer = renderer_of("{{ 'a' * 300000000 }}")
    started = time.perf_counter()
    with pytest.raises(TemplateError):
        renderer.render("a", "sms", "zh", DATA)
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% if minutes is defined %}x{% else %}y{% endif %}", "y"),
        ("{{ code[0] }}{{ code|length }}", "14"),
        ("{% for c in code %}{{ c }}{{ '-' if not loop.last }}{% endfor %}", "1-2-3-4"),
        ("{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{{ code if code in ['1234', '5'] else '' }}", "1234"),
        ("{{ (code|int + 1) % 10 }}", "5"),
        ("{{ code.startswith('1') }}", "True"),
        ("{{ code|replace('1', '-') }}", "-234"),
        ("{{ code ~ '!' ~ 5 }}", "1234!5"),
        ("{{ 'a' + 'b' }}{{ -1 }}{{ 2 * 3 }}", "ab-16"),
        ("{% set x = code %}{{ x|title|trim }}", "1234"),
        ("{% for i in range(3) %}{{ loop.index }}{{ loop.length }}{% endfor %}", "132333"),
        ("{# note #}\n{% if true %}\n  a\n{% endif %}\n", "a"),
    ],
)
def test_ordinary_templates_work(template: str, text: str) -> None:
    """The language that words need is there."""
    try:
        assert sms(template) == text
    except TemplateError as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a\n{{ nope }}", "line 2: `nope` is not defined"),
        ("{{ code.nope }}", "attribute or item"),
        ("{{ {}[code] }}", "attribute or item"),
        ("{{ 1 // 0 }}", "raises ZeroDivisionError"),
        ("{% if %}", "line 1"),
        ("{{ code|nope }}", "nope"),
        ("{% include 'x' %}", "does not exist"),
        ("{% extends 'x' %}", "does not exist"),
        ("{% extends code %}", "not written out"),
        ("{{ none }}", "none"),
        ("{{ range(3) | list }}", "prints a list"),
    ],
)
def test_template_mistakes_are_explained(template: str, words: str) -> None:
    """A mistake in a template is named with file and line, and no value is quoted."""
    with pytest.raises(TemplateError, match=words) as caught:
        sms(template)
    assert "1234" not in str(caught.value)
    assert caught.value.__cause__ is None or "1234" not in str(caught.value.__cause__)


def test_output_is_capped() -> None:
    """A rendering over its channel's cap fails; the cap is a setting."""
    tree = {"a/notice.toml": TOML, "a/sms.zh.j2": "{{ code }}" + "x" * 30}
    catalog = Catalog([DictLoader(tree)])
    with pytest.raises(TemplateError, match="more than 20 characters"):
        Renderer(catalog, caps={"sms": 20}).render("a", "sms", "zh", DATA)
    assert Renderer(catalog).render("a", "sms", "zh", DATA).text


def test_values_are_data_and_not_templates() -> None:
    """Template syntax inside a value is printed as it is."""
    rendered = renderer_of("{{ note }}").render("a", "sms", "zh", DATA | {"note": "{{ code }} {% x %}"})
    assert rendered.text == "{{ code }} {% x %}"


def test_preload_finds_the_broken_file() -> None:
    """Preloading compiles every file of every notice and raises for the first broken one."""
    renderer_of().preload()
    with pytest.raises(TemplateError, match=r"email\.zh\.j2"):
        renderer_of(email="{% if %}").preload()
    with pytest.raises(TemplateError, match="second template"):
        renderer_of("{% extends 'l/x.j2' %}{% extends 'l/x.j2' %}", l__x="").preload()
    with pytest.raises(TemplateError, match="extends itself"):
        renderer_of("{% extends 'l/x.j2' %}", l__x="{% extends 'l/x.j2' %}").preload()


def test_threads_share_a_renderer() -> None:
    """One thread's runaway template does not use up another thread's time."""
    renderer = renderer_of(
        "{% for a in range(200) %}{% for b in range(200) %}"
        "{% if minutes is defined %}{% for c in range(900) %}{% endfor %}{% endif %}"
        "{% endfor %}{% endfor %}{{ code }}"
    )
    results: list[str] = []

    def run(data: dict[str, str]) -> None:
        try:
            results.append(renderer.render("a", "sms", "zh", data).text)
        except TemplateError as error:
            results.append(error.problem)

    threads = [threading.Thread(target=run, args=(data,)) for data in (DATA, DATA | {"minutes": "1"})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("takes longer" in result for result in results) == [False, True]


def test_the_shortcut_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of only words and variables, put together without the engine, is what the engine gives."""
    import notifyhub_templates
    from notifyhub.template import renderer as room

    catalog = Catalog([notifyhub_templates.notifyhub_template_loader()])

    def every() -> list[str]:
        renderer = Renderer(catalog)
        notices = [catalog.notice(name) for name in catalog.names()]
        return [
            renderer.render(n.name, "sms", locale, n.manifest.examples(optional=optional)).text
            for n in notices
            for locale in n.locales("sms")
            for optional in (False, True)
        ]

    quick = every()
    monkeypatch.setattr(room, "_joined", lambda part, variables: None)
    assert every() == quick


@pytest.mark.parametrize(
    ("template", "taken"),
    [
        ("码{{ code }}。", True),
        ("{{ code }}", True),
        ("码{{ code|upper }}", False),
        ("{% if code %}{{ code }}{% endif %}", False),
        ("{{ other }}", False),
    ],
)
def test_the_shortcut_is_for_plain_texts_only(template: str, taken: bool) -> None:
    """Anything but words and declared variables goes through the engine."""
    renderer = renderer_of(template)
    name = renderer.catalog.names()[0]
    assert (renderer._plan(name, "sms", "zh").text.pieces is not None) is taken
