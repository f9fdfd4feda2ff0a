"""What an application asks for (`Notification` to a `Recipient`) and what a vendor gets (`Message`)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from notifyhub.address import MailAddress, PhoneNumber, mask, parse_mail, parse_phone
from notifyhub.category import Category, DeliveryPolicy
from notifyhub.errors import InvalidAddress
from notifyhub.record import copier, record

__all__ = [
    "ANY_CHANNEL",
    "CHAT",
    "EMAIL",
    "SMS",
    "VOICE",
    "WEBHOOK",
    "Binding",
    "Message",
    "Notification",
    "Recipient",
    "new_id",
    "normalise_address",
]

# A channel is a string: these are the usual ones, a plugin may bring others.
SMS = "sms"
VOICE = "voice"
EMAIL = "email"
CHAT = "chat"
WEBHOOK = "webhook"
ANY_CHANNEL = "*"
"""What a provider that takes every channel puts into its `channels`."""

_PHONE_CHANNELS = frozenset({SMS, VOICE})


def new_id() -> str:
    """An id for a delivery and its message: 32 hex digits, 12 of them the time in ms, the others random.

    Ids that grow with time keep what is written now together in a ledger's index, however large it is.
    """
    try:
        random = _drawn.pop()
    except IndexError:
        # Many at a time: each call to the system lets another thread have the interpreter.
        digits = os.urandom(2560).hex()
        more = [digits[start : start + 20] for start in range(0, len(digits), 20)]
        random = more.pop()
        _drawn.extend(more)
    return f"{time.time_ns() // 1_000_000:012x}{random}"


_drawn: list[str] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)  # else two processes would give the same ids


def normalise_address(channel: str, address: str, default_country: str = "CN") -> str:
    """The one writing of an address: E.164 for phones, lower-case domain for mail, stripped otherwise.

    Raises InvalidAddress.
    """
    if channel in _PHONE_CHANNELS:
        return parse_phone(address, default_country).e164
    if channel == EMAIL:
        return parse_mail(address).whole
    stripped = address.strip()
    if not stripped or not stripped.isprintable():
        raise InvalidAddress(
            "an empty or unprintable address", field="to", remedy=f"give a {channel} address"
        )
    return stripped


class _Frozen(BaseModel):
    # Inputs hold phone numbers and codes: pydantic must not quote them in its errors.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Recipient(_Frozen):
    """Who is told: an address per channel, and what is known of the person.

    `"+8613800138000"` and `"a@b.c"` are accepted wherever a recipient is. Numbers without a country
    code are read as mainland Chinese; a hub's `default_country` applies to plain strings only.
    """

    addresses: Mapping[str, str]
    id: str | None = None
    locale: str | None = None
    time_zone: str | None = None

    @field_validator("addresses", mode="after")
    @classmethod
    def _normalise(cls, addresses: Mapping[str, str]) -> Mapping[str, str]:
        if not addresses:
            raise InvalidAddress("no address", field="to", remedy='give addresses={"sms": "+86…"}')
        return MappingProxyType({c: normalise_address(c, address) for c, address in addresses.items()})

    @classmethod
    def parse(cls, text: str, default_country: str = "CN") -> Recipient:
        """A recipient from one address: with an @ it is mail, else a phone number.

        Raises InvalidAddress.
        """
        return _parse_recipient(text, default_country)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels this recipient can be reached by, in the order given."""
        return tuple(self.addresses)

    def address(self, channel: str) -> str | None:
        """The address for a channel; a phone number serves texts and calls alike."""
        found = self.addresses.get(channel)
        if found is None and channel == VOICE:
            return self.addresses.get(SMS)
        return found

    def __repr__(self) -> str:
        reached = ", ".join(f"{channel}={mask(address)}" for channel, address in self.addresses.items())
        return f"<Recipient {reached}>"

    __str__ = __repr__


@lru_cache(maxsize=16384)
def _parse_recipient(text: str, default_country: str) -> Recipient:
    channel = EMAIL if "@" in text else SMS
    # Normalised here because the model's validator knows no default country.
    return Recipient(addresses={channel: normalise_address(channel, text, default_country)})


