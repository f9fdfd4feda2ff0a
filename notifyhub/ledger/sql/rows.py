"""Rows: a job as it stands in the table, and back again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.ledger.grouping import group_of
from notifyhub.ledger.job import Job
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.encoding import decode, encode, microseconds, moment, quote
from notifyhub.ledger.sql.history import History, line_of
from notifyhub.ledger.sql.script import Row
from notifyhub.message import Binding, Message
from notifyhub.outcome import Delivery, Status

__all__ = ["COLUMNS", "INSERT", "Kept", "delivery_of", "fingerprint_fits", "job_of", "row_of"]

COLUMNS = (
    "id, status, key, provider, vendor_id, created, facts, address, history, deadline, fingerprint,"
    " instance, claims, body, owner, token, lease, copies, priority, due"
)
"""What is selected wherever a delivery is read; `Kept` names them in this order."""

INSERT = (
    "INSERT INTO notifyhub_deliveries (id, status, priority, due, deadline, created, key, fingerprint,"
    " search, subject, provider, vendor_id, instance, owner, token, lease, claims, copies, facts, address,"
    " body, digest, history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
"""Inserts what `row_of` makes; a known id or a known key changes nothing."""


class Kept(NamedTuple):
    """One row, as it was read."""

    id: str
    status: str
    key: str | None
    provider: str | None
    vendor_id: str | None
    created: int
    facts: str
    address: str | None
    history: str
    deadline: int
    fingerprint: str | None
    instance: str | None
    claims: int
    body: str | None
    owner: str | None
    token: int
    lease: int | None
    copies: int
    priority: int
    due: int | None


def row_of(job: Job, sealer: Sealer, owner: str | None, lease: int | None) -> Row:
    """The row of a new delivery. owner, lease: who has leased it from the first, and until when."""
    delivery, message = job.delivery, job.message
    created = microseconds(delivery.created_at)
    due = None
    if delivery.status is Status.QUEUED:
        due = created if delivery.due is None else microseconds(delivery.due)
    return (
        delivery.id,
        str(delivery.status),  # an enum is a str, but sqlite3 looks long for an adapter of it
        delivery.category.priority,
        due,
        microseconds(job.deadline),
        created,
        delivery.key,
        _sealed_fingerprint(job.fingerprint, sealer) if job.fingerprint else None,
        sealer.digest(delivery.address),
        None if job.subject is None else sealer.digest(job.subject),
        delivery.provider,
        delivery.provider_message_id,
        job.instance,
        owner,
        0 if owner is None else 1,
        lease,
        job.claims,
        delivery.copies if delivery.attempts else 0,
        _facts(
            delivery.category,
            delivery.channel,
            delivery.notice,
            delivery.locale,
            delivery.resend_of,
            job.policy,
            job.digested,
            delivery.escalates,
            job.via,
        ),
        sealer.seal(delivery.address, f"{delivery.id}:address"),
        sealer.seal(_body(message, job.subject), f"{delivery.id}:body"),
        _group(delivery, sealer) if job.digested else None,
        line_of(delivery, created),
    )


@lru_cache(maxsize=1024)
def _facts(
    category: Category,
    channel: str,
    notice: str | None,
    locale: str | None,
    resend_of: str | None,
    policy: DeliveryPolicy | None,
    digested: bool,
    escalates: str | None,
    via: str | None,
) -> str:
    """What never changes and is not personal. The category comes first: it is searched by that."""
    facts: dict[str, Any] = {"category": category, "channel": channel}
    if notice is not None:
        facts["notice"] = notice
    if locale is not None:
        facts["locale"] = locale
    if resend_of is not None:
        facts["resend_of"] = resend_of
    if policy is not None:
        facts["policy"] = policy.model_dump(mode="json")
    if digested:
        facts["digested"] = True
    if escalates is not None:
        facts["escalates"] = escalates
    if via is not None:
        facts["via"] = via
    return encode(facts)


def _group(delivery: Delivery, sealer: Sealer) -> str:
    """What those have alike that may become one message. A resend gathers nothing but what it says again."""
    return delivery.id if delivery.resend_of is not None else sealer.digest(group_of(delivery))


def _body(message: Message, subject: str | None) -> str:
    """What was to be said, and to whom by the application's own id: all that is erased together."""
    words = f'{{"text":{quote(message.text)},"locale":{quote(message.locale)}'
    if message.subject is not None:
        words += f',"subject":{quote(message.subject)}'
    if message.html is not None:
        words += f',"html":{quote(message.html)}'
    if message.variables:
        values = [f"{quote(name)}:{quote(value)}" for name, value in message.variables.items()]
        words += f',"variables":{{{",".join(values)}}}'
    if message.bindings:
        bound = [f"{quote(name)}:{_binding_values(each)}" for name, each in message.bindings.items()]
        words += f',"bindings":{{{",".join(bound)}}}'
    if message.expires_at is not None:
        words += f',"expires":{microseconds(message.expires_at)}'
    if message.time_zone is not None:
        words += f',"zone":{quote(message.time_zone)}'
    if subject is not None:
        words += f',"recipient":{quote(subject)}'
    return words + "}"


