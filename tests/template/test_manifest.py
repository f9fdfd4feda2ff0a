"""Manifests: what may stand in a notice.toml."""

from __future__ import annotations

import pytest

from notifyhub.category import Category
from notifyhub.errors import TemplateError
from notifyhub.template import Manifest

GOOD = """
summary = "A code"
category = "otp"
[variables.code]
type = "code"
example = "1234"
[[bindings]]
provider = "ihuyi"
text = "码【变量】"
slots = ["code"]
"""


def test_reads() -> None:
    """A manifest says its summary, category, variables and bindings."""
    manifest = Manifest.read("login/code", GOOD)
    assert manifest.name == "login/code"
    assert manifest.category is Category.OTP
    assert manifest.examples() == {"code": "1234"}
    assert manifest.bindings[0].slots == ("code",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("summary", "sumary"), "unknown key `sumary`|`summary` is missing"),
        (("category = ", "categori = "), "category"),
        (('category = "otp"', 'category = "opt"'), "known: otp"),
        (('type = "code"', 'type = "number"'), "known: text, code"),
        (("example", "exmaple"), "did you mean `example`"),
        (("provider", "provder"), "provider"),
        (('slots = ["code"]', 'slots = ["cod"]'), "did you mean `code`"),
        (('slots = ["code"]', "slots = []"), "slots"),
        (('type = "code"', 'type = "code"\nmax = 5'), "no limit of the type code"),
        (('type = "code"', 'type = "url"'), "hosts"),
        (('type = "code"', 'type = "url"\nhosts = ["https://x"]'), "bare host names"),
        (('type = "code"', 'type = "code"\ndefault = "1"'), "the default"),
        (('type = "code"', 'type = "integer"\nmin = 0.5'), "whole numbers"),
        (("variables.code", "variables.loop"), "no name for a variable"),
        (("variables.code", "variables.Code"), "no name for a variable"),
        (("summary = ", "summary "), "no TOML"),
    ],
)
def test_mistakes_are_named(change: tuple[str, str], words: str) -> None:
    """Each mistake raises TemplateError with the notice, the key and the remedy."""
    with pytest.raises(TemplateError, match=words) as caught:
        Manifest.read("login/code", GOOD.replace(*change))
    assert caught.value.field == "login/code"


def test_one_binding_a_place() -> None:
    """Two bindings for the same provider, channel and locale contradict each other."""
    with pytest.raises(TemplateError, match="two bindings"):
        Manifest.read("login/code", GOOD + '[[bindings]]\nprovider = "ihuyi"\nlocale = "ZH"\n')
