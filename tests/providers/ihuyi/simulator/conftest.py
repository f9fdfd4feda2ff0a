"""What the tests of the simulator share: a plain client, and a runner for one open simulator."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree as ET

import httpx
import pytest

from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Simulator

TEXT = "您的验证码是：1234。请不要把验证码泄露给其他人。"


class Client:
    """A customer's client that knows the protocol and forgives nothing."""

    def __init__(self, gateway: Simulator, timeout: float = 5.0) -> None:
        # An empty TLS context: loading the world's certificates takes longer than most of these tests.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.http = httpx.AsyncClient(base_url=gateway.base_url, timeout=timeout, verify=tls, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def call(self, method: str, **fields: str) -> httpx.Response:
        """POST a form to one method; account, password and format have defaults."""
        form = {"account": DEMO_ACCOUNT, "password": DEMO_API_KEY, "format": "json"} | fields
        return await self.http.post(f"/webservice/sms.php?method={method}", data=form)

    async def submit(self, **fields: str) -> httpx.Response:
        """Submit a message with the static key, unless the fields say otherwise."""
        return await self.call("Submit", **({"mobile": "13800138000", "content": TEXT} | fields))

    async def code(self, **fields: str) -> int:
        """Submit, and return the code of the JSON answer."""
        answer = json.loads((await self.submit(**fields)).content)
        assert type(answer["code"]) is int
        assert (answer["smsid"] == "0") == (answer["code"] != 2)
        return int(answer["code"])


def md5(text: str) -> str:
    """Hex MD5, worked out here and not by the simulator."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def xml_members(body: bytes) -> tuple[str, dict[str, str]]:
    """The root's local name and its children by local name."""
    root = ET.fromstring(body)  # noqa: S314 - the document comes from the simulator beside us
    members = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    return root.tag.rpartition("}")[2], members


async def wait_until(condition: Callable[[], bool]) -> None:
    """Come back when the condition holds; TimeoutError after 3 seconds."""
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110 - what is waited for happens behind a socket
            await asyncio.sleep(0.01)


Check = Callable[[Simulator, Client], Awaitable[None]]
Talk = Callable[..., None]


@pytest.fixture
def talk() -> Talk:
    """Run an async check against an open simulator; keywords are the simulator's options."""

    def run(check: Check, *, timeout: float = 5.0, **options: Any) -> None:
        async def body() -> None:
            async with Simulator(**options) as gateway, Client(gateway, timeout) as client:
                await check(gateway, client)

        asyncio.run(body())

    return run


@pytest.fixture
def client_of() -> type[Client]:
    """The client's class, for tests that open more than one."""
    return Client


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait until a condition holds."""
    return wait_until


@pytest.fixture
def md5_of() -> Callable[[str], str]:
    """Hex MD5 by other code than the simulator's."""
    return md5


@pytest.fixture
def members_of() -> Callable[[bytes], tuple[str, dict[str, str]]]:
    """Root and children of an XML answer."""
    return xml_members
