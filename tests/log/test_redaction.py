"""Redaction: what never appears in a log, and what has to survive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from structlog import DropEvent

from notifyhub.log import dropped_events, protect, redact, redact_text
from notifyhub.log.patterns import BLOT, MAX_SECRETS

PHONE = "13800138000"
KEY = "0123456789abcdef0123456789abcdef"


def redacted(**facts):
    """The event as the processor leaves it."""
    return redact(None, "info", {"event": "e", **facts})


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (PHONE, "138****8000"),
        (f"to {PHONE}, please", "to 138****8000, please"),
        (f"mobile{PHONE}x", "mobile138****8000x"),
        (f"code{PHONE}", "code138****8000"),
        (f"+86{PHONE}", "138****8000"),
        (f"86{PHONE}", "138****8000"),
        (f"0086{PHONE}", "138****8000"),
        (f"+86 {PHONE}", "138****8000"),
        ("138 0013 8000", "138****8000"),
        ("138-0013-8000", "138****8000"),
        ("+86 138-0013-8000", "138****8000"),
        (f"%2B86{PHONE}", "%2B138****8000"),
        (f"%20{PHONE}", "%20138****8000"),
        ("１３８００１３８０００", "１３８****８０００"),
        ("+14155552671", "+1******2671"),
        ("+1 (415) 555-2671", "+1******2671"),
        ("+442071838750 called", "+4*******8750 called"),
        (f"{PHONE},13900139000", "138****8000,139****9000"),
        ("alice@example.com", "a***@e***.com"),
        ("<alice.b+tag@mail.example.co.uk>", "<a***@m***.uk>"),
        ("李雷@例子.example", "李***@例***.example"),
    ],
)
def test_numbers_and_addresses_are_masked(text, clean):
    """A phone number or a mail address in a text is masked in every usual writing."""
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"delivery {KEY} accepted",
        "1380013800013800138000",
        "14787738600000000012",
        "smsid 20261105100000138001",
        "2026-11-05T10:00:00+08:00",
        "Thu, 05 Nov 2026 10:00:00 +0800",
        "1762336800",
        "1762336800123",
        "1762336800.123456",
        "1762336800123456789",
        "order 2026110513800138000",
        "order 202611051380013800099 shipped",
        "a3c13800-1380-4013-8000-13800138000a",
        "13800138000abcdef",
        "127.0.0.1:8080",
        "attempt 3 of 5 took 12.5 ms",
        "code 4051",
        "你好，世界",
        "",
    ],
)
def test_ids_times_and_order_numbers_survive(text):
    """What merely contains eleven digits is left alone."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "PASSWORD: hunter2",
        '{"password": "hunter2"}',
        "{'api_key': 'hunter2'}",
        "account=a&password=hunter2&format=xml",
        "https://h/sms?password=hunter2",
        "https://h/sms?anything=hunter2#f",
        "POST /sms?x=1&y=hunter2 HTTP/1.1",
        "https://user:hunter2@h/",
        "Authorization: Bearer hunter2",
        "authorization=Basic hunter2",
        "Cookie: a=b; session=hunter2",
        "{'set-cookie': 'a=hunter2; path=/'}",
        "access-token = hunter2",
        "client_secret='hunter2'",
        "x_verification_code=hunter2",
        "content=hunter2&mobile=1",
        '{"content": "say hunter2 \\"twice\\" hunter2"}',
        "Message(text='your code is hunter2', to=1)",
        'text="unfinished hunter2',
    ],
)
def test_values_beside_the_name_of_a_secret_are_blotted(text):
    """In a text too, what stands beside password, token and their like is not shown."""
    clean = redact_text(text)
    assert "hunter2" not in clean
    assert BLOT in clean
    assert redact_text(clean) == clean


@pytest.mark.parametrize("text", [f"APIKEY {KEY}", f"key: {KEY}", f"the secret '{KEY}'", f"token={KEY}"])
def test_32_hex_after_a_word_like_key_is_blotted(text):
    """A vendor's API key has the look of an id; the word before it tells them apart."""
    assert KEY not in redact_text(text)


