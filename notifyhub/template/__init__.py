"""Notices: their manifests, their words, and what keeps both honest.

`Catalog` finds notices, `Renderer` makes words of them, `check` guards their variables, `lint` proves
that they fit what vendors have approved, `segments` and `parts_cn` say what an SMS costs.
"""

from __future__ import annotations

from notifyhub.template.catalog import Catalog, Choice, Notice, TemplateFile
from notifyhub.template.folder import FolderLoader, folder_loader
from notifyhub.template.lint import Finding, lint
from notifyhub.template.manifest import Manifest, Variable
from notifyhub.template.renderer import Rendered, Renderer
from notifyhub.template.segments import Segments, parts_cn, segments
from notifyhub.template.variables import check

__all__ = [
    "Catalog",
    "Choice",
    "Finding",
    "FolderLoader",
    "Manifest",
    "Notice",
    "Rendered",
    "Renderer",
    "Segments",
    "TemplateFile",
    "Variable",
    "check",
    "folder_loader",
    "lint",
    "parts_cn",
    "segments",
]
