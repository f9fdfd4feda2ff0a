"""The console provider, on every kind of stream."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from notifyhub.category import Category
from notifyhub.message import Message
from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.reason import Reason
from notifyhub_console import notifyhub_provider_types
from notifyhub_console.provider import ConsoleProvider
from notifyhub_console.settings import ConsoleSettings

CODE = Message(
    channel="sms",
    to="+8613800138000",
    text="您的验证码是：482913。请不要把验证码泄露给其他人。",
    category=Category.OTP,
    notice="login/code",
    variables={"code": "482913"},
)
MAIL = Message(
    channel="email",
    to="alice@example.com",
    subject="Order 20261122001",
    text="Hello,\n\nit is on its way.",
    html="<p>Hello</p>",
    notice="order/shipped",
    locale="en",
)


def _send(message: Message, **settings: object) -> Outcome:
    return asyncio.run(ConsoleProvider("console", ConsoleSettings.model_validate(settings)).send(message))


def test_plain_lines_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal: one line of facts, the words indented, and standard output untouched."""
    outcome = _send(CODE)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "[console: sms to 138****8000 · login/code · otp · zh]\n"
        "  您的验证码是：******。请不要把验证码泄露给其他人。\n"
    )
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.provider_message_id == f"console-{CODE.id}"


def test_reveal_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """With `reveal = true` the code and the number stand whole."""
    _send(CODE, reveal=True, stream="stdout")
    out, err = capsys.readouterr()
    assert "482913" in out
    assert "+8613800138000" in out
    assert err == ""


def test_a_mail_shows_its_subject_and_that_it_has_html(capsys: pytest.CaptureFixture[str]) -> None:
    """A mail is its subject, its text, and the size of its html."""
    _send(MAIL)
    assert capsys.readouterr().err == (
        "[console: email to a***@e***.com · order/shipped · order · en · html of 12 characters]\n"
        "  Order 20261122001\n  Hello,\n\n  it is on its way.\n"
    )


@pytest.mark.parametrize("channel", ["sms", "voice", "email", "chat", "webhook", "pigeon"])
def test_every_channel_is_taken(channel: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The fallback of any route takes whatever comes."""
    assert _send(Message(channel=channel, to="somebody@x", text="hi")).kind is OutcomeKind.ACCEPTED
    assert channel in capsys.readouterr().err


def test_words_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, carriage returns and direction marks in a message are shown as `�`."""
    _send(Message(channel="chat", to="room", text="a\x1b[2Jb\rc\u202ed"))
    assert capsys.readouterr().err.endswith("  a�[2Jb�c�d\n")


def test_a_narrow_encoding_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a C locale what cannot be written becomes `?`, and the message is accepted."""
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stderr", narrow)
    assert _send(CODE).kind is OutcomeKind.ACCEPTED
    narrow.seek(0)
    assert "******" in narrow.read()


def test_no_stream_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nowhere to print to, nothing was sent, and the outcome says so."""
    for stream in (None, io.StringIO()):
        if stream is not None:
            stream.close()
        monkeypatch.setattr(sys, "stderr", stream)
        outcome = _send(CODE)
        assert (outcome.kind, outcome.reason) == (OutcomeKind.NOT_SENT, Reason.UNREACHABLE)


def test_a_broken_pipe_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that goes away in between may have read the message: unknown, never an exception."""

    class Broken(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    outcome = _send(CODE)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.INTERRUPTED)


def test_a_panel_on_a_terminal() -> None:
    """On a terminal it is a panel, and what is in it is as masked as ever."""
    shown = _on_a_terminal("xterm-256color")
    assert "╭" in shown
    assert "sms to 138****8000" in shown
    assert "******" in shown
    assert "482913" not in shown


def test_plain_lines_on_a_dumb_terminal() -> None:
    """A terminal that can do nothing gets the plain lines."""
    shown = _on_a_terminal("dumb")
    assert "╭" not in shown
    assert "\x1b" not in shown
    assert "[console: sms to 138****8000" in shown


def _on_a_terminal(term: str) -> str:
    here = Path(__file__).parent
    script = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_console import CODE, _send; _send(CODE, stream='stdout')\n"
    )
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": term, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", script, here], stdout=other, env=environment, check=True)
    os.close(other)
    with os.fdopen(main, "rb") as terminal:
        return terminal.read1(65536).decode()


def test_listing_the_type_loads_no_rich() -> None:
    """Importing rich waits: it is loaded when a terminal is written to, not before."""
    script = (
        "import sys, asyncio; import notifyhub_console as c\n"
        "c.notifyhub_provider_types(); from notifyhub.hub import Hub; hub = Hub()\n"
        "asyncio.run(hub.send(to='+8613800138000', text='hi')); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_is_an_ordinary_type() -> None:
    """One type, any channel, settings that all have a default."""
    (kind,) = notifyhub_provider_types()
    assert (kind.name, kind.channels) == ("console", frozenset({"*"}))
    assert kind.settings() == ConsoleSettings(reveal=False, stream="stderr")
    assert repr(kind.build("mine", kind.settings())) == "<ConsoleProvider mine>"
