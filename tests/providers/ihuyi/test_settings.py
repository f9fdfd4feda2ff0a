"""Settings of an account, and what the plugin registers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from notifyhub.errors import SettingsError
from notifyhub.log import redact_text
from notifyhub_ihuyi import notifyhub_provider_types
from notifyhub_ihuyi.codes import CODES
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings

KEY = "0123456789abcdef0123456789abcdef"


def make(**changes: Any) -> IhuyiSettings:
    """Settings with an account and a key."""
    return IhuyiSettings.model_validate({"account": "C12345678", "api_key": KEY, **changes})


def test_defaults() -> None:
    """An account and a key are enough; the rest is as the vendor's web manual has it."""
    found = make()
    assert (found.signing, found.format, found.base_url) == ("dynamic", "json", "https://106.ihuyi.com")
    assert (found.timeout, found.max_length, found.price_per_part) == (10, 500, None)
    assert dict(found.bindings) == {}


def test_bindings_in_both_writings() -> None:
    """A template id alone is short for a table with it."""
    found = make(bindings={"login/code": "1", "order/shipped": {"template_id": "7", "slots": ["no", "by"]}})
    assert found.bindings["login/code"].template_id == "1"
    assert found.bindings["login/code"].slots == ()
    assert found.bindings["order/shipped"].slots == ("no", "by")


@pytest.mark.parametrize(
    "changes",
    [
        {"account": ""},
        {"account": "C1 2"},
        {"api_key": ""},
        {"api_key": KEY + "\n"},
        {"api_key": KEY + "\u200b"},
        {"signing": "md5"},
        {"format": "yaml"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"max_length": 0},
        {"price_per_part": -1},
        {"price_per_part": float("inf")},
        {"signature": "短"},
        {"signature": "【店铺】"},
        {"bindings": {"login/code": ""}},
        {"bindings": {"login/code": {"slots": ["code"]}}},
        {"bindings": {"login/code": {"template_id": "1", "slot": ["code"]}}},
        {"bindings": ["1"]},
        {"type": "ihuyi"},
        {"apikey": "x"},
    ],
)
def test_wrong_settings(changes: dict[str, Any]) -> None:
    """What cannot be right is refused when it is read, and the error never quotes the key."""
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://106.ihuyi.com",
        "https://106.ihuyi.com/webservice",
        "https://a:b@106.ihuyi.com",
        "106.ihuyi.com",
        "",
    ],
)
def test_an_unsafe_base_url(url: str) -> None:
    """The base URL is https without a path, or plain http to this machine only."""
    with pytest.raises(SettingsError) as caught:
        make(base_url=url)
    assert caught.value.field == "base_url"
    assert make(base_url="http://127.0.0.1:8000/").base_url == "http://127.0.0.1:8000"


def test_no_repr_shows_the_key() -> None:
    """Neither settings nor provider show the key when printed."""
    found = make()
    provider = IhuyiProvider("sms", found)
    for shown in (repr(found), str(found), repr(provider), str(provider), repr(found.model_dump())):
        assert KEY not in shown
    assert "sms" in repr(provider)


def test_the_key_is_kept_out_of_logs() -> None:
    """Making a provider registers its key, so that no log event ever shows it."""
    key = "f" * 16 + "a1b2c3d4e5f60718"
    IhuyiProvider("sms", make(api_key=key))
    assert key not in redact_text(f"failed with {key}")


def test_settings_do_not_change() -> None:
    """Settings are frozen."""
    with pytest.raises(ValidationError):
        make().account = "C0"


def test_the_plugin_registers_one_type() -> None:
    """The hook gives the type `ihuyi` with its settings, codes and a builder that does no I/O."""
    (kind,) = notifyhub_provider_types()
    assert (kind.name, kind.channels) == ("ihuyi", frozenset({"sms"}))
    assert kind.settings is IhuyiSettings
    assert kind.codes == CODES
    provider = kind.build("first", make(max_length=300))
    assert isinstance(provider, IhuyiProvider)
    assert provider.name == "first"
    assert provider.capabilities.channels == frozenset({"sms"})
    assert provider.capabilities.countries == frozenset({"CN"})
    assert provider.capabilities.max_length == 300


def test_importing_the_plugin_is_light() -> None:
    """Importing the package loads no HTTP client, no pydantic and no simulator."""
    code = (
        "import sys, notifyhub_ihuyi; "
        "heavy = {'httpx', 'pydantic', 'structlog', 'notifyhub_ihuyi.simulator'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
