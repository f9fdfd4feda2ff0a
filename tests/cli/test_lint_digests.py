"""`notifyhub templates lint` looks at the words for digests as the settings would have them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.digests import notices

if TYPE_CHECKING:
    from tests.cli.conftest import Run


@pytest.mark.parametrize(("most", "status", "said"), [(5, 0, "0 errors"), (200, 2, "(of 200 notifications)")])
def test_with_the_most(run: Run, tmp_path: Path, most: int, status: int, said: str) -> None:
    """Words that fit with a few and not with the most that may come together are an error."""
    notices(tmp_path)
    settings = tmp_path / "notifyhub.toml"
    settings.write_text(
        f'templates = ["notices"]\n[[policies.digests]]\nnotice = "disk"\nwindow = 60\nmost = {most}\n',
        encoding="utf-8",
    )
    done = run("templates", "lint", "--config", settings)
    assert (done.exit_code, said in done.stdout) == (status, True), done.stdout
