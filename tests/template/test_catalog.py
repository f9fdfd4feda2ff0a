"""Catalog: which notices there are and which file serves whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, FunctionLoader

from notifyhub.errors import TemplateError, UnknownNotice
from notifyhub.template import Catalog, folder_loader
from notifyhub.template.locales import fallbacks

TOML = 'summary = "s"\ncategory = "order"\n'


def catalog_of(*folders: dict[str, str]) -> Catalog:
    """A catalog of in-memory folders, the first one winning."""
    return Catalog([DictLoader(folder) for folder in folders])


def test_names_and_nearest() -> None:
    """Notices are folders with a notice.toml; a mistyped name is told the nearest one."""
    catalog = catalog_of({"order/paid/notice.toml": TOML, "layout/mail.j2": "", "order/x.j2": ""})
    assert catalog.names() == ("order/paid",)
    with pytest.raises(UnknownNotice, match="did you mean `order/paid`"):
        catalog.notice("order/payed")
    for bad in ("../x", "A", "x" * 65, ""):
        with pytest.raises(UnknownNotice):
            catalog.notice(bad)


def test_a_notice_is_replaced_whole() -> None:
    """The application's notice hides every file of the plugin's notice of the same name."""
    own = {"a/notice.toml": TOML, "a/sms.zh.j2": "own"}
    plugin = {
        "a/notice.toml": TOML,
        "a/sms.zh.j2": "theirs",
        "a/email.zh.j2": "theirs",
        "b/notice.toml": TOML,
    }
    catalog = catalog_of(own, plugin)
    assert catalog.notice("a").channels == ("sms",)
    assert catalog.source("a/sms.zh.j2") == "own"
    assert catalog.names() == ("a", "b")
    with pytest.raises(Exception, match="email"):
        catalog.source("a/email.zh.j2")


def test_a_part_of_a_notice_is_refused() -> None:
    """A folder that replaces single files of a plugin's notice is told to copy the others."""
    with pytest.raises(TemplateError, match=r"no notice\.toml beside it"):
        catalog_of({"a/sms.zh.j2": "own"}, {"a/notice.toml": TOML, "a/sms.zh.j2": "theirs"})


def test_shared_files_are_replaced_singly() -> None:
    """A layout of the application's goes around a plugin's mails."""
    catalog = catalog_of({"layout/mail.j2": "own"}, {"layout/mail.j2": "theirs", "layout/parts.j2": "theirs"})
    assert catalog.source("layout/mail.j2") == "own"
    assert catalog.source("layout/parts.j2") == "theirs"


def test_channels_locales_and_strangers() -> None:
    """A notice knows its channels, its locales as written, and the files that are neither."""
    files = {
        "a/notice.toml": TOML,
        "a/sms.zh-Hant.j2": "",
        "a/sms.en.j2": "",
        "a/email.zh.j2": "",
        "a/x.txt": "",
    }
    notice = catalog_of(files).notice("a")
    assert notice.channels == ("email", "sms")
    assert notice.locales("sms") == ("en", "zh-Hant")
    assert notice.strangers == ("x.txt",)
    assert notice.origin == "DictLoader"
    with pytest.raises(UnknownNotice, match="it has: email, sms"):
        notice.resolve("voice")
    with pytest.raises(TemplateError, match=r"add sms\.zh\.j2"):
        notice.resolve("sms", "fr")


@pytest.mark.parametrize(
    ("locale", "chosen"),
    [
        ("zh-Hant-TW", "zh-Hant"),
        ("zh_Hant_TW.UTF-8", "zh-Hant"),
        ("zh_CN", "zh"),
        ("ZH-cn", "zh"),
        ("en-GB", "en"),
        ("fr", "zh"),
        (None, "zh"),
        ("", "zh"),
        ("x" * 5000, "zh"),
    ],
)
def test_fall_back(locale: str | None, chosen: str) -> None:
    """A locale falls back to the shorter ones, then to the default."""
    files = {"a/notice.toml": TOML, **{f"a/sms.{each}.j2": "" for each in ("zh-Hant", "zh", "en")}}
    choice = catalog_of(files).notice("a").resolve("sms", locale)
    assert choice.file.locale == chosen
    assert choice.tried[-1] == chosen.lower()


