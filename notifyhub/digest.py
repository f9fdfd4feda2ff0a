"""Digest: notifications of one notice to one recipient that wait for each other and become one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifyhub.category import Category
from notifyhub.composer import Composer
from notifyhub.errors import NotificationError, SettingsError
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.message import Message, Notification, Recipient
from notifyhub.plugins import Plugins
from notifyhub.postbox import Postbox
from notifyhub.settings.policies import DigestSettings

__all__ = ["DIGESTED", "Digests", "Wait"]

_log = get_logger("notifyhub.digest")
_FIELD = "policies.digests"

DIGESTED = frozenset({Category.OPS, Category.MARKETING})
"""What may wait for more of its kind. A code, an alert or word of an order is wanted now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when a notification waits for others, and the step that says so."""

    until: datetime
    step: str


class Digests:
    """What `[[policies.digests]]` says, for whoever takes notifications in and whoever sends them.

    Raises SettingsError where two tables are for one notice.
    """

    def __init__(
        self,
        tables: Sequence[DigestSettings],
        composer: Composer,
        plugins: Plugins,
        ledger: Ledger,
        postbox: Postbox,
    ) -> None:
        self._tables = {table.notice: table for table in tables}
        if len(self._tables) != len(tables):
            raise SettingsError("two tables are for one notice", field=_FIELD, remedy="leave one of them")
        self._composer = composer
        self._plugins = plugins
        self._ledger = ledger
        self._postbox = postbox

    def __bool__(self) -> bool:
        return bool(self._tables)

    @property
    def most(self) -> dict[str, int]:
        """How many notifications go in one message at most, by notice."""
        return {name: table.most for name, table in self._tables.items()}

    def wait(self, asked: Notification, message: Message, start: datetime) -> Wait | None:
        """How long a notification waits, if it could be sent from `start` on; None where it does not.

        Whoever is first opens the window, and takes all others along when it is over: none waits for longer
        than the window. What would be over before is not kept waiting. Raises SettingsError for a notice of
        a category that never waits, NotificationError where the caller chose the category, TemplateError
        where the words for a digest are missing or broken: what cannot be rendered is told now.
        """
        table = self._tables.get(message.notice or "")
        if table is None or message.notice is None:
            return None
        if message.category not in DIGESTED:
            _refuse(message.notice, message.category, chosen=asked.category is not None)
        self._composer.renderer.check_digest(message.notice, message.channel, message.locale)
        until = start + timedelta(seconds=table.window)
        if message.expires_at is not None and message.expires_at <= until:
            return None
        said = f"digest: waits for others until {until.isoformat(timespec='seconds')}, at most {table.most}"
        return Wait(until, f"{said} in one message")

    async def gathered(self, job: Job) -> Job:
        """The job with the words for all that goes out in it; a single one keeps its ordinary words.

        Raises TemplateError where the words for a digest are missing or broken by now, LeaseLost.
        """
        if not job.digested:
            return job
        table = self._tables.get(job.message.notice or "")
        gathered = await self._ledger.gather(job, 1 if table is None else table.most)
        for merged in gathered.merged:
            await self._postbox.announce(merged)
        if len(gathered.jobs) == 1:
            return job
        message = self._digest(job, [each.message for each in gathered.jobs])
        _log.info("digest_gathered", delivery=job.id, notifications=len(gathered.jobs))
        step = f"digest: {len(gathered.jobs)} notifications as one message, in {message.locale}"
        delivery = job.delivery
        if step not in delivery.steps:  # else it was told when they were gathered for the first time
            delivery = delivery.evolve(steps=(*delivery.steps, step))
        return job.evolve(delivery=delivery, message=message)

    def _digest(self, job: Job, messages: Sequence[Message]) -> Message:
        message = job.message
        rendered = self._composer.renderer.render_digest(
            message.notice or "",
            message.channel,
            message.locale,
            [each.variables for each in messages],
            extra=self._plugins.render_context(_asked_again(job)),
        )
        return message.evolve(
            text=rendered.text, subject=rendered.subject, html=rendered.html, locale=rendered.locale,
            variables=rendered.variables, bindings=rendered.bindings,
        )  # fmt: skip


def _asked_again(job: Job) -> Notification:
    """What plugins that add to the words are shown: as much of the request as the ledger keeps."""
    message = job.message
    return Notification(
        notice=message.notice,
        to=Recipient(addresses={message.channel: message.to}, id=job.subject, locale=message.locale),
        data=message.variables,
        channel=message.channel,
        category=message.category,
        locale=message.locale,
    )


def _refuse(notice: str, category: Category, *, chosen: bool) -> None:
    said = f"`{notice}` is digested, and {category} never waits for more of its kind"
    allowed = " or ".join(sorted(DIGESTED))
    if chosen:
        raise NotificationError(said, field="category", remedy=f"send it as {allowed}")
    raise SettingsError(said, field=_FIELD, remedy=f"leave the table out, or make the notice {allowed}")
