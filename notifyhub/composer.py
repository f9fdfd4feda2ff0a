"""Composer: from what was asked for to the message that a provider gets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from notifyhub.category import Category
from notifyhub.errors import InvalidAddress, NotificationError, SettingsError, faults_of, nearest
from notifyhub.message import Message, Notification, Recipient, normalise_address
from notifyhub.plugins import Plugins
from notifyhub.record import maker
from notifyhub.settings import Settings

if TYPE_CHECKING:
    from notifyhub.template import Renderer

__all__ = ["Composer"]

_new_message = maker(Message)


class Composer:
    """Reads the request, chooses channel, address and locale, and has the words rendered.

    folders: the application's notices, before those of plugins.
    """

    def __init__(self, settings: Settings, plugins: Plugins, folders: Sequence[Path]) -> None:
        self._settings = settings
        self._plugins = plugins
        self._folders = tuple(folders)
        for folder in self._folders:
            # Told at start, not by the first message that needs a notice of it.
            if not folder.is_dir():
                raise SettingsError(
                    f"no such folder: {folder}",
                    field="templates",
                    remedy="it is relative to the settings file",
                )
        self._renderer: Renderer | None = None
        self._recipient = lru_cache(maxsize=16384)(partial(_recipient, settings.default_country))

    @property
    def renderer(self) -> Renderer:
        """Finds and renders notices. Made when first used: Jinja2 costs. Raises TemplateError."""
        if self._renderer is None:
            from notifyhub.template import Catalog, Renderer, folder_loader

            own = [folder_loader(folder) for folder in self._folders]
            catalog = Catalog([*own, *self._plugins.template_loaders()])
            self._renderer = Renderer(
                catalog,
                default_locale=self._settings.default_locale,
                time_zone=self._settings.default_time_zone,
            )
        return self._renderer

    def notification(self, arguments: dict[str, Any]) -> Notification:
        """A checked notification from the arguments of `Hub.send`, by name. Raises NotificationError."""
        if isinstance(arguments["notice"], Notification):
            return arguments["notice"]
        to = arguments.get("to")
        if to is None:
            raise InvalidAddress(
                "missing", field="to", remedy="give a phone number, a mail address or a Recipient"
            )
        if not isinstance(to, Recipient):
            arguments["to"] = self._recipient(to, arguments.get("channel"))
        if arguments.get("data") is None:
            arguments["data"] = {}
        try:
            return Notification.model_validate(arguments)
        except ValidationError as error:
            fault = faults_of(error)[0]
            if fault.key == "category":
                remedy = nearest(str(arguments["category"]), Category)
                raise NotificationError("unknown category", field=fault.key, remedy=remedy) from None
            raise NotificationError(fault.said, field=fault.key or None) from None

    def compose(self, asked: Notification) -> tuple[Message, tuple[str, ...]]:
        """The message for one channel and one address, and the decisions that led to it.

        Raises NotificationError where the request cannot be, TemplateError where the notice is broken.
        """
        to = asked.to
        channel = asked.channel or self._channel_for(asked)
        address = to.address(channel)
        if address is None:
            raise InvalidAddress(
                f"the recipient has no address for the channel {channel}",
                field="to",
                remedy=f"it has {', '.join(to.channels)}",
            )
        locale = asked.locale or to.locale or self._settings.default_locale
        if asked.notice is None:
            return _finished_words(asked, channel, address, locale)
        extra = self._plugins.render_context(asked)
        rendered = self.renderer.render(
            asked.notice, channel, locale, asked.data, extra=extra, time_zone=to.time_zone
        )
        category = asked.category or rendered.category
        message = _new_message(
            channel=channel,
            to=address,
            text=rendered.text,
            subject=rendered.subject,
            html=rendered.html,
            category=category,
            notice=asked.notice,
            locale=rendered.locale,
            variables=rendered.variables,
            bindings=rendered.bindings,
            expires_at=asked.expires_at,
            time_zone=to.time_zone,
        )
        return message, _steps(asked.notice, rendered.locale, locale, category, tuple(rendered.variables))

    def _channel_for(self, asked: Notification) -> str:
        """The recipient's first channel that the notice has words for."""
        channels = asked.to.channels
        if asked.notice is None or len(channels) == 1:
            return channels[0]
        written = self.renderer.catalog.notice(asked.notice).channels
        return next((channel for channel in channels if channel in written), channels[0])


@lru_cache(maxsize=1024)
def _steps(
    notice: str, locale: str, asked: str, category: Category, variables: tuple[str, ...]
) -> tuple[str, ...]:
    """The same words for thousands of messages; a ledger in memory keeps them once, too."""
    return (
        f"notice: {notice} in {locale} (asked for {asked}), category {category}",
        f"variables: {', '.join(variables) or 'none'} checked",
    )


def _recipient(country: str, address: str, channel: str | None) -> Recipient:
    if channel is None:
        return Recipient.parse(address, country)
    return Recipient(addresses={channel: normalise_address(channel, address, country)})


def _finished_words(
    asked: Notification, channel: str, address: str, locale: str
) -> tuple[Message, tuple[str, ...]]:
    text = (asked.text or "").strip()
    if not text:
        raise NotificationError("is empty", field="text", remedy="give the words, or a notice")
    if asked.data:
        raise NotificationError("goes with a notice", field="data", remedy="name a notice, or leave data out")
    message = Message(
        channel=channel,
        to=address,
        text=text,
        category=asked.category or Category.ORDER,
        locale=locale,
        expires_at=asked.expires_at,
        time_zone=asked.to.time_zone,
    )
    return message, (f"text: {len(text)} characters given, category {message.category}",)
