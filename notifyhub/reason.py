"""Reason: why a message was not accepted, in one closed vocabulary that every vendor's codes are brought to.

`REASONS` is the one table that retry, failover and the breaker are read from; nothing else decides them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["REASONS", "BreakerEffect", "Reason", "ReasonRule", "Scope"]


class Scope(StrEnum):
    """Whom a reason is about, and so who can mend it."""

    RECIPIENT = "recipient"
    CONTENT = "content"
    ACCOUNT = "account"
    NETWORK = "network"
    PROVIDER = "provider"


class Reason(StrEnum):
    """Why an attempt was not accepted. Closed: the vendor's own word stays in `Outcome`."""

    INVALID_RECIPIENT = "invalid_recipient"
    RECIPIENT_BLOCKED = "recipient_blocked"
    RECIPIENT_RATE = "recipient_rate"
    CONTENT_REFUSED = "content_refused"
    TEMPLATE_UNMATCHED = "template_unmatched"
    CONTENT_UNSUPPORTED = "content_unsupported"
    CREDENTIALS = "credentials"
    ACCOUNT_BLOCKED = "account_blocked"
    BALANCE = "balance"
    ACCOUNT_RATE = "account_rate"
    CLOCK = "clock"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    MALFORMED_REPLY = "malformed_reply"
    PROVIDER_ERROR = "provider_error"
    UNRECOGNISED_CODE = "unrecognised_code"
    UNSUPPORTED = "unsupported"
    PROVIDER_BUG = "provider_bug"

    __hash__ = str.__hash__  # Enum's own is written in Python, and these are keys on the hot path

    @property
    def scope(self) -> Scope:
        """Whom this reason is about."""
        return REASONS[self].scope


class BreakerEffect(StrEnum):
    """What a reason tells about the health of the instance."""

    OPENS = "opens"
    COUNTS = "counts"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """One row of the reason table.

    failover: whether another instance may be tried after a REFUSED or NOT_SENT for this reason. After
        an UNKNOWN the category decides, never this table.
    retries: how often the same instance may be asked again after the pause the vendor named
        (`Outcome.retry_after`), or at once where the provider has mended the cause (clock).
    rounds: whether the instance may be asked again when the route is walked once more.
    breaker: what it tells about the instance's health.
    meaning: one sentence for people.
    """

    scope: Scope
    failover: bool
    retries: int
    rounds: bool
    breaker: BreakerEffect
    meaning: str


_OPENS, _COUNTS, _IGNORED = BreakerEffect.OPENS, BreakerEffect.COUNTS, BreakerEffect.IGNORED
_R, _C, _A, _N, _P = Scope.RECIPIENT, Scope.CONTENT, Scope.ACCOUNT, Scope.NETWORK, Scope.PROVIDER

REASONS: Mapping[Reason, ReasonRule] = MappingProxyType(
    {
        # reason                             scope failover retries rounds breaker  meaning
        # A per-recipient limit protects a person: going round it with another vendor defeats it.
        Reason.INVALID_RECIPIENT: ReasonRule(_R, False, 0, False, _IGNORED, "no such number or address"),
        Reason.RECIPIENT_BLOCKED: ReasonRule(
            _R, False, 0, False, _IGNORED, "the recipient is on a blacklist"
        ),
        Reason.RECIPIENT_RATE: ReasonRule(
            _R, False, 1, False, _IGNORED, "too many messages to this recipient"
        ),
        Reason.CONTENT_REFUSED: ReasonRule(_C, False, 0, False, _IGNORED, "the words are not allowed"),
        Reason.TEMPLATE_UNMATCHED: ReasonRule(
            _C, True, 0, False, _IGNORED, "the words match no template this vendor has approved"
        ),
        Reason.CONTENT_UNSUPPORTED: ReasonRule(
            _C, True, 0, False, _IGNORED, "this vendor cannot carry such content"
        ),
        Reason.CREDENTIALS: ReasonRule(_A, True, 0, False, _OPENS, "account or key are wrong"),
        Reason.ACCOUNT_BLOCKED: ReasonRule(_A, True, 0, False, _OPENS, "the account may not send"),
        Reason.BALANCE: ReasonRule(_A, True, 0, False, _OPENS, "the account has no messages left"),
        Reason.ACCOUNT_RATE: ReasonRule(_A, True, 0, False, _OPENS, "the account sends too fast"),
        # The provider learns the vendor's clock from the refusal, so one more try can succeed.
        Reason.CLOCK: ReasonRule(_A, True, 1, False, _OPENS, "the vendor's clock and ours disagree"),
        Reason.UNREACHABLE: ReasonRule(_N, True, 0, True, _COUNTS, "no connection to the vendor"),
        Reason.TIMEOUT: ReasonRule(_N, True, 0, True, _COUNTS, "no answer in time"),
        Reason.INTERRUPTED: ReasonRule(_N, True, 0, True, _COUNTS, "the connection or the task was cut off"),
        Reason.MALFORMED_REPLY: ReasonRule(_N, True, 0, True, _COUNTS, "the answer cannot be understood"),
        Reason.PROVIDER_ERROR: ReasonRule(_P, True, 0, False, _COUNTS, "the vendor failed"),
        Reason.UNRECOGNISED_CODE: ReasonRule(
            _P, True, 0, False, _COUNTS, "the vendor refused with a code nobody has explained"
        ),
        Reason.UNSUPPORTED: ReasonRule(_P, True, 0, False, _IGNORED, "this provider cannot do that"),
        Reason.PROVIDER_BUG: ReasonRule(_P, True, 0, False, _COUNTS, "the provider's code raised"),
    }
)
