"""Nonsense: what gateways have answered instead of an answer, made of a vendor's good one."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from notifyhub.testing.answer import Answer

__all__ = ["Nonsense", "nonsense", "truncations"]

_HTML = b"<!DOCTYPE html><html><head><title>200 OK</title></head><body><h1>success</h1></body></html>"
_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>'
)
_CAP = 64 * 1024
_SERVER_FAULTS = (500, 502, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
# A vendor's documents may make these a proof that nothing was taken; nothing makes them an acceptance.
_CLIENT_FAULTS = (400, 401, 403, 404, 408, 429, 503)


@dataclass(frozen=True, slots=True)
class Nonsense:
    """One such answer. may_refuse: whether a vendor's documents could make a refusal of it."""

    name: str
    answer: Answer
    may_refuse: bool = False


def nonsense(good: Answer) -> Iterator[Nonsense]:
    """The corpus for a vendor whose good answer this is; nothing in it may be taken for an acceptance.

    A status that the good answer has itself is left out, and so is a body that equals the good one.
    """
    for found in _nonsense(good):
        if found.answer != good:
            yield found


def truncations(good: Answer) -> Iterator[Nonsense]:
    """The good answer after each eighth of its body: announced whole, and as if it were all."""
    length = len(good.body)
    for at in sorted({length * eighth // 8 for eighth in range(8)}):
        if at < length:
            yield Nonsense(f"{at} of {length} bytes, then the end", good.cut(at))
            yield Nonsense(f"a body of only the first {at} of {length} bytes", good.with_body(good.body[:at]))


def _nonsense(good: Answer) -> Iterator[Nonsense]:
    bodies: dict[str, bytes] = {
        "an empty body": b"",
        "blanks": b" \r\n\t ",
        "HTML": _HTML,
        "HTML around the good body": _HTML.replace(b"success", good.body),
        "XML with a DTD": _LAUGHS,
        "NUL bytes": b"\0" * 64,
        "the good body twice": good.body * 2,
        "10,000 open brackets": b"[" * 10_000,
        **{f"JSON {text}": text.encode() for text in ("null", "true", "0", '""', "[]", "{}", "NaN", "1e999")},
        **_wrong_types(good.body),
    }
    seeded = random.Random(20240601)  # noqa: S311 - noise that is the same on every run
    for size in (1, 16, 1024, 4096):
        bodies[f"{size} random bytes"] = seeded.randbytes(size)
    if good.body:  # else the vendor's whole answer is its status, and a body is not looked at
        for name, body in bodies.items():
            if body != good.body:
                yield Nonsense(name, good.with_body(body))
        padded = good.with_body(good.body + b" " * _CAP)
        yield Nonsense(f"the good body, padded beyond {_CAP} bytes", padded)
        yield Nonsense("a gzip header on a plain body", _encoded(good, good.body))
        yield Nonsense("64 MiB as gzip", _encoded(good, gzip.compress(b" " * 2**26)))
    yield Nonsense("a body without end", Answer.endless())
    for status in (*_SERVER_FAULTS, *_REDIRECTS, *_CLIENT_FAULTS):
        if status != good.status:
            answer = Answer(good.body, status, {**good.headers, "Location": "/elsewhere"})
            yield Nonsense(f"HTTP {status} around the good body", answer, status in _CLIENT_FAULTS)
    if good.status != 204:
        yield Nonsense("HTTP 204", Answer(b"", 204))
    for name, data in {
        "a banner of SSH": b"SSH-2.0-OpenSSH_9.7\r\n",
        "the good body without HTTP": good.body,
        "half a status line": b"HTTP/1.1 2",
        "a Content-Length of 20 digits": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        "a negative Content-Length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"x" * 200_000,
    }.items():
        yield Nonsense(name, Answer.raw(data))


def _encoded(good: Answer, body: bytes) -> Answer:
    return Answer(body, good.status, {**good.headers, "Content-Encoding": "gzip"})


def _wrong_types(body: bytes) -> dict[str, bytes]:
    """The good body with all its values of another type, where it is a JSON object."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(found, dict) or not found:
        return {}
    wrong: dict[str, Any] = {
        "the good JSON in a list": [found],
        "the good JSON one level deeper": {"": found},
        "the good JSON as a string": json.dumps(found),
    }
    values: tuple[Any, ...] = (None, [], {}, -1, "", [None])
    wrong.update((f"every value {value!r}", dict.fromkeys(found, value)) for value in values)
    return {name: json.dumps(value).encode() for name, value in wrong.items()}
