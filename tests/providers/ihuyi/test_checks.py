"""What is refused before the network, and what is submitted otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from notifyhub.category import Category
from notifyhub.message import Binding, Message
from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.providers import Capabilities
from notifyhub.reason import Reason
from notifyhub_ihuyi.checks import Submission, has_emoji, prepare
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings

Make = Callable[..., Any]
CODE = Binding(provider="ihuyi", template_id="9", slots=("code",), send_as="template")


class NoNetwork(httpx.AsyncBaseTransport):
    """A transport that must not be used."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Fail the test."""
        pytest.fail("a request was made")


def submission(message: Message, settings: IhuyiSettings) -> Submission | Outcome:
    """What the checks make of a message."""
    capabilities = Capabilities(
        channels=frozenset({"sms"}), countries=frozenset({"CN"}), max_length=settings.max_length
    )
    return prepare(message, settings, capabilities)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channel": "email", "to": "a@example.com"}, Reason.UNSUPPORTED),
        ({"channel": "voice"}, Reason.UNSUPPORTED),
        ({"to": "+14155552671"}, Reason.UNSUPPORTED),
        ({"to": "+85251234567"}, Reason.UNSUPPORTED),
        ({"to": "+886912345678"}, Reason.UNSUPPORTED),
        ({"to": "+8619212345678"}, Reason.UNSUPPORTED),  # 中国广电: the vendor reaches the other three
        ({"to": "+861064801234"}, Reason.INVALID_RECIPIENT),
        ({"to": "+86138001380"}, Reason.INVALID_RECIPIENT),
        ({"to": "nonsense"}, Reason.INVALID_RECIPIENT),
        ({"category": Category.MARKETING}, Reason.UNSUPPORTED),
        ({"text": "字" * 501}, Reason.CONTENT_UNSUPPORTED),
        ({"text": "您好😀"}, Reason.CONTENT_UNSUPPORTED),
        ({"text": "【店铺】您的验证码是：1234。"}, Reason.CONTENT_UNSUPPORTED),
        ({"text": "您的验证码是：1234。】"}, Reason.CONTENT_UNSUPPORTED),
        ({"text": "half \ud83d"}, Reason.CONTENT_UNSUPPORTED),
        ({"text": ""}, Reason.CONTENT_REFUSED),
        ({"text": " \n\u3000"}, Reason.CONTENT_REFUSED),
        ({"bindings": {"ihuyi": CODE}}, Reason.TEMPLATE_UNMATCHED),
        ({"bindings": {"ihuyi": CODE}, "variables": {"code": "1|2"}}, Reason.CONTENT_UNSUPPORTED),
        ({"bindings": {"ihuyi": CODE}, "variables": {"code": "🎉"}}, Reason.CONTENT_UNSUPPORTED),
        ({"bindings": {"ihuyi": CODE}, "variables": {"code": "【x】"}}, Reason.CONTENT_UNSUPPORTED),
        ({"bindings": {"ihuyi": CODE}, "variables": {"code": ""}}, Reason.CONTENT_REFUSED),
        ({"notice": "bare"}, Reason.TEMPLATE_UNMATCHED),
    ],
)
def test_refused_without_a_connection(
    changes: dict[str, Any], reason: Reason, ihuyi_message: Make, ihuyi_settings: Make
) -> None:
    """What the vendor would refuse, or cannot do, is refused here; no request is made and nothing quoted."""

    async def send() -> Outcome:
        settings = ihuyi_settings(bindings={"bare": "1"})
        provider = IhuyiProvider("sms", settings, transport=NoNetwork())
        try:
            return await provider.send(ihuyi_message(**changes))
        finally:
            await provider.aclose()

    outcome = asyncio.run(send())
    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.reason is reason
    assert outcome.code is None
    assert outcome.detail
    assert "1234" not in outcome.detail


def test_the_text_goes_as_it_is(ihuyi_message: Make, ihuyi_settings: Make) -> None:
    """In text mode the words go unchanged to eleven digits without +86."""
    found = submission(ihuyi_message(), ihuyi_settings())
    assert isinstance(found, Submission)
    assert (found.mobile, found.template_id) == ("13800138000", None)
    assert found.content == ihuyi_message().text
    assert "1234" not in repr(found)
    assert "138" not in repr(found)


def test_a_text_of_exactly_the_limit_passes(ihuyi_message: Make, ihuyi_settings: Make) -> None:
    """The limit itself is allowed, and is a setting."""
    assert isinstance(submission(ihuyi_message(text="字" * 500), ihuyi_settings()), Submission)
    assert isinstance(submission(ihuyi_message(text="字" * 301), ihuyi_settings(max_length=300)), Outcome)


@pytest.mark.parametrize("text", ["★☎©™→№①℃《》〖〗[]", "龘𠮷", "a\u0301", "1#*"])
def test_plain_symbols_are_no_emoji(text: str) -> None:
    """Symbols and rare characters that phones draw as text are not taken for emoji."""
    assert not has_emoji(text)


@pytest.mark.parametrize("text", ["😀", "❤️", "⭐", "1️⃣", "🇨🇳", "👩‍🔬", "✅", "🀄", "🫠", "🥹"])
def test_emoji_are_found(text: str) -> None:
    """Emoji of every kind are found: pictures, sequences, flags, keycaps."""
    assert has_emoji(f"您好{text}。")


VARIABLES = {"code": "1234", "minutes": "5", "name": "张三"}


@pytest.mark.parametrize(
    ("configured", "own", "expected"),
    [
        # settings' id and slots win over everything
        (
            {"template_id": "7", "slots": ["minutes", "code"]},
            Binding(provider="ihuyi", template_id="9", slots=("code",), send_as="template"),
            ("5|1234", "7"),
        ),
        # settings' id, the notice's slots, though the notice says text
        ("7", Binding(provider="ihuyi", template_id="9", slots=("code", "name")), ("1234|张三", "7")),
        # the notice's own, as a template
        (
            None,
            Binding(provider="ihuyi", template_id="9", slots=("code",), send_as="template"),
            ("1234", "9"),
        ),
        # the notice's own, as text
        (None, Binding(provider="ihuyi", template_id="9", slots=("code",)), ("words", None)),
        (None, None, ("words", None)),
    ],
)
def test_which_mode(
    configured: Any,
    own: Binding | None,
    expected: tuple[str, str | None],
    ihuyi_message: Make,
    ihuyi_settings: Make,
) -> None:
    """The operator's binding wins, then the notice's own where it says template, else the words go."""
    settings = ihuyi_settings(bindings={"login/code": configured} if configured else {})
    message = ihuyi_message(
        text="words",
        notice="login/code",
        variables=VARIABLES,
        bindings={"ihuyi": own} if own else {},
    )
    found = submission(message, settings)
    assert isinstance(found, Submission)
    assert (found.content, found.template_id) == expected


def test_a_binding_of_another_notice_does_not_apply(ihuyi_message: Make, ihuyi_settings: Make) -> None:
    """Settings' bindings go by the notice's name; a message of mere words has none."""
    settings = ihuyi_settings(bindings={"login/code": {"template_id": "7", "slots": ["code"]}})
    for notice in (None, "order/shipped"):
        found = submission(ihuyi_message(notice=notice, variables=VARIABLES), settings)
        assert isinstance(found, Submission)
        assert found.template_id is None
