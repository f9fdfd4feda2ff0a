"""Stock: the policies that come along, as the settings switch them on."""

from __future__ import annotations

from notifyhub.policies.deduplicate import Deduplicate
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policy import Policy
from notifyhub.settings import Settings

__all__ = ["stock_policies"]


def stock_policies(settings: Settings) -> list[Policy]:
    """Those that `[policies]` names, in the order they are asked."""
    policies: list[Policy] = []
    listed, repeated = settings.policies.suppression_list, settings.policies.deduplicate
    if listed is not None:
        country = settings.default_country
        policies.append(
            SuppressionList(listed.addresses, categories=listed.categories, default_country=country)
        )
    if repeated is not None:
        policies.append(Deduplicate(repeated.window))
    return policies
