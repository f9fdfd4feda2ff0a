"""The gateway's codes: what each means, and which `Reason` it is brought to.

Sources: API manual v3.3 (2018) and the web manual; numbers in [brackets] there are settings of the
account, not constants. The vendor's `msg` wording varies, so only the code decides.

Each reason is chosen so that `notifyhub.reason.REASONS` gives what the vendor's table says about
trying again and trying elsewhere. Two choices need a word:

- 401, 402 (account or password empty) are the caller's bug, and another provider would not mend it.
  `credentials` would fail over and open the breaker; `content_refused` stops, so it stands there.
- 4082, 4084, 4085, 4086 are limits per day or without a stated window: `recipient_rate` without a
  `retry_after`, which is to say that waiting a little does not help.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from notifyhub.providers import VendorCode
from notifyhub.reason import Reason

__all__ = ["ACCEPTED", "CLOCK_CODE", "CODES", "TABLE", "meaning_of"]

ACCEPTED = "2"
"""The only code that means the gateway has taken a message for sending."""

CLOCK_CODE = "40501"
"""The dynamic password is too old or too new: the clocks disagree."""


def _row(
    code: str, meaning: str, reason: Reason | None, note: str = "", *, retry_after: float | None = None
) -> VendorCode:
    return VendorCode(code=code, meaning=meaning, reason=reason, retry_after=retry_after, note=note)


_INCOMPLETE = "the request was incomplete: a bug here, no other provider would mend it"
_NOBODY_KNOWS = "refused; its meaning is not documented"

CODES: tuple[VendorCode, ...] = (
    _row("2", "提交成功", None, "taken for sending, not delivered yet"),
    _row("0", "提交失败", Reason.PROVIDER_ERROR, "no cause stated"),
    _row("1", "未知（文档未说明）", Reason.UNRECOGNISED_CODE, _NOBODY_KNOWS),
    _row("400", "非法ip访问", Reason.ACCOUNT_BLOCKED, "the calling address is blocked"),
    _row("401", "帐号不能为空", Reason.CONTENT_REFUSED, _INCOMPLETE),
    _row("402", "密码不能为空", Reason.CONTENT_REFUSED, _INCOMPLETE),
    _row("403", "手机号码不能为空", Reason.INVALID_RECIPIENT, _INCOMPLETE),
    _row("4030", "手机号码已被列入黑名单", Reason.RECIPIENT_BLOCKED, "the person may have opted out"),
    _row("404", "短信内容不能为空", Reason.CONTENT_REFUSED, _INCOMPLETE),
    _row("405", "API ID 或 API KEY 不正确", Reason.CREDENTIALS),
    _row("4050", "账号被冻结", Reason.ACCOUNT_BLOCKED),
    _row(
        "40501",
        "动态密码已过期",
        Reason.CLOCK,
        "once more, signed with the time learnt from the reply's Date header",
        retry_after=0.0,
    ),
    _row("40502", "动态密码校验失败", Reason.CREDENTIALS),
    _row("40505", "未知（文档未说明）", Reason.UNRECOGNISED_CODE, _NOBODY_KNOWS),
    _row("4051", "剩余条数不足", Reason.BALANCE),
    _row(
        "4052",
        "访问ip与备案ip不符",
        Reason.ACCOUNT_BLOCKED,
        "the console binds the account to other addresses",
    ),
    _row("4053", "用户不存在", Reason.CREDENTIALS, "no such APIID"),
    _row("406", "手机号码格式不正确", Reason.INVALID_RECIPIENT),
    _row("407", "短信内容含有敏感字符", Reason.CONTENT_REFUSED),
    _row("4070", "签名格式不正确", Reason.ACCOUNT_BLOCKED, "a setting of the vendor's console"),
    _row(
        "4071", "没有提交备案模板", Reason.TEMPLATE_UNMATCHED, "register and have approved a template first"
    ),
    _row(
        "4072",
        "提交的短信内容与审核通过的模板内容不匹配",
        Reason.TEMPLATE_UNMATCHED,
        "punctuation width and spaces count",
    ),
    _row(
        "40722",
        "变量内容超过指定的长度",
        Reason.TEMPLATE_UNMATCHED,
        "the limit is the template's own, stated in its 【】",
    ),
    _row("4073", "短信内容超出长度限制", Reason.CONTENT_UNSUPPORTED),
    _row("4074", "短信内容包含emoji符号", Reason.CONTENT_UNSUPPORTED),
    _row("4075", "签名未通过审核", Reason.ACCOUNT_BLOCKED, "a setting of the vendor's console"),
    _row("4077", "未知（文档未说明）", Reason.UNRECOGNISED_CODE, _NOBODY_KNOWS),
    _row(
        "408",
        "发送超限，已加入黑名单，请在后台解除",
        Reason.RECIPIENT_BLOCKED,
        "after more than [20] messages; lifted in the vendor's console",
    ),
    _row("4080", "同一手机号码同一秒钟之内发送频率不能超过1条", Reason.RECIPIENT_RATE, retry_after=1.0),
    _row("4081", "同一手机号码一分钟之内发送频率不能超过1条", Reason.RECIPIENT_RATE, retry_after=60.0),
    _row("4082", "同一手机号码一天之内发送频率不能超过[5]条", Reason.RECIPIENT_RATE, "per day: no retry"),
    _row(
        "4083",
        "同内容每分钟限制：1条",
        Reason.RECIPIENT_RATE,
        "the same words to the same number",
        retry_after=60.0,
    ),
    _row("4084", "同内容每日限制：5条", Reason.RECIPIENT_RATE, "the same words; per day: no retry"),
    _row("4085", "同一手机号验证码短信发送量超出[5]条", Reason.RECIPIENT_RATE, "codes per day: no retry"),
    _row(
        "4086", "提交失败，同一个手机号码发送频率太频繁", Reason.RECIPIENT_RATE, "window unstated: no retry"
    ),
)
"""Every known code, one row each, in the order of the vendor's list."""

TABLE: Mapping[str, VendorCode] = MappingProxyType({row.code: row for row in CODES})
"""The same rows by code."""


def meaning_of(code: str) -> VendorCode:
    """The row of a code; for an unlisted one a row that says so (`unrecognised_code`, no retry)."""
    return TABLE.get(code) or VendorCode(
        code=code, meaning="未知代码", reason=Reason.UNRECOGNISED_CODE, note=_NOBODY_KNOWS
    )