def test_the_last_resort_is_default() -> None:
    """`default` serves whoever nothing else serves."""
    notice = catalog_of({"a/notice.toml": TOML, "a/sms.default.j2": ""}).notice("a")
    assert notice.resolve("sms", "fr-CA", "zh-CN").tried == ("fr-ca", "fr", "zh-cn", "zh", "default")


@settings(deadline=None)
@given(st.text(max_size=45), st.sampled_from(["zh", "zh-Hant-TW", "en_US"]))
def test_fall_back_is_a_shortening_chain(locale: str, default: str) -> None:
    """Whatever is asked for, each step is tried once, gets shorter, and the default's chain ends it."""
    chain = fallbacks(locale, default)
    assert len(set(chain)) == len(chain)
    assert chain[-1] == "default"
    assert default.replace("_", "-").lower() in chain
    assert all(step == step.lower() and "_" not in step for step in chain)
    assert fallbacks(locale.upper() if locale.isascii() else locale, default) == chain


def test_twins_and_bad_loaders() -> None:
    """Two files for one locale, a bad folder name and a loader that cannot list are refused."""
    with pytest.raises(TemplateError, match="same locale"):
        catalog_of({"a/notice.toml": TOML, "a/sms.zh_CN.j2": "", "a/sms.zh-CN.j2": ""}).notice("a")
    with pytest.raises(TemplateError, match="not a name"):
        catalog_of({"Order/notice.toml": TOML})
    with pytest.raises(TemplateError, match="cannot list"):
        Catalog([FunctionLoader(lambda name: None)])


def test_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    """A symlink that leads out of the folder is refused; one that stays inside is followed."""
    folder = tmp_path / "templates"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "notice.toml").write_text(TOML, encoding="utf-8")
    (folder / "real.j2").write_text("inside", encoding="utf-8")
    (folder / "a" / "sms.zh.j2").symlink_to(folder / "real.j2")
    (folder / "b").symlink_to(folder / "a")
    (folder / "a" / "loop").symlink_to(folder)
    (folder / ".hidden").symlink_to("/etc")
    assert Catalog([folder_loader(folder)]).source("b/sms.zh.j2") == "inside"

    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    link = folder / "a" / "sms.en.j2"
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(TemplateError, match="leads out of the folder"):
        Catalog([folder_loader(folder)])
    link.unlink()
    link.symlink_to(tmp_path)
    with pytest.raises(TemplateError, match="leads out of the folder"):
        Catalog([folder_loader(str(folder))])


def test_a_link_made_later_is_refused(tmp_path: Path) -> None:
    """A file that becomes a link after the catalog was made is still not followed out."""
    (tmp_path / "t" / "a").mkdir(parents=True)
    words = tmp_path / "t" / "a" / "sms.zh.j2"
    words.write_text("x", encoding="utf-8")
    (tmp_path / "t" / "a" / "notice.toml").write_text(TOML, encoding="utf-8")
    catalog = Catalog([folder_loader(tmp_path / "t")])
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    words.unlink()
    words.symlink_to(tmp_path / "secret")
    with pytest.raises(TemplateError, match="leads out"):
        catalog.source("a/sms.zh.j2")


def test_files_must_be_there_and_utf8(tmp_path: Path) -> None:
    """A missing folder and a file that is not UTF-8 are said so."""
    with pytest.raises(TemplateError, match="no such folder"):
        Catalog([folder_loader(tmp_path / "nowhere")])
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notice.toml").write_bytes(b"summary = '\xff\xfe'")
    with pytest.raises(TemplateError, match="not UTF-8"):
        Catalog([folder_loader(tmp_path)]).notice("a")
    loader = folder_loader(tmp_path)
    for path in ("../x", "/etc/passwd", "a/../../x", "a\0b", "nothing"):
        with pytest.raises(Exception, match=r".*") as caught:
            loader.get_source(None, path)
        assert type(caught.value).__name__ == "TemplateNotFound"
