"""What the tests of the ihuyi provider share: messages and provider instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notifyhub.message import Message
from notifyhub_ihuyi.settings import IhuyiSettings

ACCOUNT, KEY = "C00000001", "k3yA0000000000000000000000000001"
WORDS = "您的验证码是：1234。请不要把验证码泄露给其他人。"


@pytest.fixture
def ihuyi_message() -> Callable[..., Message]:
    """Makes a message to an ordinary mobile; every part can be changed."""

    def make(to: str = "+8613800138000", text: str = WORDS, **changes: Any) -> Message:
        return Message(**{"channel": "sms", "to": to, "text": text, **changes})

    return make


@pytest.fixture
def ihuyi_settings() -> Callable[..., IhuyiSettings]:
    """Makes settings of the simulator's demonstration account; every part can be changed."""

    def make(**changes: Any) -> IhuyiSettings:
        return IhuyiSettings.model_validate({"account": ACCOUNT, "api_key": KEY, "timeout": 5, **changes})

    return make
