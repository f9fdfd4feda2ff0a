"""The applications of docs/how-to/pushes.md take the gateway's pushes, each in its real framework."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from notifyhub import Status

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pushes.md"
URL = "/pushes/ihuyi/wGd0b1lZ"
SENT = "16842079209571524017"
NUMBER = "13800138000"

Post = Callable[[str, bytes], tuple[int, str]]
_FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def application(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The page's application for the framework the test is named after, imported as a module."""
    framework = request.node.name.removeprefix("test_")
    marker = f"<!-- run by: tests/docs/test_pushes.py::test_{framework} -->\n```python\n"
    code = PAGE.read_text(encoding="utf-8").partition(marker)[2].partition("```")[0]
    settings = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert settings is not None
    assert 7 <= len([line for line in code.split("\n") if line]) <= 15, "ten lines, more or less"
    Path("notifyhub.toml").write_text(settings[1], encoding="utf-8")
    for name, value in (
        ("IHUYI_ACCOUNT", "C00000001"),
        ("IHUYI_API_KEY", "k3yA0000000000000000000000000001"),
        ("PUSH_TOKEN", URL.rpartition("/")[2]),
    ):
        monkeypatch.setenv(name, value)
    module = ModuleType(f"page_{framework}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    yield module
    if hasattr(module.hub, "close"):
        module.hub.close()
    else:
        asyncio.run(module.hub.aclose())


def takes_pushes(post: Post, hub: Any) -> None:
    """Receipts, replies, repetitions and rubbish are all answered `success`; another URL is not."""

    def push(**fields: str) -> tuple[int, str]:
        return post(URL, urlencode(fields).encode())

    told: list[str] = []

    class Watcher:
        @hookimpl
        def notifyhub_reply_received(self, reply: Any) -> None:
            told.append(reply.text)

    from notifyhub import hookimpl

    hub.plugins.register(Watcher())
    receipt = {"code": "2", "msg": "发送成功", "mobilephone": NUMBER, "smsid": SENT}
    for fields in (receipt, receipt, {**receipt, "code": "0"}, {"nonsense": "1"}):
        assert push(**fields) == (200, "success")
    for _ in range(2):
        assert push(mobilephone=NUMBER, content="好的", reply_time="2026-11-22 14:31:51") == (200, "success")
    assert told == ["好的"]
    assert post(URL + "x", b"")[0] == 404
