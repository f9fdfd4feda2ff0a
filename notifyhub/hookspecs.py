"""Every extension point of notifyhub, on one page.

Hooks register and observe; objects act. Sending is not a hook: the first result would win, and one
plugin that raises would take the others down. Observers get one frozen object each, so that fields
can be added later; they may be plain or async functions, and each is isolated from the others.
"""

# A hook specification is a signature and a docstring; it has no body by design.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from notifyhub.dispatch import DispatcherType
    from notifyhub.message import Notification
    from notifyhub.outcome import Attempt, Delivery, Receipt, Reply, TemplateReview
    from notifyhub.policy import Policy
    from notifyhub.providers import ProviderType
    from notifyhub.settings import Settings

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("notifyhub")
hookimpl = pluggy.HookimplMarker("notifyhub")
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@hookspec
def notifyhub_provider_types() -> Iterable[ProviderType]:
    """The provider types this plugin brings. Collected once, when a hub starts."""


@hookspec
def notifyhub_template_loader() -> BaseLoader:
    """A Jinja2 loader with notices (`login/code/notice.toml`, `login/code/sms.zh.j2`, …).

    Collected once. The application's own folders come before every plugin's. Use
    `notifyhub.template.folder_loader`: Jinja2's own loader follows links out of its folder.
    """


@hookspec
def notifyhub_policies(settings: Settings) -> Iterable[Policy]:
    """Policies to ask before each message, after the stock ones. Collected once."""


@hookspec
def notifyhub_dispatchers() -> Iterable[DispatcherType]:
    """The engines this plugin brings; `[dispatch] engine` names the one to use. Collected once."""


@hookspec
def notifyhub_render_context(notification: Notification) -> Mapping[str, Any]:
    """Extra variables for rendering, such as the shop's name. Collected at each render; explicit data wins.

    Keep it cheap and synchronous: it runs on the sending path.
    """


@hookspec
def notifyhub_attempt_finished(attempt: Attempt) -> None:
    """An attempt has an outcome. Observer, sync or async."""


@hookspec
def notifyhub_delivery_changed(delivery: Delivery) -> None:
    """A delivery has a new status. Observer, sync or async."""


@hookspec
def notifyhub_receipt_received(receipt: Receipt) -> None:
    """A receipt was matched to its delivery (`delivery_id` says which). Observer, sync or async."""


@hookspec
def notifyhub_reply_received(reply: Reply) -> None:
    """A person has answered. Observer, sync or async."""


@hookspec
def notifyhub_template_reviewed(review: TemplateReview) -> None:
    """A vendor has approved or rejected a registered template. Observer, sync or async."""
