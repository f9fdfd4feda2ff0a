"""notifyhub: say what to tell whom; it finds the words, picks the vendor and remembers what became of it.

    async with Hub.from_settings() as hub:
        delivery = await hub.send("login/code", to="+8613800138000", data={"code": "482913"})

Names are loaded when first used, so that `import notifyhub` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyhub.category import Category, DeliveryPolicy, OnUnknown
    from notifyhub.errors import (
        ConfigurationError,
        DeliveryFailed,
        InvalidAddress,
        InvalidVariable,
        KeyReused,
        LeaseLost,
        LedgerUnavailable,
        NoRoute,
        NotificationError,
        NotifyhubError,
        PluginError,
        SchemaError,
        SettingsError,
        TemplateError,
        UnknownDelivery,
        UnknownNotice,
        UnknownSuppression,
        UnsupportedOperation,
        WrongState,
    )
    from notifyhub.hookspecs import hookimpl
    from notifyhub.hub import Hub
    from notifyhub.ledger import Suppression
    from notifyhub.message import Message, Notification, Recipient
    from notifyhub.outcome import Attempt, Delivery, Outcome, OutcomeKind, Receipt, Reply, Status
    from notifyhub.plugins import Plugins
    from notifyhub.providers import Capabilities, Provider, ProviderType, Push, PushAnswer, provider
    from notifyhub.reason import Reason, Scope
    from notifyhub.resolution import Verdict
    from notifyhub.sync import SyncHub

__version__ = "0.1.0"

_HOME = {
    "Attempt": "outcome",
    "Capabilities": "providers",
    "Category": "category",
    "ConfigurationError": "errors",
    "Delivery": "outcome",
    "DeliveryFailed": "errors",
    "DeliveryPolicy": "category",
    "Hub": "hub",
    "InvalidAddress": "errors",
    "InvalidVariable": "errors",
    "KeyReused": "errors",
    "LeaseLost": "errors",
    "LedgerUnavailable": "errors",
    "Message": "message",
    "NoRoute": "errors",
    "Notification": "message",
    "NotificationError": "errors",
    "NotifyhubError": "errors",
    "OnUnknown": "category",
    "Outcome": "outcome",
    "OutcomeKind": "outcome",
    "PluginError": "errors",
    "Plugins": "plugins",
    "Provider": "providers",
    "ProviderType": "providers",
    "Push": "providers",
    "PushAnswer": "providers",
    "Reason": "reason",
    "Receipt": "outcome",
    "Recipient": "message",
    "Reply": "outcome",
    "SchemaError": "errors",
    "Scope": "reason",
    "SettingsError": "errors",
    "Status": "outcome",
    "Suppression": "ledger",
    "SyncHub": "sync",
    "TemplateError": "errors",
    "UnknownDelivery": "errors",
    "UnknownNotice": "errors",
    "UnknownSuppression": "errors",
    "UnsupportedOperation": "errors",
    "Verdict": "resolution",
    "WrongState": "errors",
    "hookimpl": "hookspecs",
    "provider": "providers",
}

__all__ = [
    "Attempt",
    "Capabilities",
    "Category",
    "ConfigurationError",
    "Delivery",
    "DeliveryFailed",
    "DeliveryPolicy",
    "Hub",
    "InvalidAddress",
    "InvalidVariable",
    "KeyReused",
    "LeaseLost",
    "LedgerUnavailable",
    "Message",
    "NoRoute",
    "Notification",
    "NotificationError",
    "NotifyhubError",
    "OnUnknown",
    "Outcome",
    "OutcomeKind",
    "PluginError",
    "Plugins",
    "Provider",
    "ProviderType",
    "Push",
    "PushAnswer",
    "Reason",
    "Receipt",
    "Recipient",
    "Reply",
    "SchemaError",
    "Scope",
    "SettingsError",
    "Status",
    "Suppression",
    "SyncHub",
    "TemplateError",
    "UnknownDelivery",
    "UnknownNotice",
    "UnknownSuppression",
    "UnsupportedOperation",
    "Verdict",
    "WrongState",
    "hookimpl",
    "provider",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'notifyhub' has no attribute {name!r}")
    value = getattr(import_module(f"notifyhub.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
