"""The ledger's URL: what it may say, and what is said where it may not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from notifyhub.errors import SettingsError
from notifyhub.ledger import MemoryLedger, open_ledger


def test_memory_is_the_ledger_that_forgets() -> None:
    """`memory://` is in memory, under the lease that was asked for."""
    ledger = open_ledger("memory://", lease=7)
    assert isinstance(ledger, MemoryLedger)
    assert (ledger.durable, ledger.lease) == (False, 7)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_sqlite_file_lies_where_the_url_says(tmp_path: Path, absolute: bool) -> None:
    """Three slashes are relative to the folder of the settings, four are absolute."""
    url = f"sqlite:///{tmp_path}/there.db" if absolute else "sqlite:///there.db"
    folder = tmp_path / "settings" if absolute else tmp_path

    async def story() -> None:
        ledger = open_ledger(url, folder=folder, synchronous="NORMAL")
        try:
            await ledger.start()
        finally:
            await ledger.aclose()
        assert ledger.durable

    asyncio.run(story())
    assert (tmp_path / "there.db").is_file()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no kind of ledger"),
        ("notifyhub.db", "no kind of ledger"),
        ("mysql://root:hush@localhost/app", "no kind of ledger"),
        ("postgresql+asyncpg://root:hush@localhost/app", "names a driver"),
        ("postgresql://root:hush@localhost", "names no database"),
        ("postgresql://root:hush@localhost/", "names no database"),
        ("postgresql://root:hush/hush@localhost:app/app", "not a URL"),
        ("postgresql://root:hush@[::1/app", "not a URL"),
        ("sqlite://notifyhub.db", "third slash"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("sqlite:///file.db?mode=ro", "names no file"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("memory://hush", "nothing after"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_showing_it(url: str, said: str) -> None:
    """The error names the setting and what is wrong, and never the URL: there may be a password in it."""
    with pytest.raises(SettingsError, match=said) as caught:
        open_ledger(url)
    assert caught.value.field == "ledger.url"
    assert "hush" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__cause__ is None


def test_only_what_is_used_is_imported() -> None:
    """A ledger in memory loads no database driver and no cryptography."""
    script = (
        "import sys, notifyhub.ledger; notifyhub.ledger.open_ledger('memory://');"
        " print(sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in ("sqlite3", "asyncpg", "cryptography"):
        assert f"'{heavy}'" not in done.stdout