@lru_cache(maxsize=1024)
def _binding_values(binding: Binding) -> str:
    return encode(binding.model_dump(mode="json"))


@lru_cache(maxsize=1024)
def _facts_of(facts: str) -> tuple[dict[str, Any], Category, DeliveryPolicy | None]:
    values = decode(facts)
    policy = values.get("policy")
    return (
        values,
        Category(values["category"]),
        None if policy is None else DeliveryPolicy.model_validate(policy),
    )


def delivery_of(kept: Kept, sealer: Sealer) -> Delivery:
    """The delivery in a row. Raises SettingsError where its address is sealed by a key that is not given."""
    address = "" if kept.address is None else sealer.open(kept.address, f"{kept.id}:address")
    facts, category, _ = _facts_of(kept.facts)
    history = History(kept.history, kept.id, address)
    return Delivery(
        id=kept.id,
        status=Status(kept.status),
        channel=facts["channel"],
        category=category,
        address=address,
        notice=facts.get("notice"),
        locale=facts.get("locale"),
        key=kept.key,
        provider=kept.provider,
        provider_message_id=kept.vendor_id,
        reason=history.reason,
        detail=history.detail,
        due=history.due,
        created_at=moment(kept.created),
        attempts=history.attempts,
        receipts=history.receipts,
        steps=history.steps,
        resend_of=facts.get("resend_of"),
        escalates=facts.get("escalates"),
    )


def job_of(kept: Kept, sealer: Sealer) -> Job | None:
    """The job in a row; None where its words were erased."""
    if kept.body is None or kept.address is None:
        return None
    delivery = delivery_of(kept, sealer)
    body = decode(sealer.open(kept.body, f"{kept.id}:body"))
    expires = body.get("expires")
    message = Message(
        id=kept.id,
        channel=delivery.channel,
        to=delivery.address,
        text=body["text"],
        subject=body.get("subject"),
        html=body.get("html"),
        category=delivery.category,
        notice=delivery.notice,
        locale=body["locale"],
        variables=body.get("variables", {}),
        bindings={name: Binding.model_validate(values) for name, values in body.get("bindings", {}).items()},
        expires_at=None if expires is None else moment(expires),
        time_zone=body.get("zone"),
    )
    facts, _, policy = _facts_of(kept.facts)
    return Job(
        delivery=delivery,
        message=message,
        deadline=moment(kept.deadline),
        fingerprint=kept.fingerprint or "",
        policy=policy,
        digested=facts.get("digested", False),
        via=facts.get("via"),
        subject=body.get("recipient"),
        instance=kept.instance,
        claims=kept.claims,
    )


def _sealed_fingerprint(fingerprint: str, sealer: Sealer) -> str:
    """Both halves as digests: keyed ones where there is a key. The first is 32 characters, always."""
    who, _, words = fingerprint.partition(".")
    return f"{sealer.digest(who)}.{sealer.digest(words)}"


def fingerprint_fits(kept: str | None, asked: str, sealer: Sealer) -> bool:
    """Whether a request is the one that was kept. Halves that were erased are not compared."""
    kept_who, _, kept_words = (kept or "").partition(".")
    who, _, words = asked.partition(".")
    return (not kept_who or kept_who in sealer.digests(who)) and (
        not kept_words or kept_words in sealer.digests(words)
    )
