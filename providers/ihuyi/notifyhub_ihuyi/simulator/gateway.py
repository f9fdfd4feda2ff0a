"""The gateway behind the wire: decides about each message and remembers what it accepted."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .behaviour import Behaviour
from .numbers import behaviour_for
from .rates import Limits, Rates
from .records import Request, Submission
from .templates import TemplateBook
from .texts import MOBILE, has_brackets, has_emoji, parts

__all__ = ["ANY", "Gateway", "Rules"]

ANY = "*"
"""Scripts for any number that has no script of its own."""

_FIRST_SMSID = 10**19
"""The smallest number of 20 digits; an int64 ends below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the account's owner and the vendor's reviewers have set."""

    max_length: int = 500
    signature: str = "互亿无线"
    sensitive_words: frozenset[str] = frozenset()
    blocked_numbers: frozenset[str] = frozenset()
    match_templates: bool = False
    limits: Limits = field(default_factory=Limits)


class Gateway:
    """Scripts, checks, balance and the list of accepted messages."""

    def __init__(
        self,
        *,
        rules: Rules,
        balance: dict[str, int],
        templates: TemplateBook,
        clock: Callable[[], float],
        by_number: bool,
    ) -> None:
        self.balance = balance
        self.submissions: list[Submission] = []
        self.templates = templates
        self._rules = rules
        self._clock = clock
        self._by_number = by_number
        self._rates = Rates(rules.limits)
        self._scripts: dict[str, deque[Behaviour]] = {}
        self._last_smsid = 0

    def script(self, key: str, behaviours: Iterable[Behaviour]) -> None:
        """What to do next for a key (a number, `ANY`, a method); replaces an earlier script."""
        self._scripts[key] = deque(behaviours)

    def next_scripted(self, key: str) -> Behaviour | None:
        """Take the next behaviour of a script; None when it has run out."""
        script = self._scripts.get(key)
        return script.popleft() if script else None

    def choose(self, mobile: str) -> Behaviour:
        """What to do with this message: its script, then the script for any, then its number, then normal."""
        scripted = self.next_scripted(mobile) or self.next_scripted(ANY)
        if scripted is not None:
            return scripted
        return (behaviour_for(mobile) if self._by_number else None) or Behaviour.normal()

    def check(self, fields: Mapping[str, str]) -> int:
        """Every check that comes after the account's: 2, or the code that refuses."""
        account, mobile = fields["account"], fields["mobile"]
        if MOBILE.fullmatch(mobile) is None:
            return 406
        if mobile in self._rules.blocked_numbers:
            return 4030
        refused, text = self._text(fields)
        refused = self._refuse_words(fields["content"], text) or refused
        if refused is not None:
            return refused
        if self.balance[account] < parts(text, self._rules.signature):
            return 4051
        return self._rates.refuse(account, mobile, text, self._clock()) or 2

    def accept(self, request: Request, smsid: str) -> Submission:
        """Record a message, charge for it and count it against the limits."""
        fields, now = request.fields, self._clock()
        _, text = self._text(fields)
        submission = Submission(
            smsid=smsid,
            account=fields["account"],
            mobile=fields["mobile"],
            content=fields["content"],
            text=text,
            template_id=fields.get("templateid") or None,
            parts=parts(text, self._rules.signature),
            accepted_at=now,
            request=request,
        )
        left = self.balance[submission.account]
        self.balance[submission.account] = max(0, left - submission.parts)
        self._rates.count(submission.account, submission.mobile, text, now)
        self.submissions.append(submission)
        return submission

    def new_smsid(self) -> str:
        """A serial number of 20 digits that grows with time and never comes twice."""
        by_time = 168 * 10**17 + int(max(0.0, self._clock()) * 1000) * 10**4
        self._last_smsid = max(_FIRST_SMSID, by_time, self._last_smsid + 1)
        return str(self._last_smsid)

    def now(self) -> float:
        """Unix seconds, by the gateway's clock."""
        return self._clock()

    def last_smsid(self, mobile: str) -> str | None:
        """The serial number of the last message accepted for a number."""
        return next((one.smsid for one in reversed(self.submissions) if one.mobile == mobile), None)

    def _text(self, fields: Mapping[str, str]) -> tuple[int | None, str]:
        """What the phone would show, and the code that the templates refuse it with."""
        content = fields["content"]
        if template_id := fields.get("templateid"):
            return self.templates.fill(template_id, content)
        refused = self.templates.refuse_text(content) if self._rules.match_templates else None
        return refused, content

    def _refuse_words(self, content: str, text: str) -> int | None:
        if has_brackets(content):
            return 4070
        if has_emoji(content):
            return 4074
        if any(word in text for word in self._rules.sensitive_words):
            return 407
        return 4073 if len(text) > self._rules.max_length else None
