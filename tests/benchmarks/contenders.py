"""Those that are measured: the hub, what it is made of, and what people would use instead."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import apprise
import httpx
from httpx_aiohttp import AiohttpTransport
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifyhub import Category, Hub, Message, Notification, Outcome, provider
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings

NUMBER = "+8613800138000"
DATA = {"code": "482913"}
ACCEPTED = Outcome.accepted("1")
ACCOUNT, KEY = "C00000001", "k3yA0000000000000000000000000001"


@provider("nothing", channels={"sms"})
async def nothing(message: Message) -> Outcome:
    """Does nothing."""
    return ACCEPTED


class DoNothing(apprise.NotifyBase):  # type: ignore[misc]
    """Apprise's do-nothing plugin."""

    service_name = "nothing"
    secure_protocol = "nothing"
    templates = ("{schema}://",)

    def send(self, body: str, title: str = "", notify_type: Any = None, **_: Any) -> bool:
        """Does nothing."""
        return True

    def url(self, *_: Any, **__: Any) -> str:
        """Its address."""
        return "nothing://"


class Overhead:
    """hub.send, the floor below it (model + render + call), and Apprise, one message at a time."""

    MESSAGES = 500

    async def __aenter__(self) -> Self:
        self.hub = Hub(providers={"sms": nothing})
        source = self.hub.catalog.source("login/code/sms.zh.j2")
        self.template = ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(source)
        self.apprise = apprise.Apprise()
        self.apprise.add(DoNothing(schema="nothing"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hub.aclose()

    async def round(self) -> dict[str, float]:
        """Seconds per message of each."""
        return {
            "floor": await self._each(self._floor),
            "hub": await self._each(self._hub),
            "apprise": await self._each(self._apprise),
        }

    async def _each(self, send: Callable[[], Awaitable[object]]) -> float:
        started = time.perf_counter()
        for _ in range(self.MESSAGES):
            await send()
        return (time.perf_counter() - started) / self.MESSAGES

    async def _hub(self) -> None:
        await self.hub.send("login/code", to=NUMBER, data=DATA)

    async def _floor(self) -> None:
        asked = Notification.model_validate({"notice": "login/code", "to": NUMBER, "data": DATA})
        text = self.template.render(asked.data)
        await nothing.send(Message(channel="sms", to=NUMBER, text=text, category=Category.OTP))

    async def _apprise(self) -> None:
        self.apprise.notify(body="您的验证码是：482913。请不要把验证码泄露给其他人。", title="")


class Posting:
    """Through the hub and ihuyi, and bare httpx doing the same signed posts, over the same transport."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.messages = 300 if concurrency == 1 else 1500

    async def __aenter__(self) -> Self:
        server = Path(__file__).with_name("gateway.py")
        self.server = subprocess.Popen([sys.executable, str(server)], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
        assert self.server.stdout is not None
        self.base_url = f"http://127.0.0.1:{int(self.server.stdout.readline())}"
        self.url = f"{self.base_url}/webservice/sms.php?method=Submit"
        settings = IhuyiSettings.model_validate(
            {"account": ACCOUNT, "api_key": KEY, "base_url": self.base_url}
        )
        self.fast = IhuyiProvider("fast", settings)
        self.pooled = IhuyiProvider("pooled", settings, transport=_pooled())
        self.hubs = {"fast": Hub(providers={"sms": self.fast}), "pooled": Hub(providers={"sms": self.pooled})}
        self.clients = {
            "fast": httpx.AsyncClient(transport=AiohttpTransport()),
            "pooled": httpx.AsyncClient(transport=_pooled()),
            "default": httpx.AsyncClient(),
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        for hub in self.hubs.values():
            await hub.aclose()
        for client in self.clients.values():
            await client.aclose()
        self.server.terminate()
        self.server.wait()

    async def round(self) -> dict[str, float]:
        """Seconds per message of each."""
        took = {}
        for name, client in self.clients.items():
            took[f"httpx, {name} transport"] = await self._all(lambda client=client: self._post(client))
        for name, hub in self.hubs.items():
            took[f"ihuyi, {name} transport"] = await self._all(lambda hub=hub: self._send(hub))
        return took

    async def _all(self, send: Callable[[], Awaitable[None]]) -> float:
        left = iter(range(self.messages))

        async def work() -> None:
            for _ in left:
                await send()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(self.concurrency)))
        return (time.perf_counter() - started) / self.messages

    async def _send(self, hub: Hub) -> None:
        delivery = await hub.send("login/code", to=NUMBER, data=DATA)
        assert delivery.ok, delivery.explain()

    async def _post(self, client: httpx.AsyncClient) -> None:
        content, now = "您的验证码是：482913。请不要把验证码泄露给其他人。", str(int(time.time()))
        signed = hashlib.md5(
            f"{ACCOUNT}{KEY}13800138000{content}{now}".encode(), usedforsecurity=False
        ).hexdigest()
        form = {"account": ACCOUNT, "password": signed, "mobile": "13800138000", "content": content,
                "time": now, "format": "json"}  # fmt: skip
        answer = (await client.post(self.url, data=form)).json()
        assert answer["code"] == 2


def _pooled() -> Any:
    from notifyhub.http.transports import pooled_transport

    return pooled_transport()
