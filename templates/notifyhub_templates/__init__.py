"""The notices that come with notifyhub: login codes and alerts, and the life of an order.

A folder is a notice; `layout/` is what their mails share. An application replaces any of them by a
folder of the same name among its own templates.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from notifyhub.hookspecs import hookimpl

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["notifyhub_template_loader"]


# Last, so that any other plugin can bring better words for the same notices.
@hookimpl(trylast=True)
def notifyhub_template_loader() -> BaseLoader:
    """The loader of this folder."""
    # Imported here, because finding the plugin must not cost Jinja2.
    from notifyhub.template.folder import folder_loader

    return folder_loader(Path(__file__).parent)
