"""A Jinja2 loader for a folder of notices that never reads outside of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound

from notifyhub.errors import TemplateError

__all__ = ["FolderLoader", "folder_loader"]


class FolderLoader(BaseLoader):
    """Reads UTF-8 files below one folder.

    Unlike jinja2.FileSystemLoader it refuses links that lead out of the folder, raising TemplateError;
    links inside it (as Kubernetes mounts configuration) are followed. Hidden files are not listed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin = str(path)

    def get_source(
        self, environment: Environment | None, template: str
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """The text of one file. Raises TemplateNotFound, or TemplateError for a link out of the folder."""
        if template.startswith("/") or ".." in template.split("/") or "\\" in template or "\0" in template:
            raise TemplateNotFound(template)
        file = self._inside(self.path / template)
        try:
            return file.read_text(encoding="utf-8"), str(file), None
        except UnicodeDecodeError:
            raise TemplateError("the file is not UTF-8", field=template) from None
        except OSError:
            raise TemplateNotFound(template) from None

    def list_templates(self) -> list[str]:
        """Every file that is not hidden: `login/code/sms.zh.j2`. Raises TemplateError as `get_source`."""
        if not self.path.is_dir():
            raise TemplateError("no such folder of templates", field=self.origin)
        return sorted(self._walk(self.path, "", frozenset()))

    def _walk(self, folder: Path, prefix: str, above: frozenset[Path]) -> Iterator[str]:
        real = folder.resolve()
        if real in above:  # a link to one of its own parents
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "__")):
                    continue
                if entry.is_symlink():
                    self._inside(Path(entry.path))
                if entry.is_dir():
                    yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/", above | {real})
                elif entry.is_file():
                    yield prefix + entry.name

    def _inside(self, file: Path) -> Path:
        real = file.resolve()
        if not real.is_relative_to(self.path.resolve()):
            name = file.relative_to(self.path).as_posix()
            raise TemplateError(
                f"{name} is a link that leads out of the folder", field=self.origin, remedy="copy the file"
            )
        return real


def folder_loader(path: str | os.PathLike[str]) -> FolderLoader:
    """A safe loader for the notices in a folder (`path/login/code/notice.toml`, …)."""
    return FolderLoader(Path(path))