@pytest.mark.parametrize(
    "name",
    [
        *("password", "api_key", "APIKEY", "api-key", "token", "access_token", "secret", "client_secret"),
        *("Authorization", "cookie", "set-cookie", "pepper", "otp", "login_code", "private_key", "sign"),
        *("content", "text", "body", "subject", "html", "variables", "data"),
    ],
)
@pytest.mark.parametrize("value", ["v", 123456, 1.5, b"v", ["v"], {"a": "v"}, object()])
def test_values_under_private_names_are_blotted(name, value):
    """Whatever the value's type, a private name hides it."""
    assert redacted(**{name: value})[name] == BLOT
    assert redacted(nested=[{name: value}])["nested"] == [{name: BLOT}]


@pytest.mark.parametrize(
    "name", ["to", "address", "mobile", "phone", "phone_number", "email", "To", "recipients"]
)
def test_values_under_the_names_of_addresses_are_masked(name):
    """An address is shown as people may see it, and masking twice changes nothing."""
    assert redacted(**{name: f"+86{PHONE}"})[name] == "138****8000"
    assert redacted(**{name: "138****8000"})[name] == "138****8000"
    assert redacted(**{name: [PHONE, "alice@example.com"]})[name] == ["138****8000", "a***@e***.com"]
    assert redacted(**{name: "openid-of-a-person"})[name] == "op***"
    assert redacted(**{name: int(PHONE)})[name] == "138****8000"


@pytest.mark.parametrize(
    "value", [None, True, False, 0, 4051, 12.5, "accepted", KEY, 1762336800, 1762336800123, "", UUID(KEY)]
)
@pytest.mark.parametrize("name", ["code", "delivery", "provider", "elapsed_ms", "monkey", "key"])
def test_plain_facts_stay_what_they_are(name, value):
    """Numbers, ids and words under ordinary names pass; a vendor's `code` is one of these."""
    expected = repr(value) if isinstance(value, UUID) else value
    assert redacted(**{name: value})[name] == expected


def test_values_are_looked_into():
    """Phones in containers, keys, numbers, exceptions and reprs are masked; bytes are never shown."""

    class Thing:
        def __repr__(self):
            return f"<Thing {PHONE} password='x y'>"

    deep = redacted(
        a=[
            {"b": (PHONE, {PHONE})},
            int(PHONE),
            float(PHONE),
            PHONE.encode(),
            bytearray(3),
            ValueError(PHONE),
        ],
        c={PHONE: 1, 7: PHONE},
        d=Thing(),
        e=datetime(2026, 11, 5, tzinfo=UTC),
    )
    assert PHONE not in repr(deep)
    assert "x y" not in repr(deep)
    assert deep["e"] == "2026-11-05T00:00:00+00:00"
    assert deep["a"][3] == "[11 bytes]"
    json.dumps(deep)


def test_exceptions_are_rendered_and_redacted():
    """The traceback is kept as text, without the secrets in its messages, causes and notes."""
    try:
        try:
            raise KeyError(f"call {PHONE}")
        except KeyError as error:
            error.add_note("password=hunter2")
            raise ValueError("mail alice@example.com") from error
    except ValueError as error:
        for exc_info in (True, error, (type(error), error, error.__traceback__)):
            event = redacted(exc_info=exc_info)
            assert "exc_info" not in event
            assert "ValueError: mail a***@e***.com" in event["exception"]
            assert "Traceback" in event["exception"]
            for private in (PHONE, "hunter2", "alice@"):
                assert f"{private}\n" not in event["exception"]
                assert f"Error: {private}" not in event["exception"]
    assert "exception" not in redacted(exc_info=None)
    assert "exception" not in redacted(exc_info=True)


def test_event_that_cannot_be_redacted_is_dropped_and_counted():
    """Where a value breaks the redaction, nothing of the event is logged."""

    class Broken:
        def __repr__(self):
            raise RuntimeError(PHONE)

    before = dropped_events()
    with pytest.raises(DropEvent) as raised:
        redacted(value=[Broken()])
    assert dropped_events() == before + 1
    assert PHONE not in str(raised.value)


