"""Plan: a notice's file for one channel and locale, read and compiled, ready for any data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.runtime import Context

from notifyhub.errors import TemplateError
from notifyhub.message import EMAIL, SMS, VOICE, Binding
from notifyhub.template.bounds import Forbidden
from notifyhub.template.catalog import Catalog, Choice, Notice
from notifyhub.template.locales import normalise_locale
from notifyhub.template.manifest import Manifest
from notifyhub.template.sandbox import Sandbox

__all__ = ["DEFAULT_CAPS", "OTHER_CAP", "Blocks", "Part", "Plan", "Planner"]

DEFAULT_CAPS: Mapping[str, int] = MappingProxyType({SMS: 2_000, VOICE: 2_000})
"""Characters a rendering may have, by channel."""
OTHER_CAP = 262_144
"""Characters for every other channel, each of text and html."""
_SUBJECT_CAP = 500

Blocks = dict[str, list[Callable[[Context], Iterator[str]]]]
"""A template's blocks, each with those it overrides behind it."""


Pieces = tuple[tuple[str, str | None], ...]
"""Words, and the variable that follows them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One compiled piece of a file: all of it (blocks is None), or one block.

    cap: characters it may give. globals: the template's, merged once. pieces: where the file is only
    words and variables, as most texts are: each words and the variable after them, or None.
    """

    sandbox: Sandbox
    template: Template
    function: Callable[[Context], Iterator[str]]
    blocks: Blocks | None
    cap: int
    pieces: Pieces | None = None
    globals: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "globals", dict(self.template.globals))


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about (notice, channel, locale) that the data does not change.

    bindings: of this channel and locale, by provider type.
    """

    notice: str
    manifest: Manifest
    choice: Choice
    text: Part
    subject: Part | None
    html: Part | None
    bindings: Mapping[str, Binding]

    def broken(self, problem: str) -> TemplateError:
        """The error that says what is wrong with this file."""
        return _broken(self.notice, self.choice, problem)


class _CatalogLoader(BaseLoader):
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def get_source(self, environment: Environment, template: str) -> tuple[str, None, None]:
        return self._catalog.source(template), None, None


class Planner:
    """Compiles the files of a catalog: once plain, and where there is html once more with escaping."""

    def __init__(
        self, catalog: Catalog, default_locale: str, caps: Mapping[str, int], max_seconds: float
    ) -> None:
        self.catalog = catalog
        self.default_locale = default_locale
        self._caps = {**DEFAULT_CAPS, **caps}
        loader = _CatalogLoader(catalog)
        self._plain = Sandbox(loader, autoescape=False, max_seconds=max_seconds)
        self._html = Sandbox(loader, autoescape=True, max_seconds=max_seconds)

    def plan(self, name: str, channel: str, locale: str | None, *, digest: bool = False) -> Plan:
        """The plan for a notice. Raises UnknownNotice, or TemplateError where the notice is broken.

        digest: for several notifications in one message. What vendors have approved is for one only.
        """
        notice = self.catalog.notice(name)
        choice = notice.resolve(channel, locale, self.default_locale, digest=digest)
        cap = self._caps.get(channel, OTHER_CAP)
        path = choice.file.path
        try:
            template, blocks = self._compile(self._plain, path)
            subject = html = None
            if "text" in blocks:
                text = Part(self._plain, template, blocks["text"][0], blocks, cap)
                if "subject" in blocks:
                    subject = Part(self._plain, template, blocks["subject"][0], blocks, _SUBJECT_CAP)
                if "html" in blocks:
                    escaped, html_blocks = self._compile(self._html, path)
                    html = Part(self._html, escaped, html_blocks["html"][0], html_blocks, cap)
            else:
                tree = self._plain.parse(self.catalog.source(path), path)
                pieces = None if digest else _pieces(tree, notice.manifest)
                text = Part(self._plain, template, template.root_render_func, None, cap, pieces)
        except TemplateNotFound as error:
            raise _broken(
                name, choice, f"needs {error.name or 'a template'}, which does not exist"
            ) from error
        except TemplateSyntaxError as error:
            raise _broken(name, choice, f"line {error.lineno}: {error.message}") from error
        except Forbidden as error:
            raise _broken(name, choice, str(error)) from error
        except RecursionError as error:
            raise _broken(name, choice, "extends itself or nests too deeply") from error
        if channel == EMAIL and subject is None:
            raise _broken(name, choice, "a mail needs the blocks `subject` and `text`")
        bindings = MappingProxyType({}) if digest else _bindings(notice, choice)
        return Plan(name, notice.manifest, choice, text, subject, html, bindings)

    def _compile(self, sandbox: Sandbox, path: str) -> tuple[Template, Blocks]:
        """A template, and its blocks over those of what it extends, the nearest first."""
        template = sandbox.get_template(path)
        blocks: Blocks = {block: [function] for block, function in template.blocks.items()}
        tree = sandbox.parse(self.catalog.source(path), path)
        parents = list(tree.find_all(nodes.Extends))
        if len(parents) > 1:
            raise Forbidden(f"line {parents[1].lineno}: extends a second template")
        for extends in parents:
            if isinstance(extends.template, nodes.Const):
                for block, functions in self._compile(sandbox, str(extends.template.value))[1].items():
                    blocks.setdefault(block, []).extend(functions)
        return template, blocks


def _pieces(tree: nodes.Template, manifest: Manifest) -> Pieces | None:
    """The pieces of a template without anything but words and declared variables, else None."""
    found: list[tuple[str, str | None]] = []
    words = ""
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                words += node.data
            elif isinstance(node, nodes.Name) and node.name in manifest.variables:
                found.append((words, node.name))
                words = ""
            else:
                return None
    return (*found, (words, None))


def _bindings(notice: Notice, choice: Choice) -> Mapping[str, Binding]:
    here = (choice.file.channel, normalise_locale(choice.file.locale))
    return MappingProxyType(
        {
            binding.provider: binding
            for binding in notice.manifest.bindings
            if (binding.channel, normalise_locale(binding.locale)) == here
        }
    )


def _broken(notice: str, choice: Choice, problem: str) -> TemplateError:
    return TemplateError(f"{choice.file.filename}: {problem}", field=notice)
