"""ihuyi keeps every promise of a provider, in each way it can sign, ask and submit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from notifyhub import Message
from notifyhub.http import pooled_transport
from notifyhub.testing import Answer, Gateway, ProviderContract, Request, Stage
from notifyhub_ihuyi import notifyhub_provider_types
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings

_KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


class TestJson(ProviderContract):
    """Signed with the time, replies asked for as JSON: the default."""

    provider_type = notifyhub_provider_types()[0]

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {
            "account": "C12345678",
            "api_key": _KEY,
            "base_url": gateway.url,
            "timeout": self.timeout,
        }

    def accepting(self, message_id: str) -> Answer:
        return Answer.json({"code": 2, "msg": "提交成功", "smsid": message_id})

    def refusing(self, words: str) -> Answer:
        return Answer.json({"code": 4085, "msg": words, "smsid": "0"})


class TestXml(TestJson):
    """Replies asked for as XML."""

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {**super().settings(gateway), "format": "xml"}

    def accepting(self, message_id: str) -> Answer:
        return self._xml(2, "提交成功", message_id)

    def refusing(self, words: str) -> Answer:
        return self._xml(4085, words, "0")

    @staticmethod
    def _xml(code: int, words: str, message_id: str) -> Answer:
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        body = (
            '<?xml version="1.0" encoding="utf-8"?>\r\n<SubmitResult xmlns="http://106.ihuyi.com/">\r\n'
            f"<code>{code}</code>\r\n<msg>{words}</msg>\r\n<smsid>{message_id}</smsid>\r\n</SubmitResult>"
        )
        return Answer(body.encode(), headers={"Content-Type": "text/xml; charset=utf-8"})


class TestStaticKey(TestJson):
    """Signed with the key itself."""

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {**super().settings(gateway), "signing": "static"}


class TestPooled(TestJson):
    """Over httpx's own transport, which is used where the extra `fast` is not installed."""

    def make(self, gateway: Gateway) -> IhuyiProvider:
        settings = IhuyiSettings.model_validate(self.settings(gateway))
        return IhuyiProvider("pooled", settings, transport=pooled_transport())


class TestTemplate(TestJson):
    """A registered template and its values instead of the words."""

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {
            **super().settings(gateway),
            "bindings": {"login/code": {"template_id": "1", "slots": ["code"]}},
        }

    def message(self, number: int = 0) -> Message:
        return replace(super().message(number), notice="login/code")


def test_the_template_is_what_was_submitted() -> None:
    """The template's class above is about template mode: the values go out, the words do not."""
    seen: list[Request] = []
    contract = TestTemplate()

    def answer(request: Request) -> Answer:
        seen.append(request)
        return contract.accepting("1")

    async def scene(stage: Stage) -> None:
        await stage.send()

    contract.play(scene, answer)
    assert [request.holds("templateid=1") for request in seen] == [True]


@pytest.mark.parametrize("contract", [TestJson, TestXml, TestStaticKey, TestPooled, TestTemplate])
def test_no_promise_is_an_expected_failure(contract: type[ProviderContract]) -> None:
    """No excuses are made for ihuyi."""
    assert not [name for name in dir(contract) if hasattr(getattr(contract, name), "restates")]