def test_circular_and_huge_values_end():
    """A value that contains itself, or is enormous, is cut."""
    circle: list[object] = [PHONE]
    circle.append(circle)
    event = redacted(circle=circle, long=f"{PHONE} " * 100_000, wide=list(range(100_000)))
    assert PHONE not in repr(event)
    assert "too deep" in repr(event)
    assert len(event["long"]) < 70_000
    assert len(event["wide"]) == 1000


def test_protected_secret_is_blotted_in_every_writing():
    """A registered secret vanishes from texts, keys, URLs and JSON."""
    secret = 'p@ss/wörd "1'
    protect(secret)
    for text in (
        f"it is {secret}!",
        f"x{secret}x",
        json.dumps({"a": secret}),
        "p%40ss/w%C3%B6rd%20%221",
        "p%40ss%2Fw%C3%B6rd%20%221",
        "p%40ss%2Fw%C3%B6rd+%221",
    ):
        assert BLOT in redact_text(text), text
        assert "rd" not in redact_text(text).replace(BLOT, "")
    assert secret not in repr(redacted(**{secret: [{secret: secret}]}))


def test_short_protected_secret_is_blotted_as_a_word():
    """A short secret does not tear ordinary words apart, an empty one nothing."""
    protect("zq7")
    protect("")
    assert redact_text("zq7 xzq7x (zq7) zq7_a") == f"{BLOT} xzq7x ({BLOT}) {BLOT}_a"


def test_protected_secrets_are_bounded(monkeypatch):
    """The newest thousand are kept, so that no caller can make logging ever slower."""
    from notifyhub.log import patterns

    monkeypatch.setattr(patterns, "_secrets", {})
    monkeypatch.setattr(patterns, "_writings", ())
    monkeypatch.setattr(patterns, "MAX_SECRETS", 10)
    for n in range(15):
        protect(f"secret-number-{n:03}!")
    assert len(patterns._secrets) == 10
    assert redact_text("secret-number-014!") == BLOT
    assert MAX_SECRETS == 1000


def nested(leaf):
    """Any nesting of the leaf."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.text(max_size=6) | leaf.filter(lambda value: isinstance(value, str)), inner, max_size=3
            ),
            st.tuples(inner, st.integers()),
        ),
        max_leaves=6,
    )


AROUND = st.text(max_size=12)
SECRET = "s3cr3t-of-the-test"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_nesting_lets_a_secret_or_a_number_through(data):
    """Whatever the nesting and the text around, neither a registered secret nor a phone number comes out."""
    protect(SECRET)

    def spliced(parts):
        before, private, after = parts
        return f"{before}{private}{after}"

    def bounded(text):
        # Digits joined to a number make it another number, and a long run of hex digits is an id.
        return not any(
            character in "0123456789abcdefABCDEF%+" for character in (text or " ")[-1] + (text or " ")[0]
        )

    leaf = st.one_of(
        st.tuples(AROUND, st.just(SECRET), AROUND).map(spliced),
        st.tuples(AROUND.filter(bounded), st.just(PHONE), AROUND.filter(bounded)).map(spliced),
        st.just(int(PHONE)),
        st.just(PHONE.encode()),
        st.just(SECRET.encode()),
    )
    event = data.draw(st.dictionaries(st.text(max_size=8), nested(leaf), max_size=4))
    assume("exc_info" not in event)
    out = json.dumps(redact(None, "info", event), ensure_ascii=False, default=str)
    assert PHONE not in out
    assert SECRET not in out


@settings(deadline=None)
@given(st.text(max_size=200))
def test_redacting_a_text_twice_is_redacting_it_once(text):
    """What redaction leaves, it leaves alone."""
    once = redact_text(text)
    assert redact_text(once) == once


@pytest.mark.parametrize(
    "piece", ["a", "1", "a=", "?a", "@", "a@b.", "key ", "'", "password", "+1 ", "https://"]
)
def test_no_text_makes_redaction_slow(piece):
    """64 KiB of anything takes well under a second."""
    import time

    start = time.perf_counter()
    redact_text(piece * (65536 // len(piece)))
    assert time.perf_counter() - start < 1.5
