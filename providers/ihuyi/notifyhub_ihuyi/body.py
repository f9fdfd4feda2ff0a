"""A reply's body: bytes in, a flat set of named strings out, or `Unreadable`.

The format is told from the body, not from what was asked for: an error may come as XML though JSON
was asked (seen: code 401). Strict, because whatever is read wrongly here becomes a message that was
"accepted" and never sent, or sent twice: one root, one level, each name once, nothing left over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from xml.parsers import expat

__all__ = ["MAX_BODY", "Fields", "Unreadable", "read_body"]

MAX_BODY = 65536
"""Bytes; the longest real reply has some hundred."""

Fields = Mapping[str, str | None]
"""The values by name as they were written: JSON numbers keep their digits, `true` is "true", null is None."""


class Unreadable(Exception):
    """The body is no reply of the gateway. `str()` describes, and does not quote."""


def read_body(body: bytes, roots: Collection[str]) -> Fields:
    """The fields of a reply in JSON or XML.

    roots: the local names an XML root may have; namespaces vary (`http://106.ihuyi.com/`,
    `106.ihuyi.com`, a bare IP) and are ignored, as is an unknown further field.

    Raises Unreadable for everything else.
    """
    if len(body) > MAX_BODY:
        raise Unreadable(f"more than {MAX_BODY} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    start = text.lstrip(_SPACE)[:1]
    if start == "{":
        return _read_json(text)
    if start == "<":
        return _read_xml(text, roots)
    raise Unreadable("neither JSON nor XML" if start else "an empty body")


_SPACE = " \t\r\n"


def _read_json(text: str) -> Fields:
    try:
        # Digits stay as written: a serial number exceeds int64, and a float would round it.
        found = json.loads(
            text, object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as problem:
        # RecursionError: ten thousand open brackets are well within 64 KiB.
        raise Unreadable("not well-formed JSON") from problem
    fields: dict[str, str | None] = {}
    for name, value in found.items():
        if value is True or value is False:
            fields[name] = "true" if value else "false"
        elif value is None or isinstance(value, str):
            fields[name] = value
        else:
            raise Unreadable("nested JSON")
    return fields


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name that occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise Unreadable("a number that is none")


def _read_xml(text: str, roots: Collection[str]) -> Fields:
    reader = _XmlReader(roots)
    # Given in UTF-8 whatever the declaration says; a declaration that says otherwise is refused.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.XmlDeclHandler = reader.declaration
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, ValueError) as problem:
        # expat raises ValueError, not its own error, for some encodings (measured on 3.11).
        raise Unreadable("not well-formed XML") from problem
    return reader.fields


class _XmlReader:
    """Collects the children of the root; raises Unreadable at the first thing a reply never has."""

    def __init__(self, roots: Collection[str]) -> None:
        self._roots = roots
        self._depth = 0
        self._name = ""
        self.fields: dict[str, str | None] = {}

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and not UTF_8.fullmatch(encoding):
            raise Unreadable("another charset")

    def doctype(self, *_: object) -> None:
        # Entities are how 50 kB of XML become 7.5 MB.
        raise Unreadable("a document type declaration")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        self._depth += 1
        if self._depth == 1:
            if name not in self._roots:
                raise Unreadable("another root element")
        elif self._depth == 2:
            if name in self.fields:
                raise Unreadable("an element that occurs twice")
            self._name = name
            self.fields[name] = ""
        else:
            raise Unreadable("nested elements")

    def end(self, tag: str) -> None:
        self._depth -= 1

    def data(self, text: str) -> None:
        if self._depth == 2:
            self.fields[self._name] = (self.fields[self._name] or "") + text
        elif text.strip(_SPACE):
            raise Unreadable("words between the elements")


UTF_8 = re.compile("utf-?8", re.IGNORECASE)
"""How the one accepted charset is written."""
