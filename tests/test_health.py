"""Health: conditions as a fold over what was seen, and one picture shared through the ledger."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.errors import LedgerUnavailable
from notifyhub.health import FULL, SHARES, Condition, HealthBoard
from notifyhub.health.condition import PATIENCE, WELL, Trouble, after_slot
from notifyhub.hub import Hub
from notifyhub.ledger import Health, MemoryLedger
from notifyhub.outcome import Attempt, Delivery, Outcome, Receipt, Status
from notifyhub.providers import ParsedPush, Push, PushAnswer
from notifyhub.reason import REASONS, BreakerEffect, Reason
from notifyhub.routing.strategies import PROBES, by_health
from notifyhub.testing import RecordingProvider

GOOD = Health("a", 0, accepted=20)
BAD = Health("a", 0, failed=20)
QUIET = Health("a", 0)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def folded(slots: Iterable[Health], condition: Condition = WELL) -> Condition:
    for slot in slots:
        condition = after_slot(condition, slot)
    return condition


def stages(slots: Iterable[Health], condition: Condition = WELL) -> list[int]:
    seen = []
    for slot in slots:
        condition = after_slot(condition, slot)
        seen.append(condition.stage)
    return seen


SLOTS = st.builds(
    lambda accepted, failed, delivered, undelivered, mean: Health(
        "a", 0, accepted, failed, delivered, undelivered, mean * (delivered + undelivered)
    ),
    *[st.integers(0, 50)] * 4,
    st.floats(0, 600),
)
CONDITIONS = st.lists(SLOTS, max_size=30).map(folded)


def test_a_brown_out_and_the_way_back() -> None:
    """Who fails is left within a slot, and comes back by steps, a slot each, once it is well."""
    sick = folded([GOOD] * 10 + [BAD])
    assert (sick.stage, sick.trouble, sick.share) == (0, Trouble.FAILING, 0.0)
    assert sick.words == "probes only: submissions fail"
    probes = Health("a", 0, accepted=6)
    assert stages([probes] * 4, sick) == [1, 2, 3, FULL]
    assert folded([probes] * 2, sick).words == "trusted with 25%: submissions fail"


def test_a_slow_decline() -> None:
    """Two in five that fail are enough within half a minute, one in ten never is."""
    assert 0 in stages([Health("a", 0, accepted=12, failed=8)] * 6)
    assert set(stages([Health("a", 0, accepted=18, failed=2)] * 200)) == {FULL}


@pytest.mark.parametrize("failed", [1, 2, 4])
def test_few_samples_prove_nothing(failed: int) -> None:
    """Four failures among no successes are not enough to leave an instance."""
    assert folded([Health("a", 0, failed=failed)]).well


def test_receipts_count() -> None:
    """Undelivered or late receipts move an instance behind too, and only receipts bring it back at once."""
    refused = folded([Health("a", 0, accepted=20, undelivered=20)] * 2)
    late = folded([Health("a", 0, accepted=20, delivered=20, lateness=20 * 400.0)])
    assert (refused.trouble, late.trouble) == (Trouble.UNDELIVERED, Trouble.LATE)
    probes = Health("a", 0, accepted=6)
    assert folded([probes] * 4, late).stage == 0
    in_time = Health("a", 0, accepted=6, delivered=6, lateness=30.0)
    assert folded([in_time] * 4, late).well


def test_what_nobody_sees_is_forgotten() -> None:
    """An instance that gets nothing any more is trusted again step by step, a minute each."""
    sick = folded([BAD] * 3)
    assert folded([QUIET] * (PATIENCE - 1), sick).stage == 0
    assert folded([QUIET] * PATIENCE * 4, sick).well


def test_no_flapping() -> None:
    """Each relapse doubles the time at each stage: an instance that breaks under load is tried ever less."""
    condition, at, fallen = WELL, 0, []
    for at in range(400):
        slot = BAD if condition.stage == FULL else Health("a", 0, accepted=6)
        before, condition = condition.stage, after_slot(condition, slot)
        if condition.stage < before:
            fallen.append(at)
    gaps = [later - earlier for earlier, later in pairwise(fallen)]
    assert gaps[:4] == sorted(gaps[:4])
    assert gaps[-1] >= 4 * gaps[0]


def test_between_the_thresholds_nothing_moves() -> None:
    """A failure share between leaving and coming back changes nothing, at whatever stage."""
    between = Health("a", 0, accepted=40, failed=10)
    for stage in range(FULL + 1):
        assert set(stages([between] * 100, Condition(stage=stage, trouble=Trouble.FAILING))) == {stage}


@given(st.lists(SLOTS, max_size=40))
def test_one_stage_at_a_time(slots: list[Health]) -> None:
    """Whatever is seen, trust grows by one stage at most and falls at once."""
    for before, after in pairwise([FULL, *stages(slots)]):
        assert after in (0, before, before + 1)
        assert 0 <= after <= FULL


@given(st.lists(SLOTS, max_size=60))
def test_every_instance_comes_back(slots: list[Health]) -> None:
    """Whatever was seen before, nothing but good makes an instance well in the end."""
    proof = Health("a", 0, accepted=10, delivered=10, lateness=10.0)
    assert folded([proof] * 200, folded(slots)).well


# The strategy


@given(st.lists(CONDITIONS, min_size=1, max_size=6), st.integers(), st.booleans())
def test_the_order_is_total(conditions: list[Condition], seed: int, probing: bool) -> None:
    """Every instance of the route once, and never another, in whatever condition they are."""
    order = by_health(conditions, random.Random(seed), probing=probing)
    assert sorted(order) == list(range(len(conditions)))


@given(st.integers(1, 6), st.integers())
def test_a_healthy_fleet_keeps_the_settings_order(many: int, seed: int) -> None:
    """While all are well nothing is drawn: the order is the settings'."""
    assert by_health([WELL] * many, random.Random(seed)) == list(range(many))


