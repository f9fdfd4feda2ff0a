"""Settings: `notifyhub.toml` (or `[tool.notifyhub]` in pyproject.toml) and the environment.

What a provider instance needs is known to its type only, so its table is kept as it was written;
the registry validates it and fills in the secrets (`env:NAME`, `file:PATH`).
"""

from notifyhub.settings.loading import find_settings_file, load_settings, settings_from
from notifyhub.settings.policies import (
    BalanceGuardSettings,
    BudgetSettings,
    DeduplicateSettings,
    DigestSettings,
    EscalationSettings,
    EscalationStep,
    LimitSettings,
    PolicySettings,
    QuietHoursSettings,
    SuppressionListSettings,
)
from notifyhub.settings.secrets import resolve_secrets
from notifyhub.settings.tables import (
    BreakerSettings,
    DispatchSettings,
    LedgerSettings,
    PluginSettings,
    RetentionSettings,
    RouteSettings,
    RouteTestSettings,
    Settings,
)
from notifyhub.settings.validation import validate

__all__ = [
    "BalanceGuardSettings",
    "BreakerSettings",
    "BudgetSettings",
    "DeduplicateSettings",
    "DigestSettings",
    "DispatchSettings",
    "EscalationSettings",
    "EscalationStep",
    "LedgerSettings",
    "LimitSettings",
    "PluginSettings",
    "PolicySettings",
    "QuietHoursSettings",
    "RetentionSettings",
    "RouteSettings",
    "RouteTestSettings",
    "Settings",
    "SuppressionListSettings",
    "find_settings_file",
    "load_settings",
    "resolve_secrets",
    "settings_from",
    "validate",
]
