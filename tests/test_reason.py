"""The reason table: closed, whole, and in agreement with what DESIGN and the failure model say."""

from __future__ import annotations

from notifyhub.reason import REASONS, BreakerEffect, Reason, Scope


def test_every_reason_has_a_rule() -> None:
    """No reason is without its row, no row without its reason."""
    assert set(REASONS) == set(Reason)
    assert all(rule.meaning for rule in REASONS.values())


def test_recipient_never_fails_over() -> None:
    """A limit that protects a person is never gone round with another vendor, nor blamed on one."""
    for reason in Reason:
        if reason.scope is Scope.RECIPIENT:
            assert not REASONS[reason].failover
            assert REASONS[reason].breaker is BreakerEffect.IGNORED


def test_account_opens_the_breaker() -> None:
    """Every refusal of the account fails over and opens the breaker at once."""
    for reason in Reason:
        if reason.scope is Scope.ACCOUNT:
            assert REASONS[reason].failover
            assert REASONS[reason].breaker is BreakerEffect.OPENS


def test_only_content_refused_stops() -> None:
    """Of the content reasons, only forbidden words forbid another vendor."""
    stopping = {r for r in Reason if r.scope is Scope.CONTENT and not REASONS[r].failover}
    assert stopping == {Reason.CONTENT_REFUSED}


def test_rounds_only_where_nothing_left() -> None:
    """The route is walked again for network reasons only."""
    assert {REASONS[r].scope for r in Reason if REASONS[r].rounds} == {Scope.NETWORK}
