"""Renderer: from a notice and its data to words, checked and bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from jinja2 import Template, TemplateNotFound, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.runtime import new_context

from notifyhub.category import Category
from notifyhub.errors import TemplateError
from notifyhub.message import Binding
from notifyhub.record import maker, record
from notifyhub.template.bounds import Forbidden
from notifyhub.template.catalog import Catalog
from notifyhub.template.plan import Part, Plan, Planner
from notifyhub.template.variables import check

__all__ = ["Item", "Rendered", "Renderer"]

# Whatever str.splitlines() parts lines at, EmailMessage refuses or a server may take for a header's end.
_NOT_IN_SUBJECTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@record
class Rendered:
    """The words of one notice for one channel. Neither the words nor the values are in the repr.

    locale: of the file that was chosen, as it is written there; tried: what was looked for, in order.
    text: the words. subject, html: only where the file has such blocks. variables: the checked values
    as they stand in the words. bindings: of this channel and locale, by provider type.
    """

    notice: str
    channel: str
    locale: str
    tried: tuple[str, ...]
    category: Category
    text: str = field(repr=False)
    subject: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(repr=False)
    bindings: Mapping[str, Binding] = field(repr=False)


_new_rendered = maker(Rendered)


class Item:
    """One notification's variables as a digest template has them: `{{ item.parcel }}`.

    No mapping, whose own methods would stand in the way of variables called `items` or `values`.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return f"<Item of {len(self._values)} variables>"


