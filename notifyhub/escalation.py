"""Escalation: what follows a message that is not delivered in time, by other channels or instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from notifyhub.category import Category, DeliveryPolicy, OnUnknown
from notifyhub.chain import FOLLOWED, follow_up_key
from notifyhub.composer import Composer
from notifyhub.errors import ConfigurationError, NotificationError, SettingsError, nearest
from notifyhub.ledger import Job
from notifyhub.log import get_logger
from notifyhub.message import Message, Notification
from notifyhub.outcome import Status
from notifyhub.routing import Instance, Path, Route, Router
from notifyhub.settings.policies import EscalationSettings, EscalationStep

__all__ = ["Escalations"]

_log = get_logger("notifyhub.escalation")
_FIELD = "policies.escalations"


class Escalations:
    """What `[[policies.escalations]]` says. policies: of each category, complete.

    Raises SettingsError for an instance that does not exist, a table that is for nothing in particular, and
    one for a category that holds: there a second copy does more harm than a late one.
    """

    def __init__(
        self,
        tables: Sequence[EscalationSettings],
        composer: Composer,
        router: Router,
        instances: Mapping[str, Instance],
        policies: Mapping[Category, DeliveryPolicy],
    ) -> None:
        self._tables = tuple(tables)
        self._composer = composer
        self._router = router
        self._instances = instances
        self._policies = policies
        for number, table in enumerate(self._tables):
            self._check(table, f"{_FIELD}.{number}")

    def __bool__(self) -> bool:
        return bool(self._tables)

    def concern(self, message: Message) -> bool:
        """Whether anything is to follow such a message."""
        return self._table(message) is not None

    def route(self, job: Job) -> Path:
        """The path of a job: its own instance's alone, where it is to go by that. Raises NoRoute."""
        return self._path(job.message, job.via)

    def followed(self, asked: Notification, job: Job, refuse: Callable[[Message, Path], None]) -> Job:
        """The job with its follow-ups, composed and checked now; a step that cannot be is left out, and told.

        refuse: raises NotificationError for what nobody on the path would take. Raises SettingsError for a
        notice whose category holds.
        """
        table = self._table(job.message)
        if table is None:
            return job
        policy = asked.delivery or self._policies[job.message.category]
        if policy.on_unknown is OnUnknown.HOLD:
            if asked.category is None and asked.delivery is None:
                raise _holds(job.message.category, _FIELD, f"`{job.message.notice or 'text'}` is of it")
            return _told(job, ("escalation: none, it holds after an uncertain attempt",))
        following: list[Job] = []
        said: list[str] = []
        for step in table.steps:
            key = follow_up_key(job.id, len(following) + 1)
            try:
                following.append(self._follow_up(asked, job, policy, step, key, refuse))
            except (NotificationError, ConfigurationError) as error:
                said.append(f"escalation: {_words(step)} is left out: {error.problem}")
                _log.warning("follow_up_left_out", delivery=job.id, step=_words(step), why=error.problem)
            else:
                said.append(f"{FOLLOWED}{_words(step)} ({following[-1].id})")
        return _told(job, tuple(said)).evolve(follow_ups=tuple(following))

    def _follow_up(
        self,
        asked: Notification,
        first: Job,
        policy: DeliveryPolicy,
        step: EscalationStep,
        key: str,
        refuse: Callable[[Message, Path], None],
    ) -> Job:
        delivery = first.delivery
        channel = step.channel or delivery.channel
        message, steps = self._composer.compose(asked.model_copy(update={"channel": channel}))
        if message.category is not delivery.category:
            message = message.evolve(category=delivery.category)
        refuse(message, self._path(message, step.provider))
        due = (delivery.due or delivery.created_at) + timedelta(seconds=step.after)
        deadline = policy.ends(due, message.expires_at)
        if deadline <= due:
            raise NotificationError("it would be too late by then")
        waits = f"escalation: follows {first.id} by {_words(step)}, unless that is delivered by then"
        return Job(
            delivery=delivery.evolve(
                id=message.id, status=Status.QUEUED, channel=channel, address=message.to,
                locale=message.locale, key=key, due=due, created_at=datetime.now(UTC),
                steps=(waits, *steps), escalates=first.id,
            ),
            message=message,
            deadline=deadline,
            fingerprint=f"{first.id}.follow-up",
            policy=asked.delivery,
            subject=asked.to.id,
            via=step.provider,
        )  # fmt: skip

    def _table(self, message: Message) -> EscalationSettings | None:
        for table in self._tables:
            if (not table.category or message.category in table.category) and (
                not table.notice or message.notice in table.notice
            ):
                return table
        return None

    def _path(self, message: Message, via: str | None) -> Path:
        if via is None:
            return self._router.route(message)
        instance = self._instances.get(via)
        if instance is None:
            raise ConfigurationError(
                f"no provider instance is called `{via}` any more", remedy=nearest(via, self._instances)
            )
        return Path(Route(instances=(instance,), name=f"escalation to {via}"), (instance,))

    def _check(self, table: EscalationSettings, where: str) -> None:
        if not table.category and not table.notice:
            raise SettingsError(
                "is for everything", field=where, remedy="give the category, or the notices, it is for"
            )
        for category in table.category:
            if self._policies[category].on_unknown is OnUnknown.HOLD:
                raise _holds(category, f"{where}.category", "it is named there")
        for step in table.steps:
            if step.provider is not None and step.provider not in self._instances:
                raise SettingsError(
                    f"no provider instance is called `{step.provider}`",
                    field=f"{where}.steps",
                    remedy=nearest(step.provider, self._instances),
                )


def _holds(category: Category, field: str, why: str) -> SettingsError:
    return SettingsError(
        f"{category} holds after an uncertain attempt, so nothing may follow it ({why})",
        field=field,
        remedy="leave it out: a second copy does more harm there than a late one",
    )


def _words(step: EscalationStep) -> str:
    """`voice after 60 s`."""
    return f"{step.channel or step.provider} after {step.after:g} s"


def _told(job: Job, said: tuple[str, ...]) -> Job:
    return job.evolve(delivery=job.delivery.evolve(steps=(*job.delivery.steps, *said)))
