"""The applications of docs/how-to/pushes.md take the gateway's pushes, each in its real framework."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from notifyhub import Delivery, hookimpl
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Simulator

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pushes.md"
URL = "/pushes/ihuyi/wGd0b1lZ"
NUMBER = "13800138000"
FORM = "application/x-www-form-urlencoded"

Post = Callable[[str, bytes], Awaitable[tuple[int, str]]]


@pytest.fixture
def application(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The page's application for the framework the test is named after, with the gateway simulated."""
    page = PAGE.read_text(encoding="utf-8")
    marker = f"<!-- run by: tests/docs/test_pushes.py::{request.node.name} -->\n```python\n"
    code = page.partition(marker)[2].partition("```")[0]
    said = [line for line in code.split("\n") if line and not line.startswith(("import", "from"))]
    assert 0 < len(said) <= 10, "ten lines"
    settings = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert settings is not None
    Path("notifyhub.toml").write_text(settings[1], encoding="utf-8")
    module = ModuleType(f"page_{request.node.name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(receipts=False)) as gateway,
    ):
        for name, value in (
            ("IHUYI_ACCOUNT", DEMO_ACCOUNT),
            ("IHUYI_API_KEY", DEMO_API_KEY),
            ("PUSH_TOKEN", URL.rpartition("/")[2]),
            ("NOTIFYHUB__PROVIDERS__SMS__BASE_URL", gateway.base_url),
        ):
            monkeypatch.setenv(name, value)
        exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page
        yield module


async def take_pushes(hub: Any, sent: Delivery, post: Post) -> None:
    """What the gateway pushes after a message, each answered `success`; no other URL answers."""
    heard: list[str] = []

    class Watcher:
        @hookimpl
        def notifyhub_reply_received(self, reply: Any) -> None:
            heard.append(reply.text)

    hub.plugins.register(Watcher())
    assert sent.status == "accepted"
    receipt = {"mobilephone": NUMBER, "smsid": sent.provider_message_id, "report_time": "2026-11-22 14:31:51"}
    for fields in (
        {**receipt, "code": "2", "msg": "发送成功", "mobilephone": "13900139000"},
        {**receipt, "code": "0", "msg": "空号"},
        {**receipt, "code": "2", "msg": "发送成功"},
        {**receipt, "code": "2", "msg": "发送成功"},
        {"mobilephone": NUMBER, "content": "好的", "reply_time": "2026-11-22 14:32:05"},
        {"mobilephone": NUMBER, "content": "好的", "reply_time": "2026-11-22 14:32:05"},
        {"rubbish": "1"},
    ):
        assert await post(URL, urlencode(fields).encode()) == (200, "success")
    assert (await post(URL[:-1], b""))[0] == 404
    assert heard == ["好的"]


def settled(delivery: Delivery) -> tuple[str, int]:
    return delivery.status, len(delivery.receipts)


def test_fastapi(application: ModuleType) -> None:
    """FastAPI: an async hub, in the application's own event loop."""
    hub = application.hub
    # Not FastAPI's TestClient: it gives each application an event loop of its own, and warns of httpx.
    transport = httpx.ASGITransport(application.app)

    async def story() -> None:
        async with hub, httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:

            async def post(url: str, body: bytes) -> tuple[int, str]:
                answer = await client.post(url, content=body, headers={"content-type": FORM})
                return answer.status_code, answer.text

            sent = await hub.send("login/code", to=NUMBER, data={"code": "482913"})
            await take_pushes(hub, sent, post)
            assert settled(await hub.delivery(sent.id)) == ("delivered", 2)

    asyncio.run(story())


def test_flask(application: ModuleType) -> None:
    """Flask: a SyncHub, from whichever thread serves the request."""
    import flask

    client = application.app.test_client()
    with application.hub as hub:

        async def post(url: str, body: bytes) -> tuple[int, str]:
            answer = client.post(url, data=body, content_type=FORM)
            return answer.status_code, answer.text

        sent = hub.send("login/code", to=NUMBER, data={"code": "482913"})
        asyncio.run(take_pushes(hub.hub, sent, post))
        assert settled(hub.delivery(sent.id)) == ("delivered", 2)
        with application.app.test_request_context(
            method="POST", data={"mobilephone": NUMBER, "content": "再来"}
        ):
            assert hub.receive_push("sms", {"form": flask.request.form.to_dict()}) == (200, "success")


def test_django(application: ModuleType) -> None:
    """Django: a SyncHub in a plain view; under ASGI as well, where Django runs the view in a thread."""
    import django
    from django.conf import settings
    from django.test import AsyncClient, Client, override_settings

    if not settings.configured:
        settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, USE_TZ=True)
        django.setup()
    with override_settings(ROOT_URLCONF=application.__name__), application.hub as hub:
        client = Client(enforce_csrf_checks=True)

        async def post(url: str, body: bytes) -> tuple[int, str]:
            answer = client.post(url, data=body, content_type=FORM)
            return answer.status_code, answer.content.decode()

        sent = hub.send("login/code", to=NUMBER, data={"code": "482913"})
        asyncio.run(take_pushes(hub.hub, sent, post))
        assert settled(hub.delivery(sent.id)) == ("delivered", 2)
        answer = asyncio.run(AsyncClient().post(URL, data=b"code=2", content_type=FORM))
        assert (answer.status_code, answer.content) == (200, b"success")
