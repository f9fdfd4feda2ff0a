"""Sealing: addresses and words as they are written into a database that others may read.

A value is sealed by AES-256-GCM under the first key of a ring and opened by whichever key sealed it,
so that a key is replaced by putting a new one before it. What it belongs to (delivery and column) is
authenticated along: a sealed value moved to another row does not open. Nonces are random, which AES-GCM
allows for 2**32 values a key: some thousand million deliveries, then begin a new one.

Sealed text is `~1.<key name>.<base64 of nonce and ciphertext>`. Other text is clear, except that clear
text which itself begins with `~` is written after `~0.`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from notifyhub.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Sealer", "new_key"]

_FIELD = "ledger.keys"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_BLOCK_BYTES = 64
"""Of SHA-256."""
_DIGITS = 32
"""Hex digits of a digest: 128 bits, which no two addresses will ever share by chance."""
_REMEMBERED = 1024
"""Digests of the newest texts: one address is asked for several times for each message."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Sealer:
    """A ring of keys. Without any, values are kept in clear and digests are plain hashes.

    Its repr shows the names of the keys, never a key.
    """

    def __init__(self) -> None:
        self._ring: dict[str, _Key] = {}
        self._first: _Key | None = None
        self.digest = lru_cache(_REMEMBERED)(self._digest)
        """What text is searched by: a keyed hash under the first key, or a plain one without keys."""

    @classmethod
    def from_keys(cls, keys: Sequence[str]) -> Sealer:
        """A ring from strings `name:<base64 of 32 bytes>`, or only the base64; the first seals, all open.

        A name has letters, digits, `_` and `-`, 32 at most; where it is left out it is made from a hash
        of the key. Raises SettingsError for a key that is none, for a name used twice, and where the
        package that seals is not installed.
        """
        sealer = cls()
        for number, written in enumerate(keys, 1):
            key = _read(written, number)
            if key.name in sealer._ring:
                raise SettingsError(
                    f"two keys are named `{key.name}`", field=_FIELD, remedy="give each key a name of its own"
                )
            sealer._ring[key.name] = key
            sealer._first = sealer._first or key
        return sealer

    @property
    def seals(self) -> bool:
        """Whether what is written is sealed; False where it is kept in clear."""
        return self._first is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys; the first one seals."""
        return tuple(self._ring)

    def seal(self, text: str, context: str) -> str:
        """The text as it is to be stored. context: what it belongs to, delivery id and column."""
        if self._first is None:
            return f"~0.{text}" if text.startswith("~") else text
        return self._first.seal(text, context)

    def open(self, stored: str, context: str) -> str:
        """The text that was stored under this context.

        Raises SettingsError where the key that sealed it is not in the ring, or does not open it.
        """
        if not stored.startswith("~"):
            return stored
        kind, _, rest = stored.partition(".")
        if kind == "~0":
            return rest
        name, dot, sealed = rest.partition(".")
        if kind != "~1" or not dot:
            raise SettingsError(
                f"what is kept as {context} is sealed in a way this version does not know",
                field=_FIELD,
                remedy="upgrade notifyhub to the version that wrote it",
            )
        key = self._ring.get(name)
        if key is None:
            raise SettingsError(
                f"the key `{name}` that sealed {context} is not among the keys",
                field=_FIELD,
                remedy=f"add `{name}` after the first key again, until nothing sealed by it is kept any more",
            )
        return key.open(sealed, context)

    def digests(self, text: str) -> tuple[str, ...]:
        """Every digest the text may have been kept under: by each key, and from before there was one."""
        if self._first is None:
            return (self.digest(text),)
        _, *others = self._ring.values()
        plain = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        return (self.digest(text), *[key.digest(text) for key in others], plain)

    def __repr__(self) -> str:
        return f"<Sealer {', '.join(self._ring) or 'in clear'}>"

    def _digest(self, text: str) -> str:
        if self._first is None:
            return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        return self._first.digest(text)


class _Key:
    """One key. What seals and what searches are derived from it apart, so that neither tells of the other."""

    def __init__(self, name: str, secret: bytes) -> None:
        self.name = name
        aes, self._wrong = _aes_gcm()
        self._aes = aes(_derived(secret, b"notifyhub seal v1"))
        search = _derived(secret, b"notifyhub search v1").ljust(_BLOCK_BYTES, b"\0")
        # HMAC, its two hashes begun once: `hmac.digest` looks the algorithm up each time, which takes longer
        # than the rest.
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in search))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in search))
        self._head = f"~1.{name}."

    def seal(self, text: str, context: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._aes.encrypt(nonce, text.encode(), context.encode())
        return self._head + b64encode(nonce + ciphertext).decode("ascii")

    def open(self, sealed: str, context: str) -> str:
        try:
            raw = b64decode(sealed, validate=True)
            return self._aes.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (self._wrong, ValueError):
            raise SettingsError(
                f"the key `{self.name}` does not open {context}: it is another key of that name, or what "
                "is kept was altered",
                field=_FIELD,
                remedy=f"put the key back that was `{self.name}` when this was written",
            ) from None

    def digest(self, text: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:_DIGITS]

    def __repr__(self) -> str:
        return f"<key {self.name}>"


def new_key(name: str | None = None) -> str:
    """A fresh key as the settings take it. Without a name it will be named after a hash of itself."""
    secret = b64encode(os.urandom(_KEY_BYTES)).decode("ascii")
    return secret if name is None else f"{name}:{secret}"


def _read(written: str, number: int) -> _Key:
    """The key a string stands for; errors count keys and never quote one."""
    name, colon, text = written.strip().rpartition(":")
    try:
        secret = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise SettingsError(
            f"key {number} is not the base64 of {_KEY_BYTES} bytes",
            field=_FIELD,
            remedy="make one with `notifyhub ledger key`",
        )
    if colon and not _NAME.fullmatch(name):
        raise SettingsError(
            f"key {number} has a name that is none",
            field=_FIELD,
            remedy="write `name:key`, the name of at most 32 letters, digits, _ and -",
        )
    return _Key(name or hashlib.sha256(b"notifyhub key name v1" + secret).hexdigest()[:8], secret)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, "sha256")


def _aes_gcm() -> tuple[type[AESGCM], type[Exception]]:
    """What seals, and what it raises where a key does not open something."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise SettingsError(
            "keys are given, but the package `cryptography` is not installed",
            field=_FIELD,
            remedy="pip install 'notifyhub-core[seal]'",
        ) from None
    return AESGCM, InvalidTag