class Renderer:
    """Renders the notices of a catalog. Thread-safe; compiled once per notice, channel and locale.

    A file is all text, or has the blocks `text` and, as it likes, `subject` and `html`; for `email`
    subject and text must be there. A block is rendered by itself: what it imports or sets stands
    inside of it. `html` is escaped whatever the author does.

    default_locale: for recipients without one, and where theirs is missing.
    caps: characters by channel, over DEFAULT_CAPS; OTHER_CAP for the rest.
    max_seconds: processor time for each of text, subject and html.
    time_zone: what aware times are written in unless `render` is told otherwise; None leaves them.
    """

    def __init__(
        self,
        catalog: Catalog,
        default_locale: str = "zh",
        *,
        caps: Mapping[str, int] | None = None,
        max_seconds: float = 0.5,
        time_zone: str | tzinfo | None = None,
    ) -> None:
        self.catalog = catalog
        self.default_locale = default_locale
        self.time_zone = time_zone
        # Bounded, because the locale may come from a request.
        planner = Planner(catalog, default_locale, caps or {}, max_seconds)
        self._plan = lru_cache(maxsize=4096)(planner.plan)

    def render(
        self,
        notice: str,
        channel: str,
        locale: str | None,
        data: Mapping[str, Any],
        *,
        extra: Mapping[str, Any] | None = None,
        time_zone: str | tzinfo | None = None,
    ) -> Rendered:
        """The words for one channel in the best locale there is.

        extra: more context, from plugins; what the manifest declares is checked like data, the rest is
        trusted like the template. Data wins. time_zone: an IANA name or tzinfo for aware times.

        Raises UnknownNotice, InvalidVariable, or TemplateError where the notice itself is broken.
        """
        plan = self._plan(notice, channel, locale)
        context: dict[str, Any] = {}
        if extra:
            known = plan.manifest.variables
            context = {name: value for name, value in extra.items() if name not in known}
            declared = {name: value for name, value in extra.items() if name in known}
            data = {**declared, **{name: value for name, value in data.items() if value is not None}}
        variables = check(plan.manifest, data, time_zone=time_zone or self.time_zone)
        context.update(variables)
        text = _joined(plan.text, variables) or self._run(plan, plan.text, context)
        return self._with(plan, notice, channel, text, variables, context)

    def render_digest(
        self,
        notice: str,
        channel: str,
        locale: str | None,
        items: Sequence[Mapping[str, str]],
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> Rendered:
        """The words for several notifications of a notice in one message, by its `digest.…` file.

        items: the variables of each as they were rendered with, in order; a template has them as `items`,
        and their number as `count`. extra: more context, from plugins. Raises as `render`.
        """
        plan = self._plan(notice, channel, locale, digest=True)
        context: dict[str, Any] = {**(extra or {}), "items": list(map(Item, items)), "count": len(items)}
        text = self._run(plan, plan.text, context)
        return self._with(plan, notice, channel, text, {"count": str(len(items))}, context)

    def _with(
        self,
        plan: Plan,
        notice: str,
        channel: str,
        text: str,
        variables: dict[str, str],
        context: dict[str, Any],
    ) -> Rendered:
        """The text, and what else the plan has: a subject, HTML, bindings."""
        return _new_rendered(
            notice=notice,
            channel=channel,
            locale=plan.choice.file.locale,
            tried=plan.choice.tried,
            category=plan.manifest.category,
            text=text.strip(),
            subject=None if plan.subject is None else self._subject(plan, plan.subject, context),
            html=None if plan.html is None else self._run(plan, plan.html, context).strip(),
            variables=MappingProxyType(variables),
            bindings=plan.bindings,
        )

    def check_digest(self, notice: str, channel: str, locale: str | None) -> None:
        """Raise UnknownNotice or TemplateError where the notice has no words for a digest that serve."""
        self._plan(notice, channel, locale, digest=True)

    def preload(self) -> None:
        """Read and compile every notice in every locale. Raises the first TemplateError."""
        for name in self.catalog.names():
            notice = self.catalog.notice(name)
            for channel in notice.channels:
                for locale in notice.locales(channel):
                    self._plan(name, channel, locale)
            for file in notice.digests.values():
                self._plan(name, file.channel, file.locale, digest=True)

    def _subject(self, plan: Plan, part: Part, context: dict[str, Any]) -> str:
        subject = self._run(plan, part, context).strip(" \t\n")
        if not subject:
            raise plan.broken("the subject is empty")
        if _NOT_IN_SUBJECTS.search(subject):
            raise plan.broken("the subject holds a line end or control character")
        return subject

    def _run(self, plan: Plan, part: Part, variables: dict[str, Any]) -> str:
        part.sandbox.start()
        # As Template.new_context does it, without merging the globals again each time.
        context = new_context(
            part.sandbox,
            part.template.name,
            part.template.blocks,
            {**part.globals, **variables},
            shared=True,
            globals=part.globals,
        )
        if part.blocks is not None:
            context.blocks = part.blocks
        size, chunks = 0, []
        try:
            for chunk in part.function(context):
                size += len(chunk)
                if size > part.cap:
                    raise Forbidden(f"gives more than {part.cap} characters")
                chunks.append(chunk)
        # A template is code: it can raise whatever Python can.
        except Exception as error:  # noqa: BLE001
            # Not chained: the message of an arbitrary error may quote a value.
            raise _explain(plan, error) from None
        return "".join(chunks)


def _joined(part: Part, variables: dict[str, str]) -> str | None:
    """The text of a file that is only words and variables, without the engine, which takes much longer.

    None where it has to be rendered: it has more to it, a variable is absent, or it comes out too long.
    """
    if part.pieces is None:
        return None
    chunks = []
    for words, name in part.pieces:
        chunks.append(words)
        if name is not None:
            value = variables.get(name)
            if value is None:
                return None
            chunks.append(value)
    text = "".join(chunks)
    return text if len(text) <= part.cap else None


def _explain(plan: Plan, error: Exception) -> TemplateError:
    """What went wrong in a template, where, and without any value."""
    match error:
        case TemplateError():
            return error
        case Forbidden():
            problem = str(error)
        case UndefinedError():
            problem = error.message or "something is not defined"
        case SecurityError():
            problem = "uses what the sandbox forbids"
        case TemplateNotFound():
            problem = "includes a template that does not exist"
        case RecursionError():
            problem = "calls itself without end"
        case _:
            problem = f"raises {type(error).__name__}"
    where = _line(error)
    return plan.broken(f"{where}: {problem}" if where else problem)


def _line(error: Exception) -> str | None:
    """The innermost line of a template the error passed through: `line 3`, or `layout/mail.j2 line 3`."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            found = f"{template.name} line {template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return found
