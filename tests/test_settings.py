"""Settings: found upwards, overridden by the environment, and wrong keys are named with the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifyhub.category import Category, OnUnknown
from notifyhub.errors import SettingsError
from notifyhub.settings import Settings, load_settings, resolve_secrets, settings_from


def write(folder: Path, text: str, name: str = "notifyhub.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any() -> None:
    """With no file and no environment every setting has its default."""
    assert load_settings(environ={}) == Settings()


def test_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest notifyhub.toml upwards from the working directory is read; its folder is remembered."""
    write(tmp_path, 'default_locale = "en"')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    settings = load_settings(environ={})
    assert settings.default_locale == "en"
    assert settings.folder == tmp_path


def test_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[tool.notifyhub] of a pyproject.toml serves too; a pyproject without it is passed over."""
    write(tmp_path, '[tool.notifyhub]\ndefault_locale = "en"', "pyproject.toml")
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "[project]\nname = 'x'", "pyproject.toml")
    monkeypatch.chdir(inner)
    assert load_settings(environ={}).default_locale == "en"


def test_path_by_environment(tmp_path: Path) -> None:
    """NOTIFYHUB_CONFIG names the file where no path is given."""
    file = write(tmp_path, 'default_country = "US"')
    assert load_settings(environ={"NOTIFYHUB_CONFIG": str(file)}).default_country == "US"


def test_missing_file(tmp_path: Path) -> None:
    """A file that is named and not there is an error with the remedy."""
    with pytest.raises(SettingsError, match=r"config: no such file: .*nothing\.toml; `notifyhub init`"):
        load_settings(tmp_path / "nothing.toml")


def test_broken_toml(tmp_path: Path) -> None:
    """A file that is not TOML is an error that names it and the place."""
    with pytest.raises(SettingsError, match=r"notifyhub\.toml cannot be read: .*line 1"):
        load_settings(write(tmp_path, "default_locale = zh"))


def test_environment_overrides(tmp_path: Path) -> None:
    """NOTIFYHUB__A__B overrides a.b, and a key of digits stays text."""
    file = write(tmp_path, '[providers.sms]\ntype = "ihuyi"\naccount = "C1"')
    settings = load_settings(
        file,
        {
            "NOTIFYHUB__PROVIDERS__SMS__ACCOUNT": "12345678901234567890",
            "NOTIFYHUB__BREAKER__THRESHOLD": "7",
            "NOTIFYHUB__TEMPLATES": '["a", "b"]',
        },
    )
    assert settings.providers["sms"] == {"type": "ihuyi", "account": "12345678901234567890"}
    assert settings.breaker.threshold == 7
    assert settings.templates == ("a", "b")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"default_local": "zh"}, "default_local: unknown key; did you mean `default_locale`?"),
        ({"routes": [{"provider": "a"}]}, "routes.0.provider: unknown key (and 1 more); did you mean `prov"),
        ({"policies": {"dedup": {}}}, "policies.dedup: unknown key; did you mean `deduplicate`?"),
        ({"policies": {"deduplicate": {"windows": 3}}},
         "policies.deduplicate.windows: unknown key; did you mean `window`?"),
        ({"folder": "x"}, "folder: unknown key"),
        ({"source": "x"}, "source: unknown key"),
        ({"breaker": {"treshold": 3}}, "breaker.treshold: unknown key; did you mean `threshold`?"),
        ({"categories": {"otp": {"max_submit": 3}}},
         "categories.otp.max_submit: unknown key; did you mean `max_submits`?"),
        ({"providers": {"sms": {"account": "x"}}}, "providers.sms.type: missing; say which provider it is"),
        ({"breaker": {"threshold": 0}}, "breaker.threshold: Input should be greater than or equal to 1"),
        ({"routes": [{"providers": []}]}, "routes.0.providers: "),
        ({"categories": {"opt": {}}}, "categories.opt"),
        ({"policies": {"quiet_hours": {"start": "21:00", "end": "09:00"}}},
         "policies.quiet_hours: is no list of tables; write [[policies.quiet_hours]]"),
        ({"policies": {"limits": [{"limit": 5}]}}, "policies.limits.0.limit: is no list; write it in [ ]"),
        ({"policies": {"limits": [{"limit": "5/fortnight"}]}},
         'policies.limits.0.limit: `5/fortnight` is no limit; write "5/day", "1/60s"'),
        ({"policies": {"digests": [{"notice": "disk/full"}]}},
         "policies.digests.0.window: missing; write `window = …` there"),
    ],
)  # fmt: skip
def test_wrong_keys(tables: dict[str, object], told: str) -> None:
    """What is wrong is told with its whole key and the nearest right one."""
    with pytest.raises(SettingsError) as caught:
        settings_from(tables)
    assert str(caught.value).startswith(told)


def test_errors_quote_no_values() -> None:
    """A value that is wrong is never quoted: it may be a secret."""
    with pytest.raises(SettingsError) as caught:
        settings_from({"default_country": "hunter2-secret"})
    assert "hunter2" not in str(caught.value)


def test_category_changes_keep_the_rest() -> None:
    """[categories.otp] changes what it names and leaves the rest of the category's policy."""
    policy = settings_from({"categories": {"otp": {"max_submits": 1}}}).delivery_policy(Category.OTP)
    assert (policy.max_submits, policy.on_unknown, policy.deadline) == (1, OnUnknown.FAILOVER, 30)


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """env: and file: are filled in, nested ones too; a file's last newline is not part of the secret."""
    monkeypatch.setenv("THE_KEY", "from-env")
    (tmp_path / "key").write_text("from-file\n")
    table = {"a": "env:THE_KEY", "b": "file:key", "c": {"d": "env:THE_KEY"}, "e": 3, "f": "plain"}
    resolved = resolve_secrets(table, "providers.sms", tmp_path)
    assert resolved == {"a": "from-env", "b": "from-file", "c": {"d": "from-env"}, "e": 3, "f": "plain"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "env:NOT_SET",
            "providers.sms.key: the environment variable NOT_SET is not set; set NOT_SET, or change",
        ),
        ("file:nowhere", "providers.sms.key: the file "),
    ],
)
def test_missing_secret(tmp_path: Path, value: str, told: str) -> None:
    """A missing secret is an error that names the key and the remedy."""
    with pytest.raises(SettingsError) as caught:
        resolve_secrets({"key": value}, "providers.sms", tmp_path)
    assert str(caught.value).startswith(told)


def test_repr_hides_provider_tables() -> None:
    """A secret written into the file is not in the repr of the settings."""
    assert "hunter2" not in repr(settings_from({"providers": {"sms": {"type": "x", "key": "hunter2"}}}))
