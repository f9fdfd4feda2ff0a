"""The stock policies, one a file, and the pipeline that asks them."""

from notifyhub.policies.asking import Stop, interrupted
from notifyhub.policies.balance_guard import BalanceGuard
from notifyhub.policies.billing import Billing
from notifyhub.policies.budgets import Budget, Budgets
from notifyhub.policies.days_off import DaysOff
from notifyhub.policies.deduplicate import Deduplicate
from notifyhub.policies.limits import Limits
from notifyhub.policies.pipeline import Pipeline, passed_over
from notifyhub.policies.quiet_hours import QuietHours
from notifyhub.policies.quiet_time import QuietTime, quiet_until
from notifyhub.policies.stock import stock_policies
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policies.vendor_limits import VendorLimits

__all__ = [
    "BalanceGuard",
    "Billing",
    "Budget",
    "Budgets",
    "DaysOff",
    "Deduplicate",
    "Limits",
    "Pipeline",
    "QuietHours",
    "QuietTime",
    "Stop",
    "SuppressionList",
    "VendorLimits",
    "interrupted",
    "passed_over",
    "quiet_until",
    "stock_policies",
]
