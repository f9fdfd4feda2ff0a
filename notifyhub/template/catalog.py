"""Catalog: which notices there are, where each comes from, and which of its files serves a locale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound

from notifyhub.errors import TemplateError, UnknownNotice, nearest
from notifyhub.template.locales import fallbacks, normalise_locale
from notifyhub.template.manifest import Manifest

__all__ = ["Catalog", "Choice", "Notice", "TemplateFile"]

# Loaders are handed an environment; the stock ones never look at it, a stranger's may.
_ENVIRONMENT = Environment(autoescape=True)
_MANIFEST = "notice.toml"
_NAME = re.compile(r"[a-z0-9_./-]{1,64}")
_PATH = re.compile(r"[A-Za-z0-9_./-]{1,200}")
_FILE = re.compile(r"(?P<digest>digest\.)?(?P<channel>[a-z][a-z0-9_-]*)\.(?P<locale>[A-Za-z0-9_-]{1,35})\.j2")


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One file of words. path: as loaders name it, `login/code/sms.zh.j2`. locale: as it was written."""

    path: str
    channel: str
    locale: str

    @property
    def filename(self) -> str:
        """The file's own name, `sms.zh.j2`."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that serves a locale. tried: the locales looked for, the chosen one last."""

    file: TemplateFile
    tried: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A template family. origin: the folder or loader it comes from. files: by (channel, normalised locale).

    digests: by the same, the words for several notifications of it in one message, `digest.sms.zh.j2`.
    strangers: files in its folder that are neither the manifest nor words.
    """

    name: str
    origin: str
    manifest: Manifest
    files: Mapping[tuple[str, str], TemplateFile]
    digests: Mapping[tuple[str, str], TemplateFile] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels it has words for, sorted."""
        return tuple(sorted({channel for channel, _ in self.files}))

    def locales(self, channel: str) -> tuple[str, ...]:
        """The locales it has words in for a channel, as the files write them, sorted."""
        return tuple(sorted(file.locale for file in self.files.values() if file.channel == channel))

    def resolve(
        self,
        channel: str,
        locale: str | None = None,
        default_locale: str = "zh",
        *,
        digest: bool = False,
    ) -> Choice:
        """The file for a channel and locale: `zh-Hant-TW → zh-Hant → zh → the default's → default`.

        digest: the one for several notifications in one message. Raises UnknownNotice when the notice has
        no words for the channel, TemplateError when it has some but none that serves this locale or the
        default one, or none for a digest.
        """
        files = self.digests if digest else self.files
        if channel not in self.channels:
            raise UnknownNotice(
                f"the notice `{self.name}` has no words for the channel {channel[:64]}",
                field="channel",
                remedy=f"it has: {', '.join(self.channels) or 'none'}",
            )
        tried: list[str] = []
        for each in fallbacks(locale, default_locale):
            tried.append(each)
            file = files.get((channel, each))
            if file is not None:
                return Choice(file, tuple(tried))
        prefix = "digest." if digest else ""
        raise TemplateError(
            f"no {prefix}{channel} words in any of: {', '.join(tried)}",
            field=self.name,
            remedy=f"add {prefix}{channel}.{normalise_locale(default_locale)}.j2",
        )


@dataclass(slots=True)
class _Found:
    """A notice's folder before its manifest is read."""

    loader: BaseLoader
    files: list[str] = field(default_factory=list)