@given(st.lists(CONDITIONS, min_size=2, max_size=6), st.integers())
def test_codes_probe_nobody(conditions: list[Condition], seed: int) -> None:
    """Without probing, whoever is well goes before whoever is not."""
    order = by_health(conditions, random.Random(seed), probing=False)
    well = [conditions[place].well for place in order]
    assert well == sorted(well, reverse=True)


@given(st.lists(CONDITIONS, min_size=1, max_size=4))
def test_everybody_is_reached(conditions: list[Condition]) -> None:
    """No instance is left out for good: whoever is not well is asked first now and then."""
    rng = random.Random(1)
    first = {by_health(conditions, rng)[0] for _ in range(4000)}
    unwell = {place for place, condition in enumerate(conditions) if not condition.well}
    if len(unwell) < len(conditions):
        assert unwell <= first


@pytest.mark.parametrize("stage", range(FULL))
def test_shares(stage: int) -> None:
    """The first in the settings gets the share of its stage, and a few probes; so does not the second."""
    rng = random.Random(3)
    returning = Condition(stage=stage, trouble=Trouble.FAILING)
    firsts = [by_health([returning, WELL], rng)[0] for _ in range(20_000)]
    share = firsts.count(0) / len(firsts)
    assert SHARES[stage] * 0.9 <= share <= SHARES[stage] + PROBES * 1.2
    spare = [by_health([WELL, returning], rng)[0] for _ in range(20_000)]
    assert spare.count(1) / len(spare) <= PROBES * 1.2


# The board


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Shaky:
    """A ledger that can be down."""

    def __init__(self) -> None:
        self.down = False
        self.seen: list[Health] = []

    async def observe(self, seen: Sequence[Health]) -> None:
        if self.down:
            raise LedgerUnavailable("down")
        self.seen += seen

    async def health(self, since: int) -> Sequence[Health]:
        if self.down:
            raise LedgerUnavailable("down")
        sums: dict[tuple[str, int], list[float]] = {}
        for each in self.seen:
            if each.slot >= since:
                row = sums.setdefault((each.instance, each.slot), [0, 0])
                row[0] += each.accepted
                row[1] += each.failed
        return [Health(i, s, int(row[0]), int(row[1])) for (i, s), row in sums.items()]


def attempt(outcome: Outcome, provider: str = "a") -> Attempt:
    return Attempt(
        delivery_id="0" * 32, number=1, provider=provider, provider_type="fake", started_at=NOW,
        elapsed_ms=500.0, outcome=outcome, allowed="done",
    )  # fmt: skip


def boards(ledger: Any, clock: Clock, many: int = 2) -> list[HealthBoard]:
    return [HealthBoard(ledger, ["a", "b"], clock=clock) for _ in range(many)]


TIMEOUT = Outcome.unknown(Reason.TIMEOUT)


@pytest.mark.parametrize("ledger", [Shaky, MemoryLedger])
def test_one_picture(ledger: type[Any]) -> None:
    """What one process sees the other knows after both have exchanged; who starts later knows it too."""

    async def check() -> None:
        clock = Clock()
        shared = ledger() if ledger is Shaky else MemoryLedger()
        one, other = boards(shared, clock)
        for _ in range(20):
            one.attempt(attempt(TIMEOUT))
        assert one.condition("a").well
        await one.exchange()
        await other.exchange()
        late = HealthBoard(shared, ["a", "b"], clock=clock)
        await late.exchange()
        for board in (one, other, late):
            assert board.condition("a").stage == 0
            assert board.condition("b").well

    asyncio.run(check())


def test_a_ledger_that_is_down() -> None:
    """While the ledger is down the last picture stays, and what was seen meanwhile is told afterwards."""

    async def check() -> None:
        clock, ledger = Clock(), Shaky()
        one, other = boards(ledger, clock)
        ledger.down = True
        for _ in range(20):
            one.attempt(attempt(TIMEOUT))
        with pytest.raises(LedgerUnavailable):
            await one.exchange()
        assert one.condition("a").well
        ledger.down = False
        clock.now += 5
        one.attempt(attempt(TIMEOUT))
        await one.exchange()
        await other.exchange()
        assert [each.failed for each in ledger.seen] == [20, 1]
        assert other.condition("a").stage == 0

    asyncio.run(check())


