"""The pytest fixture `outbox`.

In the application's `conftest.py`, either of

    pytest_plugins = ["notifyhub.testing.fixtures"]     # in the topmost conftest.py
    from notifyhub.testing import outbox                # anywhere
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifyhub.testing.box import Outbox

__all__ = ["outbox"]


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """What the application sends in this test; no vendor is asked. See `notifyhub.testing.Outbox`."""
    with Outbox() as box:
        yield box