class Catalog:
    """The notices of several loaders; the first loader that has a notice has it whole.

    A notice is a folder with a `notice.toml`, its name the folder's path (`^[a-z0-9_./-]{1,64}$`).
    Files outside of notices (`layout/mail.j2`) can be extended and included by all of them; there,
    too, the first loader wins, so that an application can put its own layout around a plugin's mails.
    What exists is found once, here; manifests are read when first asked for.

    Raises TemplateError for a loader that cannot list its files, or a folder that replaces a part of a
    notice.
    """

    def __init__(self, loaders: Sequence[BaseLoader]) -> None:
        self._found: dict[str, _Found] = {}
        self._shared: dict[str, BaseLoader] = {}
        self._notices: dict[str, Notice] = {}
        for loader in loaders:
            self._collect(loader)
        self._refuse_parts()
        self._sources = dict(self._shared)
        for found in self._found.values():
            self._sources.update(dict.fromkeys(found.files, found.loader))

    def names(self) -> tuple[str, ...]:
        """The names of all notices, sorted."""
        return tuple(sorted(self._found))

    def notice(self, name: str) -> Notice:
        """A notice with its manifest.

        Raises UnknownNotice with the nearest name, or TemplateError for a broken manifest.
        """
        notice = self._notices.get(name)
        if notice is None:
            notice = self._notices[name] = self._read(name)
        return notice

    def source(self, path: str) -> str:
        """The text of one known file. Raises jinja2.TemplateNotFound for any other."""
        loader = self._sources.get(path)
        if loader is None:
            raise TemplateNotFound(path)
        return loader.get_source(_ENVIRONMENT, path)[0]

    def _collect(self, loader: BaseLoader) -> None:
        try:
            listed = loader.list_templates()
        except TypeError:
            raise TemplateError(
                "cannot list its templates",
                field=_origin(loader),
                remedy="use a loader with list_templates()",
            ) from None
        paths = [path for path in listed if _PATH.fullmatch(path) and ".." not in path]
        own: dict[str, _Found] = {}
        for path in paths:
            folder, _, filename = path.rpartition("/")
            if filename == _MANIFEST and folder:
                if not _NAME.fullmatch(folder):
                    raise TemplateError(
                        "not a name for a notice", field=folder, remedy="use a-z, 0-9, _ . / - and 64 at most"
                    )
                own[folder] = _Found(loader)
        for path in paths:
            owner = _owner(path, own)
            if owner is None:
                self._shared.setdefault(path, loader)
            else:
                own[owner].files.append(path)
        for name, found in own.items():
            self._found.setdefault(name, found)

    def _refuse_parts(self) -> None:
        for path, loader in self._shared.items():
            name = path.rpartition("/")[0]
            if name in self._found and _FILE.fullmatch(path.rpartition("/")[2]):
                raise TemplateError(
                    f"{_origin(loader)} has {path} but no notice.toml beside it",
                    field=name,
                    remedy="a notice is replaced whole: copy its other files as well",
                )

    def _read(self, name: str) -> Notice:
        found = self._found.get(name)
        if found is None:
            if not _NAME.fullmatch(name):
                raise UnknownNotice("not a name for a notice", remedy="a name is like `order/shipped`")
            raise UnknownNotice(
                f"no notice `{name}`",
                field="notice",
                remedy=nearest(name, self._found) or "there are none at all",
            )
        files: dict[tuple[str, str], TemplateFile] = {}
        digests: dict[tuple[str, str], TemplateFile] = {}
        strangers = []
        for path in sorted(found.files):
            filename = path.removeprefix(f"{name}/")
            match = _FILE.fullmatch(filename)
            if match is None:
                if filename != _MANIFEST:
                    strangers.append(filename)
                continue
            file = TemplateFile(path, channel=match["channel"], locale=match["locale"])
            words = digests if match["digest"] else files
            twin = words.setdefault((file.channel, normalise_locale(file.locale)), file)
            if twin is not file:
                raise TemplateError(f"{twin.filename} and {filename} are for the same locale", field=name)
        manifest = Manifest.read(name, self.source(f"{name}/{_MANIFEST}"))
        return Notice(
            name,
            _origin(found.loader),
            manifest,
            MappingProxyType(files),
            MappingProxyType(digests),
            tuple(strangers),
        )


def _owner(path: str, notices: Mapping[str, Any]) -> str | None:
    """The notice whose folder holds the file, the deepest one."""
    folder = path.rpartition("/")[0]
    while folder:
        if folder in notices:
            return folder
        folder = folder.rpartition("/")[0]
    return None


def _origin(loader: BaseLoader) -> str:
    return str(getattr(loader, "origin", type(loader).__name__))
