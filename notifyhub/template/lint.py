"""Lint: proof that every notice renders, fits its bindings and costs what it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import DictLoader, TemplateNotFound, TemplateSyntaxError, meta, nodes

from notifyhub.errors import NotifyhubError, TemplateError, nearest
from notifyhub.message import Binding
from notifyhub.template.catalog import Catalog, Notice, TemplateFile
from notifyhub.template.digests import digest_findings
from notifyhub.template.finding import Finding, finding_of, named
from notifyhub.template.kinds import Unfit
from notifyhub.template.locales import normalise_locale
from notifyhub.template.renderer import Rendered, Renderer
from notifyhub.template.sandbox import Sandbox
from notifyhub.template.wording import Wording

__all__ = ["Finding", "lint"]


def lint(
    catalog: Catalog,
    *,
    default_locale: str = "zh",
    extra: Mapping[str, Any] | None = None,
    signature: str = "互亿无线",
    max_length: int = 500,
    max_parts: int = 2,
    digests: Mapping[str, int] | None = None,
) -> list[Finding]:
    """Everything wrong with the catalog's notices; an empty list is the proof.

    Each file is rendered with its examples, with and without the optional variables. extra: what
    plugins will add to the context. signature: as long as the real one, for counting. max_length: an
    SMS's characters without it. max_parts: by mainland counting; more is a warning. digests: how many
    notifications go in one message at most, by notice, where the settings say that several do.
    """
    linter = _Linter(
        catalog,
        Renderer(catalog, default_locale),
        Sandbox(DictLoader({}), autoescape=False, max_seconds=1),
        extra or {},
        Wording(signature, max_length, max_parts),
        digests or {},
    )
    return [finding for name in catalog.names() for finding in linter.notice(name)]


@dataclass(slots=True)
class _Linter:
    catalog: Catalog
    renderer: Renderer
    sandbox: Sandbox
    extra: Mapping[str, Any]
    wording: Wording
    digests: Mapping[str, int]

    def notice(self, name: str) -> Iterator[Finding]:
        try:
            notice = self.catalog.notice(name)
        except TemplateError as error:
            yield finding_of(name, "notice.toml", error)
            return
        for stranger in notice.strangers:
            yield Finding(
                name,
                stranger,
                "not a file of a notice",
                "name it <channel>.<locale>.j2, or move it",
                "warning",
            )
        if not notice.files:
            yield Finding(name, "notice.toml", "the notice has no words", "add sms.zh.j2")
        examples_fit = True
        for finding in self._variables(notice):
            examples_fit = False
            yield finding
        yield from self._bindings(notice)
        yield from self._usage(notice)
        if examples_fit:
            for file in notice.files.values():
                yield from self._file(notice, file)
            most = self.digests.get(name)
            yield from digest_findings(notice, most, self.renderer, self.wording, self.extra)

    def _variables(self, notice: Notice) -> Iterator[Finding]:
        for name, variable in notice.manifest.variables.items():
            where = f"notice.toml variables.{name}"
            if variable.example is None:
                yield Finding(notice.name, where, "has no example", "add `example`")
                continue
            try:
                variable.checker(variable.example, None)
            except Unfit as unfit:
                yield Finding(notice.name, where, f"the example {unfit.problem}", unfit.remedy)

    def _bindings(self, notice: Notice) -> Iterator[Finding]:
        for binding in notice.manifest.bindings:
            where = f"notice.toml binding for {binding.provider}"
            if (binding.channel, normalise_locale(binding.locale)) not in notice.files:
                yield Finding(
                    notice.name, where, f"there is no {binding.channel}.{binding.locale}.j2", "add the file"
                )
            for slot in binding.slots:
                variable = notice.manifest.variables[slot]
                if not variable.required and variable.default is None:
                    yield Finding(
                        notice.name, where, f"the slot's variable `{slot}` may be missing", "require it"
                    )

    def _usage(self, notice: Notice) -> Iterator[Finding]:
        """Variables used but not declared, declared but not used, or side by side."""
        known = {*notice.manifest.variables, *self.extra}
        used: set[str] = set()
        for file in notice.files.values():
            try:
                tree = self._parse(file.path)
                names = self._names(tree)
            except (TemplateSyntaxError, TemplateNotFound, RecursionError):
                return  # rendering will say what is wrong with it
            used |= names
            for name in sorted(names - known):
                yield Finding(
                    notice.name, file.filename, f"uses `{name}`, which is no variable", nearest(name, known)
                )
            for left, right in _neighbours(tree):
                yield Finding(
                    notice.name,
                    file.filename,
                    f"`{left}` and `{right}` stand side by side and could form a link together",
                    "put a word or a space between them",
                    "warning",
                )
        for name, variable in notice.manifest.variables.items():
            if variable.required and name not in used:
                yield Finding(
                    notice.name,
                    f"notice.toml variables.{name}",
                    "required, but no words use it",
                    "use it, or set required = false",
                    "warning",
                )

    def _names(self, tree: nodes.Template, above: frozenset[str] = frozenset()) -> set[str]:
        names = meta.find_undeclared_variables(tree) - {"range", "self", "super", "caller"}
        for path in meta.find_referenced_templates(tree):
            if path is not None and path not in above:
                names |= self._names(self._parse(path), above | {path})
        return names

    def _parse(self, path: str) -> nodes.Template:
        return self.sandbox.parse(self.catalog.source(path), path)

    def _file(self, notice: Notice, file: TemplateFile) -> Iterator[Finding]:
        found: dict[Finding, None] = {}
        for optional in (True, False):
            data = notice.manifest.examples(optional=optional)
            try:
                rendered = self.renderer.render(
                    notice.name, file.channel, file.locale, data, extra=self.extra
                )
            except NotifyhubError as error:
                found[finding_of(notice.name, file.filename, error)] = None
                continue
            found.update(dict.fromkeys(self.wording.check(notice.name, file, rendered)))
            for binding in rendered.bindings.values():
                found.update(dict.fromkeys(_approved(notice, file, binding, rendered)))
        yield from found


def _neighbours(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Variables printed with nothing between them."""
    for output in tree.find_all(nodes.Output):
        for left, right in zip(output.nodes, output.nodes[1:], strict=False):
            if isinstance(left, nodes.Name) and isinstance(right, nodes.Name):
                yield left.name, right.name


def _approved(notice: Notice, file: TemplateFile, binding: Binding, rendered: Rendered) -> Iterator[Finding]:
    """Whether the rendered words are the approved ones, to the character."""
    if binding.text is None or any(slot not in rendered.variables for slot in binding.slots):
        return
    pieces = binding.text.split(binding.marker)
    expected = pieces[0]
    for slot, piece in zip(binding.slots, pieces[1:], strict=True):
        expected += rendered.variables[slot] + piece
    if rendered.text == expected:
        return
    place = next(
        (i for i, (one, other) in enumerate(zip(rendered.text, expected, strict=False)) if one != other),
        min(len(rendered.text), len(expected)),
    )
    yield Finding(
        notice.name,
        file.filename,
        f"differs from the text {binding.provider} has approved at character {place + 1}: "
        f"the words have {named(rendered.text[place : place + 1])}, "
        f"the approved text {named(expected[place : place + 1])}",
        "make them equal, punctuation width and spaces too",
    )
