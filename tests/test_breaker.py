"""The breaker: opened by what is about the vendor, never by one bad number."""

from __future__ import annotations

import pytest

from notifyhub.breaker import Breaker, BreakerState
from notifyhub.outcome import Outcome
from notifyhub.reason import Reason

TIMEOUT = Outcome.unknown(Reason.TIMEOUT)
EMPTY = Outcome.refused(Reason.BALANCE, code="4051")
BAD_NUMBER = Outcome.refused(Reason.INVALID_RECIPIENT, code="406")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_opens_after_threshold(clock: Clock) -> None:
    """Failures in a row open it; record says so once."""
    breaker = Breaker(threshold=3, clock=clock)
    assert [breaker.record(TIMEOUT) for _ in range(4)] == [False, False, True, False]
    assert breaker.state is BreakerState.OPEN
    assert not breaker.admit()
    assert breaker.reason is Reason.TIMEOUT


def test_acceptance_resets(clock: Clock) -> None:
    """Only failures in a row count."""
    breaker = Breaker(threshold=2, clock=clock)
    for _ in range(5):
        breaker.record(TIMEOUT)
        breaker.record(Outcome.accepted("1"))
    assert breaker.state is BreakerState.CLOSED


def test_account_opens_at_once(clock: Clock) -> None:
    """An empty account opens it with the first refusal."""
    breaker = Breaker(threshold=99, clock=clock)
    assert breaker.record(EMPTY)
    assert not breaker.admit()


def test_bad_numbers_never_open(clock: Clock) -> None:
    """However many bad numbers come, the vendor is not blamed."""
    breaker = Breaker(threshold=1, clock=clock)
    assert not any(breaker.record(BAD_NUMBER) for _ in range(100))
    assert breaker.admit()


def test_one_probe(clock: Clock) -> None:
    """After the cooldown one probe goes, and only one; accepted, it closes."""
    breaker = Breaker(cooldown=30, clock=clock)
    breaker.record(EMPTY)
    clock.now += 30
    assert breaker.state is BreakerState.HALF_OPEN
    assert [breaker.admit(), breaker.admit()] == [True, False]
    breaker.record(Outcome.accepted("1"))
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit()


def test_failed_probe_waits_longer(clock: Clock) -> None:
    """A failed probe opens it again for twice as long, ten minutes at most."""
    breaker = Breaker(cooldown=30, clock=clock)
    breaker.record(EMPTY)
    for pause in (30, 60, 120, 240, 480, 600, 600):
        clock.now += pause - 1
        assert not breaker.admit()
        clock.now += 1
        assert breaker.admit()
        assert not breaker.record(TIMEOUT)


def test_lost_probe(clock: Clock) -> None:
    """A probe that is never answered makes room for another."""
    breaker = Breaker(cooldown=30, clock=clock)
    breaker.record(EMPTY)
    clock.now += 30
    assert breaker.admit()
    clock.now += 30
    assert breaker.admit()


def test_refused_recipient_proves_health(clock: Clock) -> None:
    """A probe that meets a bad number has proved that the vendor answers again."""
    breaker = Breaker(cooldown=30, clock=clock)
    breaker.record(EMPTY)
    clock.now += 30
    assert breaker.admit()
    breaker.record(BAD_NUMBER)
    assert breaker.state is BreakerState.CLOSED


def test_the_longest_pause_can_be_set() -> None:
    """Where something else sees to a slow return, the pause does not grow."""
    now = [0.0]
    breaker = Breaker(threshold=1, cooldown=10, longest=10, clock=lambda: now[0])
    for _ in range(4):
        breaker.record(Outcome.not_sent(Reason.UNREACHABLE))
        assert not breaker.admit()
        now[0] += 10
        assert breaker.admit()
