"""Sealing: what is stored tells nothing without the key, opens where it was written, and is found again."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.errors import SettingsError
from notifyhub.ledger.sealing import Sealer, new_key

NUMBER = "+8613800138000"
OLD, NEW = new_key("old"), new_key("new")
RINGS = {"clear": Sealer(), "one key": Sealer.from_keys([NEW]), "two keys": Sealer.from_keys([NEW, OLD])}


@pytest.mark.parametrize("sealer", RINGS.values(), ids=RINGS)
@given(text=st.text())
def test_round_trip(sealer: Sealer, text: str) -> None:
    """Whatever is stored comes back, with keys and without, also what begins like a sealed value."""
    for written in (text, f"~{text}", f"~0.{text}", f"~1.new.{text}"):
        assert sealer.open(sealer.seal(written, "d.body"), "d.body") == written


@given(st.text(min_size=4))
def test_sealed(text: str) -> None:
    """A sealed value does not contain the text, and the same text is never sealed the same way twice."""
    sealer = RINGS["one key"]
    first, second = sealer.seal(text, "d.body"), sealer.seal(text, "d.body")
    assert first.startswith("~1.new.")
    assert text.encode() not in b64decode(first.removeprefix("~1.new."), validate=True)
    assert first != second


def test_clear() -> None:
    """Without keys a value is stored as it stands."""
    assert Sealer().seal(NUMBER, "d.address") == NUMBER
    assert not Sealer().seals
    assert RINGS["one key"].seals


def test_what_was_written_before_there_was_a_key() -> None:
    """With keys, what was stored in clear still opens and is still found."""
    assert RINGS["one key"].open(Sealer().seal("~tilde", "d.body"), "d.body") == "~tilde"
    assert Sealer().digest(NUMBER) in RINGS["one key"].digests(NUMBER)


def test_rotation() -> None:
    """A new first key seals from then on; what the old one sealed still opens and is still found."""
    before, after = Sealer.from_keys([OLD]), Sealer.from_keys([NEW, OLD])
    assert after.open(before.seal("words", "d.body"), "d.body") == "words"
    assert after.seal("words", "d.body").startswith("~1.new.")
    assert before.digest(NUMBER) in after.digests(NUMBER)
    assert after.digest(NUMBER) == after.digests(NUMBER)[0] != before.digest(NUMBER)


def test_moved() -> None:
    """A sealed value put into another row or column does not open."""
    sealed = RINGS["one key"].seal("words", "d1.body")
    for elsewhere in ("d2.body", "d1.address"):
        with pytest.raises(SettingsError, match="does not open"):
            RINGS["one key"].open(sealed, elsewhere)


@given(st.data())
def test_altered(data: st.DataObject) -> None:
    """A sealed value in which anything was changed does not open, and the error tells nothing of it."""
    sealed = RINGS["one key"].seal("words", "d.body")
    place = data.draw(st.integers(len("~1.new."), len(sealed) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != sealed[place]))
    altered = sealed[:place] + other + sealed[place + 1 :]
    try:
        opened = RINGS["one key"].open(altered, "d.body")
    except SettingsError as error:
        assert error.field == "ledger.keys"
        assert "words" not in str(error)
    else:
        # Unused bits of base64's last character: the same bytes in another writing.
        assert opened == "words"
        assert b64decode(altered.removeprefix("~1.new.")) == b64decode(sealed.removeprefix("~1.new."))


@pytest.mark.parametrize("stored", ["~1.new.", "~1.new.AAAA", "~1.new.!!!"])
def test_cut_short(stored: str) -> None:
    """What is left of a sealed value is refused like one that was altered."""
    with pytest.raises(SettingsError, match="does not open"):
        RINGS["one key"].open(stored, "d.body")


@pytest.mark.parametrize("stored", ["~2.new.AAAA", "~1", "~", "~1.new"])
def test_unknown_writing(stored: str) -> None:
    """A later version's way of sealing is refused with the remedy."""
    with pytest.raises(SettingsError, match="upgrade notifyhub"):
        RINGS["one key"].open(stored, "d.body")


def test_missing_key() -> None:
    """Without the key that sealed a value, the error names that key and what to do."""
    sealed = Sealer.from_keys([OLD]).seal("words", "d.body")
    for sealer in (Sealer(), RINGS["one key"]):
        with pytest.raises(SettingsError, match="`old`") as raised:
            sealer.open(sealed, "d.body")
        assert raised.value.field == "ledger.keys"
        assert raised.value.remedy is not None


def test_another_key_of_that_name() -> None:
    """Two keys of one name are told apart: the wrong one does not open."""
    sealed = Sealer.from_keys([new_key("new")]).seal("words", "d.body")
    with pytest.raises(SettingsError, match="another key of that name"):
        RINGS["one key"].open(sealed, "d.body")


def test_digests_need_the_key() -> None:
    """Digests of one text differ from key to key and from the plain hash, and from text to text."""
    digests = {sealer.digest(NUMBER) for sealer in (Sealer(), RINGS["one key"], Sealer.from_keys([OLD]))}
    assert len(digests) == 3
    assert {len(digest) for digest in digests} == {32}
    assert RINGS["one key"].digest(NUMBER) != RINGS["one key"].digest(f"{NUMBER} ")


def test_key_without_a_name() -> None:
    """A bare key is named after a hash of itself: always the same, and not its beginning."""
    key = new_key()
    (name,) = Sealer.from_keys([key]).names
    assert Sealer.from_keys([key]).names == (name,)
    assert Sealer.from_keys([f"{name}:{key}"]).seal("x", "c").startswith(f"~1.{name}.")
    assert name not in key
    assert new_key() != new_key()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "key 2 is not the base64 of 32 bytes"),
        ("hunter2-hunter2", "key 2 is not the base64 of 32 bytes"),
        (f"new:{b64encode(b'x' * 31).decode()}", "key 2 is not the base64 of 32 bytes"),
        (f"a.b:{b64encode(b'x' * 32).decode()}", "key 2 has a name that is none"),
        (f":{b64encode(b'x' * 32).decode()}", "key 2 has a name that is none"),
        (new_key("old"), "two keys are named `old`"),
    ],
    ids=["empty", "a password", "31 bytes", "a dot in the name", "an empty name", "a name twice"],
)
def test_wrong_keys(written: str, problem: str) -> None:
    """A key that is none is refused by its place in the list, never quoted."""
    with pytest.raises(SettingsError) as raised:
        Sealer.from_keys([OLD, written])
    assert raised.value.problem == problem
    assert raised.value.field == "ledger.keys"
    assert len(written) < 8 or written not in str(raised.value)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys without the package that seals are refused, and the error names the extra; no keys need none."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(SettingsError, match=r"notifyhub-core\[seal\]"):
        Sealer.from_keys([NEW])
    assert Sealer.from_keys([]).seal("words", "d.body") == "words"


def test_repr() -> None:
    """Neither the ring nor its parts show a key."""
    sealer = RINGS["two keys"]
    assert repr(sealer) == "<Sealer new, old>"
    assert repr(Sealer()) == "<Sealer in clear>"
    shown = f"{sealer!r} {vars(sealer)!r}"
    assert not any(key.partition(":")[2] in shown for key in (OLD, NEW))
