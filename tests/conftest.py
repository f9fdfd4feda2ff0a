"""What every test may use."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No settings of the machine reach a test: it starts in an empty folder, without our variables."""
    for name in list(os.environ):
        if name.startswith("NOTIFYHUB"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
