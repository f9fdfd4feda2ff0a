"""The stock policies, one a file, and the pipeline that asks them."""

from notifyhub.policies.deduplicate import Deduplicate
from notifyhub.policies.pipeline import Pipeline
from notifyhub.policies.stock import stock_policies
from notifyhub.policies.suppression_list import SuppressionList

__all__ = ["Deduplicate", "Pipeline", "SuppressionList", "stock_policies"]
