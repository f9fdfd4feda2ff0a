"""Every error notifyhub raises, as one tree.

    NotifyhubError
    ├── ConfigurationError     what the operator or the programmer set up is wrong
    │   ├── SettingsError          a key of notifyhub.toml or the environment
    │   ├── PluginError            a plugin that cannot be loaded or contradicts another
    │   ├── TemplateError          a notice's own files: manifest, template, binding
    │   ├── SchemaError            the ledger's tables are missing, older or newer than this code
    │   └── NoRoute                nothing is configured that could carry this message
    ├── NotificationError      what the caller asked for cannot be
    │   ├── UnknownNotice
    │   ├── InvalidVariable        missing, unknown, ill-typed or unsafe data
    │   ├── InvalidAddress
    │   ├── UnknownDelivery        no delivery has this id
    │   ├── UnknownSuppression     no entry of the suppression list has this id
    │   ├── UnsupportedOperation   the provider has no such ability (balance, pushes)
    │   ├── WrongState             the delivery is past what was asked for (cancel, resolve)
    │   └── KeyReused              an idempotency key came back with another request
    ├── LedgerUnavailable      the ledger cannot be read or written now: nothing was sent, nothing kept
    │   └── LeaseLost              another worker owns this delivery now
    └── DeliveryFailed         only from Delivery.raise_for_status()

The families stay apart on purpose: an application catches NotificationError to answer its
user, lets ConfigurationError reach the person who deploys, and may try again after LedgerUnavailable
(with an idempotency key where the connection may have broken in a commit). What the *world* did (a
refusal, a timeout) is never raised: it is a value, `Outcome`. No message of an error ever holds a
secret, a code or a whole address; that is why values are described and not quoted.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError

    from notifyhub.outcome import Delivery

__all__ = [
    "ConfigurationError",
    "DeliveryFailed",
    "Fault",
    "InvalidAddress",
    "InvalidVariable",
    "KeyReused",
    "LeaseLost",
    "LedgerUnavailable",
    "NoRoute",
    "NotificationError",
    "NotifyhubError",
    "PluginError",
    "SchemaError",
    "SettingsError",
    "TemplateError",
    "UnknownDelivery",
    "UnknownNotice",
    "UnknownSuppression",
    "UnsupportedOperation",
    "WrongState",
    "faults_of",
    "nearest",
]


class NotifyhubError(Exception):
    """The root. `str()` is one line: the field, what is wrong, the remedy.

    field: the key, variable or option that is wrong, when there is one.
    remedy: what to do about it, when it is known.
    """

    def __init__(self, problem: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.field}: {self.problem}" if self.field else self.problem
        return f"{head}; {self.remedy}" if self.remedy else head


class ConfigurationError(NotifyhubError):
    """What was set up is wrong; sending again changes nothing."""


class SettingsError(ConfigurationError):
    """A setting is unknown, missing or ill-typed; `field` is its dotted key."""


class PluginError(ConfigurationError):
    """A plugin cannot be loaded, or two plugins claim the same name."""


class TemplateError(ConfigurationError):
    """A notice's manifest, template or binding is broken; `field` names the notice."""


class SchemaError(ConfigurationError):
    """The ledger's tables are missing, or older or newer than this code; the remedy names the command."""


class NoRoute(ConfigurationError):
    """No configured instance can carry the message; the text says what was looked for and what exists."""


class NotificationError(NotifyhubError):
    """What was asked for cannot be done as asked; nothing was sent."""


class UnknownNotice(NotificationError):
    """No template folder has a notice of this name."""


class InvalidVariable(NotificationError):
    """The data does not fit the notice's manifest; `field` is the variable's name."""


class InvalidAddress(NotificationError):
    """The recipient has no usable address for the channel."""


class UnknownDelivery(NotificationError):
    """The ledger knows no delivery by this id."""


class UnknownSuppression(NotificationError):
    """The suppression list has no entry by this id."""


class UnsupportedOperation(NotificationError):
    """The provider instance does not have this ability."""


class KeyReused(NotificationError):
    """This idempotency key already stands for another request."""


class WrongState(NotificationError):
    """The delivery is in a state in which this cannot be done; the text says which."""


class LedgerUnavailable(NotifyhubError):
    """The ledger cannot be read or written now (locked, full, restarting); the same may work later."""


class LeaseLost(LedgerUnavailable):
    """This process held the delivery for too long in silence, and another one owns it now."""


class DeliveryFailed(NotifyhubError):
    """Raised by `Delivery.raise_for_status()` when the message was not accepted; carries the delivery."""

    def __init__(self, problem: str, delivery: Delivery) -> None:
        super().__init__(problem)
        self.delivery = delivery


def nearest(word: str, known: Iterable[str]) -> str | None:
    """A remedy that names the known word closest to a mistyped one: ``did you mean `account`?``."""
    names = sorted(known)
    match = get_close_matches(word, names, n=1, cutoff=0.6)
    if match:
        return f"did you mean `{match[0]}`?"
    return f"known: {', '.join(names)}" if names else None


class Fault(NamedTuple):
    """One thing pydantic found wrong. kind: its name for it. path: the keys down to it. said: in words."""

    kind: str
    path: tuple[str, ...]
    said: str

    @property
    def key(self) -> str:
        """The dotted key, "" for the whole."""
        return ".".join(self.path)


def faults_of(error: ValidationError) -> list[Fault]:
    """What pydantic found wrong, in its order, without the values it found: they may be secrets."""
    return [
        Fault(
            fault["type"],
            tuple(str(part) for part in fault["loc"]),
            fault["msg"].removeprefix("Value error, "),
        )
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
