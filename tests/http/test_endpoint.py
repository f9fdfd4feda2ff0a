"""check_base_url: https anywhere, http to this machine, and nothing but scheme, host and port."""

from __future__ import annotations

import pytest

from notifyhub.errors import ConfigurationError, SettingsError
from notifyhub.http import check_base_url


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://api.ihuyi.com", "https://api.ihuyi.com"),
        ("https://api.ihuyi.com/", "https://api.ihuyi.com"),
        ("HTTPS://API.ihuyi.com:8443", "https://api.ihuyi.com:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://xn--fiqs8s.example", "https://xn--fiqs8s.example"),
    ],
)
def test_base_url_is_normalised(url, clean):
    """What is allowed comes back in one writing, without a slash at the end."""
    assert check_base_url(url, "base_url") == clean


@pytest.mark.parametrize(
    "url",
    [
        "http://api.ihuyi.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://2130706433",
        "http://127.1",
        "http://[::ffff:10.0.0.1]",
        "http://[fe80::1]",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "api.ihuyi.com",
        "",
        "https://",
        "https://user:hunter2@api.ihuyi.com",
        "https://hunter2@api.ihuyi.com",
        "https://@api.ihuyi.com",
        "https://api.ihuyi.com/path",
        "https://api.ihuyi.com?",
        "https://api.ihuyi.com/?a=hunter2",
        "https://api.ihuyi.com#",
        "https://api.ihuyi.com:port",
        "https://api.ihuyi.com:0",
        "https://api.ihuyi.com:",
        "https://api.ihuyi.com:99999",
        "https://api..com",
        "https://-api.com",
        "https://" + "a" * 64 + ".com",
        "https://" + ".".join(["a" * 60] * 5),
        "https://api .com",
        "https://api.com\n",
        "https://api.com\\@evil.com",
        "https://中国.example",
        "https://[::1",
        "https://[zz]",
    ],
)
def test_other_base_urls_name_the_field_and_quote_nothing(url):
    """Anything else raises, names the field and a remedy, and does not repeat the URL."""
    with pytest.raises(SettingsError) as raised:
        check_base_url(url, "providers.sms.base_url")
    assert isinstance(raised.value, ConfigurationError)
    assert raised.value.field == "providers.sms.base_url"
    assert raised.value.remedy
    assert "hunter2" not in str(raised.value)
