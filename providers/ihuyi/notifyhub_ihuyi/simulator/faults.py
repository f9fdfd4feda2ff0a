"""Bad answers: each function spoils a draft in one way, or returns a function that does."""

import gzip
from collections.abc import Callable
from dataclasses import replace

from .replies import Answer, Draft, Manner, render, render_json, render_xml, words_for, xml_text

__all__ = [
    "Painter",
    "as_xml",
    "broken_xml",
    "code_as",
    "drip",
    "dtd",
    "empty",
    "gbk",
    "gzip_bomb",
    "http_status",
    "json_array",
    "nothing",
    "oversized",
    "page",
    "redirect",
    "refusal_with_value",
    "short",
    "truncated",
    "value_as",
    "wrong_root",
]

Painter = Callable[[Draft], Answer]

_HTML = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_REASONS = {
    200: "Welcome",
    302: "302 Found",
    400: "400 Bad Request",
    404: "404 Not Found",
    413: "413 Payload Too Large",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def page(status: int) -> Answer:
    """The HTML page that a web server in front of the gateway would show."""
    return Answer(status=status, body=_HTML.format(title=_REASONS.get(status, str(status))).encode())


def nothing(manner: Manner) -> Painter:
    """No answer at all: silence, a close or a reset."""
    return lambda draft: Answer(manner=manner)


def http_status(status: int) -> Painter:
    """An HTML page under any status."""
    return lambda draft: page(status)


def redirect(location: str) -> Painter:
    """302 to another place."""
    return lambda draft: replace(page(302), headers=(("Location", location),))


def empty(draft: Draft) -> Answer:
    """200 and not one byte."""
    return replace(render(draft), body=b"")


def drip(interval: float) -> Painter:
    """The right answer, a byte every `interval` seconds."""
    return lambda draft: replace(render(draft), manner=Manner.DRIP, interval=interval)


def truncated(draft: Draft) -> Answer:
    """Half a body under a Content-Length that agrees with the half: HTTP cannot notice."""
    answer = render(draft)
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def short(draft: Draft) -> Answer:
    """Half a body under the Content-Length of the whole, then the connection closes."""
    return replace(render(draft), manner=Manner.SHORT)


def broken_xml(draft: Draft) -> Answer:
    """XML in which the first element is never closed."""
    answer = render_xml(draft)
    return replace(answer, body=answer.body.replace(b"</code>", b""))


def json_array(draft: Draft) -> Answer:
    """JSON that is an array and not an object."""
    answer = render_json(draft)
    return replace(answer, body=b"[" + answer.body + b"]")


def gzip_bomb(size: int) -> Painter:
    """The right answer and `size` bytes of blanks, compressed a thousandfold, asked for or not."""

    def paint(draft: Draft) -> Answer:
        answer = render(draft)
        return replace(
            answer,
            headers=(("Content-Encoding", "gzip"),),
            body=gzip.compress(answer.body + b" " * size, compresslevel=9, mtime=0),
        )

    return paint


def oversized(size: int) -> Painter:
    """The right answer with words that fill `size` bytes."""
    return lambda draft: render(replace(draft, words="x" * size))


def gbk(draft: Draft) -> Answer:
    """XML that is declared and written in GBK."""
    body = xml_text(draft, encoding="gbk").encode("gbk")
    return Answer(content_type="text/xml; charset=gbk", body=body)


def dtd(draft: Draft) -> Answer:
    """XML whose code is an entity that its own DTD declares."""
    doctype = f'<!DOCTYPE {draft.root} [<!ENTITY answer "{draft.code}">]>'
    text = xml_text(draft, doctype=doctype).replace(f"<code>{draft.code}</code>", "<code>&answer;</code>")
    return Answer(content_type="text/xml; charset=utf-8", body=text.encode())


def wrong_root(draft: Draft) -> Answer:
    """XML with the right members under a root that this method never has."""
    return render_xml(replace(draft, root="QueryResult"))


def as_xml(draft: Draft) -> Answer:
    """XML, also where JSON was asked for."""
    return render_xml(draft)


def code_as(value: object) -> Painter:
    """The success answer with its code written as `value` (a bool, a float, a padded string)."""
    return lambda draft: render(replace(draft, code=value))


def value_as(value: object | None) -> Painter:
    """The success answer with another serial number; None leaves it out."""
    return lambda draft: render(replace(draft, value=value))


def refusal_with_value(code: int) -> Painter:
    """A refusal that carries a serial number nevertheless: it contradicts itself."""
    return lambda draft: render(replace(draft, code=code, words=words_for(code)))
