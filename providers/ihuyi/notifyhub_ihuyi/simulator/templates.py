"""The account's templates: registration, review, and how a submitted text must fit them (API manual v3.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

__all__ = ["TEST_TEMPLATE", "TEST_TEMPLATE_ID", "State", "Template", "TemplateBook", "is_registrable"]

TEST_TEMPLATE_ID = "1"
TEST_TEMPLATE = "您的验证码是：【变量】。请不要把验证码泄露给其他人。"
"""The vendor's test template: every account has it."""

_SLOT = re.compile("【变量[^【】]*】")


class State(Enum):
    """Where a template stands with the vendor's reviewers."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Template:
    """A registered template; its slots are written ``【变量】``."""

    template_id: str
    text: str
    state: State

    def slots(self) -> int:
        """How many values it takes."""
        return len(_SLOT.findall(self.text))

    def fill(self, values: list[str]) -> str:
        """The text with its slots filled in order; the caller has counted them."""
        waiting = iter(values)
        return _SLOT.sub(lambda _: next(waiting), self.text)

    def matches(self, text: str, variable_limit: int | None) -> bool:
        """Whether a finished text is this template, word for word, with something in every slot."""
        slot = "(?:.+?)" if variable_limit is None else f"(?:.{{1,{variable_limit}}}?)"
        pattern = slot.join(re.escape(piece) for piece in _SLOT.split(self.text))
        return re.fullmatch(pattern, text, re.DOTALL) is not None


class TemplateBook:
    """Every template of the gateway, by id."""

    def __init__(self, approved: Mapping[str, str], variable_limit: int | None) -> None:
        self._templates = {key: Template(key, text, State.APPROVED) for key, text in approved.items()}
        self._variable_limit = variable_limit
        self._next_id = 100_001

    def __getitem__(self, template_id: str) -> Template:
        return self._templates[template_id]

    def register(self, text: str) -> str:
        """Take a new template in for review; returns its id."""
        while (template_id := str(self._next_id)) in self._templates:
            self._next_id += 1
        self._next_id += 1
        self._templates[template_id] = Template(template_id, text, State.PENDING)
        return template_id

    def review(self, template_id: str, *, approved: bool) -> None:
        """The reviewers' word. Raises LookupError for an id that was never registered."""
        state = State.APPROVED if approved else State.REJECTED
        self._templates[template_id] = replace(self._templates[template_id], state=state)

    def fill(self, template_id: str, content: str) -> tuple[int | None, str]:
        """Template mode: the code that refuses, or None, and the text that the phone would show."""
        template = self._templates.get(template_id)
        if template is None or template.state is not State.APPROVED:
            return 4071, content
        values = content.split("|")
        if len(values) != template.slots():
            return 4072, content
        if self._variable_limit is not None and any(len(value) > self._variable_limit for value in values):
            return 40722, content
        return None, template.fill(values)

    def refuse_text(self, text: str) -> int | None:
        """Text mode with matching switched on: 4071 when nothing is approved, 4072 when nothing fits."""
        approved = [one for one in self._templates.values() if one.state is State.APPROVED]
        if not approved:
            return 4071
        return None if any(one.matches(text, self._variable_limit) for one in approved) else 4072


def is_registrable(text: str) -> bool:
    """Whether brackets occur in a template only as slots."""
    return not re.search("[【】]", _SLOT.sub("", text))