def test_settled_slots_are_read_once() -> None:
    """Coming back goes on over any length of time, though only the newest slots are read again."""

    async def check() -> None:
        clock, ledger = Clock(), Shaky()
        (board,) = boards(ledger, clock, 1)
        for second in range(300):
            outcome = TIMEOUT if 30 <= second < 60 else Outcome.accepted("1")
            for _ in range(3):
                board.attempt(attempt(outcome))
            await board.exchange()
            clock.now += 1
            if second == 45:
                assert board.condition("a").stage == 0
        assert board.condition("a").well

    asyncio.run(check())


@pytest.mark.parametrize("reason", list(Reason))
def test_what_speaks_against_an_instance(reason: Reason) -> None:
    """What the breaker counts is counted; a bad number or text is neither success nor failure."""

    async def check() -> None:
        ledger = Shaky()
        (board,) = boards(ledger, Clock(), 1)
        board.attempt(attempt(Outcome.refused(reason, code="1")))
        board.attempt(attempt(TIMEOUT, provider="nobody watches"))
        await board.exchange()
        counted = REASONS[reason].breaker is not BreakerEffect.IGNORED
        assert sum(each.failed for each in ledger.seen) == counted
        assert sum(each.accepted for each in ledger.seen) == 0

    asyncio.run(check())


def test_lateness_of_receipts() -> None:
    """Lateness is counted from the end of the attempt that was accepted under the receipt's id."""

    async def check() -> None:
        ledger = Shaky()
        (board,) = boards(ledger, Clock(), 1)
        delivery = Delivery(
            id="0" * 32, status=Status.DELIVERED, channel="sms", category=Category.ORDER,
            address="+8613800138000", attempts=(attempt(TIMEOUT), attempt(Outcome.accepted("17"))),
        )  # fmt: skip
        for smsid in ("17", "18"):
            receipt = Receipt(
                provider="a", provider_message_id=smsid, delivered=smsid == "17", address="+8613800138000"
            )
            board.receipt(receipt, delivery, NOW + timedelta(seconds=40))
        await board.exchange()
        (seen,) = ledger.seen
        assert (seen.delivered, seen.undelivered, seen.lateness) == (1, 1, 39.5)

    asyncio.run(check())


def test_two_exchanges_at_once() -> None:
    """Exchanges that overlap fold no slot twice."""

    class Slow(Shaky):
        async def health(self, since: int) -> Sequence[Health]:
            seen = await super().health(since)
            await asyncio.sleep(0.01)
            return seen

    async def check() -> None:
        clock, ledger = Clock(), Slow()
        one, other = boards(ledger, clock)
        for second in range(60):
            one.attempt(attempt(TIMEOUT if second < 20 else Outcome.accepted("1")))
            await one.exchange()
            await asyncio.gather(other.exchange(), other.exchange())
            clock.now += 1
            assert one.condition("a") == other.condition("a")

    asyncio.run(check())


# The hub


class Pushing(RecordingProvider):
    """Reads a push as the receipt of the message whose id is its body."""

    def parse_push(self, push: Push) -> ParsedPush:
        receipt = Receipt(
            provider="?", provider_message_id=push.body.decode(), delivered=False, address="+8613800138000"
        )
        return ParsedPush((receipt,), PushAnswer(200, "0"))


WATCHING = {"routes": [{"providers": ["a"], "strategy": "by_health"}]}


def test_a_hub_exchanges_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub with a by_health route exchanges while it runs; attempts and receipts are in the ledger then."""
    monkeypatch.setattr("notifyhub.upkeep.HEALTH_PAUSE", 0.01)

    async def check() -> None:
        async with Hub(WATCHING, providers={"a": Pushing()}) as hub:
            sent = await hub.send(text="一", to="13800138000")
            body = (sent.provider_message_id or "").encode()
            for _ in range(2):  # the second says nothing new
                await hub.receive_push("a", Push(body=body))
            for _ in range(500):
                seen = await hub.ledger.health(0)
                if sum(each.undelivered for each in seen):
                    break
                await asyncio.sleep(0.01)
            assert [sum(each.accepted for each in seen), sum(each.undelivered for each in seen)] == [1, 1]

    asyncio.run(check())


def test_without_such_a_route_nothing_is_counted() -> None:
    """A hub whose routes do not look at health neither counts nor writes any."""

    async def check() -> None:
        async with Hub(providers={"a": RecordingProvider()}) as hub:
            await hub.send(text="一", to="13800138000")
            assert not hub.health.watches
            await hub.health.exchange()
            assert await hub.ledger.health(0) == []

    asyncio.run(check())


def test_breakers_of_watched_instances_do_not_wait_ever_longer() -> None:
    """Where trust comes back by steps, an open breaker lets a probe through after each cooldown."""
    hubs = [Hub(settings, providers={"a": RecordingProvider()}) for settings in (WATCHING, {})]
    watched, other = (hub.registry.instance("a").breaker for hub in hubs)
    assert (watched._longest, other._longest) == (30.0, 600.0)
