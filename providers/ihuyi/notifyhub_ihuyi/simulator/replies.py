"""The gateway's answers in XML and JSON, and the vendor's Chinese words for every code.

The wording varies between the vendor's own pages, so a client keys on the code alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape, quoteattr

__all__ = [
    "MESSAGES",
    "NAMESPACES",
    "Answer",
    "Draft",
    "Manner",
    "render",
    "render_json",
    "render_xml",
    "words_for",
    "xml_text",
]

NAMESPACES = (
    "http://106.ihuyi.com/",
    "http://106.ihuyi.cn/",
    "106.ihuyi.com",
    "192.0.2.106",
)
"""Default namespaces that answers carry in the wild (the last stands for the bare IP addresses seen)."""

MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        0: "提交失败",
        1: "提交失败",
        2: "提交成功",
        400: "非法ip访问",
        401: "帐号不能为空",
        402: "密码不能为空",
        403: "手机号码不能为空",
        4030: "手机号码已被列入黑名单",
        404: "短信内容不能为空",
        405: "API ID 或 API KEY 不正确",
        4050: "账号被冻结",
        40501: "动态密码已过期",
        40502: "动态密码校验失败",
        40505: "提交失败",
        4051: "剩余条数不足",
        4052: "访问ip与备案ip不符",
        4053: "用户不存在",
        406: "手机格式不正确，格式为11位的数字.",
        407: "短信内容含有敏感字符",
        4070: "签名格式不正确",
        4071: "没有提交备案模板",
        4072: "提交的短信内容与审核通过的模板内容不匹配",
        40722: "变量内容超过指定的长度【20】",
        4073: "短信内容超出长度限制",
        4074: "短信内容包含emoji符号",
        4075: "签名未通过审核",
        4077: "提交失败",
        408: "发送超过限制[20]条，已加入黑名单，请登录平台解除",
        4080: "同一手机号码同一秒钟之内发送频率不能超过1条",
        4081: "同一手机号码一分钟之内发送频率不能超过1条",
        4082: "同一手机号码一天之内发送频率不能超过[5]条",
        4083: "同内容每分钟限制1条",
        4084: "同内容每天限制5条",
        4085: "同一手机号码验证码短信发送超出[5]条",
        4086: "提交失败，同一个手机号码发送频率太频繁",
    }
)
"""What the gateway says with each code that facts or public clients know."""


def words_for(code: int) -> str:
    """The message of a code; an unlisted code gets the vendor's vaguest one."""
    return MESSAGES.get(code, "提交失败")


class Manner(Enum):
    """How an answer goes over the wire."""

    WHOLE = "whole"
    DRIP = "drip"
    """A byte of the body at a time."""
    SHORT = "short"
    """Content-Length promises more than comes before the connection closes."""
    SILENCE = "silence"
    """Nothing, until the client gives up."""
    CLOSE = "close"
    """Nothing, and the connection ends in good order."""
    RESET = "reset"
    """Nothing, and the connection ends with a TCP reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response as bytes."""

    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    manner: Manner = Manner.WHOLE
    interval: float = 0.0
    """Seconds between the bytes of a drip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer before it is put into XML or JSON. `code` and `value` are whatever a fault wants to say."""

    root: str
    """``SubmitResult``, ``GetNumResult`` or ``AddTemplateResult``."""
    code: object
    words: str
    key: str
    """``smsid``, ``num`` or ``templateid``."""
    value: object | None
    """None leaves the member out."""
    as_json: bool
    namespace: str


def render(draft: Draft) -> Answer:
    """The draft in the format that was asked for."""
    return render_json(draft) if draft.as_json else render_xml(draft)


def render_json(draft: Draft) -> Answer:
    """A flat JSON object."""
    members: dict[str, Any] = {"code": draft.code, "msg": draft.words}
    if draft.value is not None:
        members[draft.key] = draft.value
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(content_type="application/json; charset=utf-8", body=body)


def render_xml(draft: Draft) -> Answer:
    """XML with the default namespace that every real answer carries."""
    return Answer(content_type="text/xml; charset=utf-8", body=xml_text(draft).encode())


def xml_text(draft: Draft, *, encoding: str = "utf-8", doctype: str = "") -> str:
    """The XML document as text; `encoding` is what its declaration says."""
    members = [("code", draft.code), ("msg", draft.words)]
    if draft.value is not None:
        members.append((draft.key, draft.value))
    lines = [
        f'<?xml version="1.0" encoding="{encoding}"?>',
        *([doctype] if doctype else []),
        f"<{draft.root} xmlns={quoteattr(draft.namespace)}>",
        *(f"<{name}>{_xml_value(value)}</{name}>" for name, value in members),
        f"</{draft.root}>",
    ]
    return "\n".join(lines)


def _xml_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
