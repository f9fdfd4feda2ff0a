"""What the tests of digests share: a notice that is digested, and the settings that do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifyhub.ledger import Ledger, open_ledger
from notifyhub.testing import RecordingProvider

__all__ = ["FILES", "NUMBER", "OTHER", "notices", "sqlite", "tables", "texts"]

NUMBER, OTHER = "+8613800138000", "+8613900139000"
MANIFEST = """
summary = "A disk is full"
category = "{category}"
[variables.host]
type = "text"
max_length = 20
example = "db-1"
"""
FILES = {
    "sms.zh.j2": "{{ host }} is full",
    "digest.sms.zh.j2": "{{ count }}:{% for item in items %} {{ item.host }}{% endfor %}",
}


def notices(folder: Path, category: str = "ops", files: Mapping[str, str] = FILES) -> Path:
    """A folder with the notice `disk`."""
    (folder / "notices" / "disk").mkdir(parents=True, exist_ok=True)
    for name, text in {"notice.toml": MANIFEST.format(category=category), **files}.items():
        (folder / "notices" / "disk" / name).write_text(text, encoding="utf-8")
    return folder / "notices"


def tables(window: float = 0.2, most: int = 10) -> dict[str, Any]:
    """The settings that digest it."""
    return {"policies": {"digests": [{"notice": "disk", "window": window, "most": most}]}}


def sqlite(folder: Path, lease: float = 30.0) -> Ledger:
    """A ledger in this folder. lease: seconds."""
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=lease, keys=(), folder=folder)


def texts(vendor: RecordingProvider) -> list[str]:
    """What a vendor was asked to send, in order."""
    return [message.text for message in vendor.messages]