def _recipient(given: Any) -> Any:
    return Recipient.parse(given) if isinstance(given, str) else given


class Notification(_Frozen):
    """The intent: what to tell whom. Exactly one of `notice` and `text` is given.

    notice: the name of a template family, `order/shipped`; its data is checked against its manifest.
    text: finished words instead of a notice.
    to: a Recipient, or a phone number or mail address as a string.
    data: the notice's variables.
    channel: how; without it, the recipient's first address decides.
    category: decides the delivery policy; without it the notice's own (for `text`: order, the
        category that never sends twice).
    locale: without it the recipient's, then the hub's.
    key: idempotency key; the same key and request return the first delivery, another
        request under it raises KeyReused.
    send_at: aware datetime before which nothing is submitted; for `enqueue` only.
    expires_at: aware datetime after which nothing is submitted any more.
    delivery: a delivery policy instead of the category's.
    """

    notice: str | None = None
    text: str | None = None
    to: Annotated[Recipient, BeforeValidator(_recipient)]
    data: Mapping[str, Any] = Field(default_factory=dict)
    channel: str | None = None
    category: Category | None = None
    locale: str | None = None
    key: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    delivery: DeliveryPolicy | None = None

    @model_validator(mode="after")
    def _one_source_of_words(self) -> Self:
        if (self.notice is None) == (self.text is None):
            raise ValueError("give either a notice or a text, not both and not neither")
        for name in ("send_at", "expires_at"):
            time = getattr(self, name)
            if time is not None and time.tzinfo is None:
                raise ValueError(f"{name} needs a time zone; use datetime.now(UTC) + …")
        return self

    def __repr__(self) -> str:
        what = self.notice if self.notice is not None else "text"
        return f"<Notification {what} to {self.to!r}>"

    __str__ = __repr__


class Binding(_Frozen):
    """Ties a notice to what a vendor has approved.

    provider: the provider *type*, `ihuyi`. channel, locale: which rendering it belongs to.
    template_id: the vendor's id of the approved template.
    text: the approved words, each slot written as `marker`.
    slots: the variables that fill the slots, in order.
    send_as: `text` submits the rendered words, `template` the id and the values.
    """

    provider: str
    channel: str = SMS
    locale: str = "zh"
    template_id: str | None = None
    text: str | None = None
    slots: tuple[str, ...] = ()
    marker: str = "【变量】"
    send_as: Literal["text", "template"] = "text"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.send_as == "template" and not self.template_id:
            raise ValueError('send_as = "template" needs a template_id')
        if self.text is not None and self.text.count(self.marker) != len(self.slots):
            raise ValueError(
                f"text has {self.text.count(self.marker)} slots, slots names {len(self.slots)} variables"
            )
        return self


@record
class Message:
    """What one channel sends to one address. Its repr shows neither the address nor the words.

    id: 32 hex digits, the same on every attempt. to: the normalised address (phones: E.164).
    text: the words; subject and html only where the channel has them.
    variables: the notice's checked values, formatted as they stand in the text.
    bindings: what vendors have approved for these words, by provider type.
    time_zone: the recipient's, where the application said; IANA name.
    """

    channel: str
    to: str
    text: str
    subject: str | None = None
    html: str | None = None
    category: Category = Category.ORDER
    notice: str | None = None
    locale: str = "zh"
    variables: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    expires_at: datetime | None = None
    time_zone: str | None = None
    id: str = field(default_factory=new_id)

    @property
    def phone(self) -> PhoneNumber:
        """The address as a phone number. Raises InvalidAddress where it is none."""
        return parse_phone(self.to)

    @property
    def mail(self) -> MailAddress:
        """The address as a mail address. Raises InvalidAddress where it is none."""
        return parse_mail(self.to)

    @property
    def country(self) -> str:
        """ISO 3166 alpha-2 of a phone number, "" for other addresses."""
        return parse_phone(self.to).country if self.channel in _PHONE_CHANNELS else ""

    def evolve(self, **changes: Any) -> Message:
        """A copy with these fields changed."""
        return _copied(self, changes)

    def __repr__(self) -> str:
        return f"<Message {self.id} {self.channel} {self.notice or 'text'} to {mask(self.to)}>"


_copied = copier(Message)
