"""Every ledger against the model, by whatever two holders and a clock can do, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from notifyhub.category import Category
from notifyhub.errors import KeyReused, LeaseLost, WrongState
from notifyhub.ledger import Job, Ledger, Query
from notifyhub.outcome import Delivery, Outcome, Status
from notifyhub.reason import Reason
from tests.ledger.deliveries import ADDRESS, OTHER_ADDRESS, Clock, attempted, queued, receipt
from tests.ledger.keepings import Keeping
from tests.ledger.model import UNDER_WAY, Entry, Model

Answer = TypeVar("Answer")
RANK = {Status.UNKNOWN: 1, Status.ACCEPTED: 2, Status.UNDELIVERED: 3, Status.DELIVERED: 4}

holders = st.integers(0, 1)
places = st.integers(0, 50)
some = st.integers(1, 4)
categories = st.sampled_from([Category.OTP, Category.ORDER, Category.MARKETING])


class LedgerMachine(RuleBasedStateMachine):
    """Does to a ledger and to the model the same, and holds one against the other."""

    def __init__(self, keeping: Keeping) -> None:
        super().__init__()
        keeping.clear()
        self.clock = Clock()
        self.model = Model(self.clock)
        self.holders: list[Ledger] = [keeping.make(self.clock) for _ in range(2 if keeping.shared else 1)]
        # What each holder last saw of a delivery it took up; kept when the lease is lost.
        self.views: list[dict[str, Delivery]] = [{} for _ in self.holders]
        self.runner = asyncio.Runner()
        self.number = 0

    def teardown(self) -> None:
        for ledger in self.holders:
            self.do(ledger.aclose())
        self.runner.close()

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    def holder(self, number: int) -> tuple[int, Ledger]:
        number %= len(self.holders)
        return number, self.holders[number]

    def entry(self, place: int) -> Entry:
        return self.model.entries[place % len(self.model.entries)]

    def view(self, number: int, place: int) -> tuple[Entry, Delivery] | None:
        """One of the deliveries that this holder has ever taken up."""
        views = list(self.views[number].values())
        if not views:
            return None
        view = views[place % len(views)]
        return next(entry for entry in self.model.entries if entry.name == view.id), view

    def new(self, category: Category, status: Status, **options: Any) -> Job:
        self.number += 1  # makes due times differ, so that there is one right order
        return queued(self.clock, category=category, status=status, **options)

    @initialize()
    def start(self) -> None:
        for ledger in self.holders:
            self.do(ledger.start())

    @rule(
        number=holders,
        category=categories,
        delay=st.sampled_from([-60, -1, 0, 5, 40]),
        life=st.sampled_from([20, 100, 5000]),
        instance=st.sampled_from(["sms", None]),
        key=st.sampled_from([None, None, "a", "b"]),
        words=st.sampled_from(["words", "words", "other words"]),
    )
    def open_queued(
        self,
        number: int,
        category: Category,
        delay: int,
        life: int,
        instance: str | None,
        key: str | None,
        words: str,
    ) -> None:
        _, ledger = self.holder(number)
        if category is Category.OTP:
            key = None  # without a sealing key, a code's words are not compared any more after its end
        due = delay + self.number / 1000
        job = self.new(
            category, Status.QUEUED, due=due, deadline=life + 0.1, key=key, words=words, instance=instance
        )
        first = next(
            (each for each in self.model.entries if key is not None and each.key == f"{key}.{words}"), None
        )
        taken = next(
            (e for e in self.model.entries if key is not None and (e.key or "").startswith(key)), None
        )
        if taken is not None and first is None:
            with pytest.raises(KeyReused):
                self.do(ledger.open(job))
            return
        opened = self.do(ledger.open(job))
        if first is not None:
            assert opened.id == first.name
            return
        assert opened == job.delivery
        self.model.entries.append(
            Entry(
                job.id,
                (category.priority, self.clock() + due),
                self.clock() + life + 0.1,
                None if key is None else f"{key}.{words}",
                Status.QUEUED,
                instance,
            )
        )

    @rule(number=holders, category=categories)
    def open_sending(self, number: int, category: Category) -> None:
        number, ledger = self.holder(number)
        job = self.new(category, Status.SENDING, due=None, deadline=5000.1)
        self.views[number][job.id] = self.do(ledger.open(job))
        entry = Entry(job.id, (category.priority, 0.0), self.clock() + 5000.1, None, Status.SENDING, "sms")
        entry.hold(number, self.clock())
        self.model.entries.append(entry)

    @rule(seconds=st.sampled_from([1, 1, 7, 31, 31, 300]))
    def turn(self, seconds: int) -> None:
        self.clock.turn(seconds)

    @rule(number=holders, limit=some, submitting=st.booleans())
    def claim(self, number: int, limit: int, submitting: bool) -> None:
        number, ledger = self.holder(number)
        now = self.clock()
        line = self.model.next_in_line()
        poison = [entry for entry in self.model.entries if entry.claimable(now) and entry.poison()]
        jobs = self.do(ledger.claim(limit, submitting=submitting))
        expected = line[: len(jobs)]
        assert len(jobs) <= limit
        assert len(jobs) == min(limit, len(line)) or poison
        assert {job.id for job in jobs} == {entry.name for entry in expected}
        self.take(number, jobs, submitting)
        for entry in poison:
            found = self.do(ledger.get(entry.name))
            assert found is not None
            if found.status is Status.DEAD:
                entry.status, entry.holder = Status.DEAD, None

    @precondition(lambda self: self.model.entries)
    @rule(number=holders, place=places, submitting=st.booleans())
    def claim_one(self, number: int, place: int, submitting: bool) -> None:
        number, ledger = self.holder(number)
        entry = self.entry(place)
        jobs = self.do(ledger.claim(3, submitting=submitting, delivery_id=entry.name))
        if not entry.claimable(self.clock()):
            assert not jobs
        elif entry.poison():
            assert not jobs
            entry.status, entry.holder = Status.DEAD, None
        else:
            assert [job.id for job in jobs] == [entry.name]
            self.take(number, jobs, submitting)

    def take(self, number: int, jobs: Any, submitting: bool) -> None:
        by_name = {entry.name: entry for entry in self.model.entries}
        for job in jobs:
            entry = by_name[job.id]
            entry.hold(number, self.clock())
            entry.claims += 1
            if submitting and entry.instance is not None:
                entry.status = Status.SENDING
            assert (job.delivery.status, job.instance) == (entry.status, entry.instance)
            assert job.claims == entry.claims
            self.views[number][job.id] = job.delivery

    @rule(number=holders, limit=some)
    def take_over(self, number: int, limit: int) -> None:
        number, ledger = self.holder(number)
        now = self.clock()
        lapsed = {e.name: e for e in self.model.entries if e.status is Status.SENDING and e.until <= now}
        jobs = self.do(ledger.take_over(limit))
        assert len(jobs) == min(limit, len(lapsed))
        for job in jobs:
            entry = lapsed.pop(job.id)
            assert (job.delivery.status, job.instance) == (Status.SENDING, entry.instance)
            entry.hold(number, now)
            self.views[number][job.id] = job.delivery

    @rule(number=holders)
    def renew(self, number: int) -> None:
        number, ledger = self.holder(number)
        self.do(ledger.renew())
        for entry in self.model.entries:
            if entry.holder == number and entry.status in UNDER_WAY:
                entry.hold(number, self.clock())

    @rule(number=holders, place=places, fails=st.booleans(), instance=st.sampled_from(["a", "b"]))
    def submit(self, number: int, place: int, fails: bool, instance: str) -> None:
        """Go on to an instance; `fails`: after an attempt before it that may have gone out."""
        number, ledger = self.holder(number)
        chosen = self.view(number, place)
        if chosen is None:
            return
        entry, view = chosen
        vendor_id = None
        if fails:
            self.number += 1
            vendor_id = f"u{self.number}"
            uncertain = Outcome.unknown(Reason.MALFORMED_REPLY, provider_message_id=vendor_id)
            view = attempted(view, uncertain, status=Status.SENDING)
        ours = entry.holder == number and entry.status in UNDER_WAY
        if ours:
            self.do(ledger.submitting(view, instance))
            entry.status, entry.instance = Status.SENDING, instance
            self.views[number][view.id] = view
        else:
            with pytest.raises(LeaseLost):
                self.do(ledger.submitting(view, instance))
            if entry.holder == number:
                entry.holder = None
        if fails and vendor_id is not None:
            entry.attempt(len(view.attempts), True, late=not ours)
            self.model.known_as(entry, vendor_id)

    @rule(
        number=holders,
        place=places,
        how=st.sampled_from(["accepted", "unknown", "refused", "again", "put back"]),
    )
    def record(self, number: int, place: int, how: str) -> None:
        number, ledger = self.holder(number)
        chosen = self.view(number, place)
        if chosen is None:
            return
        entry, view = chosen
        self.number += 1
        due = self.clock.moment(3 + self.number / 1000)
        vendor_id = f"v{self.number}" if how == "accepted" else None
        if how == "accepted":
            said = attempted(view, vendor_id)
        elif how == "unknown":
            said = attempted(view, None)
        elif how == "refused":
            said = attempted(view, Outcome.refused(Reason.BALANCE))
        elif how == "again":
            said = attempted(view, None, status=Status.QUEUED, due=due)
        else:
            step = f"put back {self.number}"
            said = view.evolve(status=Status.QUEUED, due=due, steps=(*view.steps, step))
        ours = entry.holder == number
        if ours:
            entry.holder, entry.claims, entry.instance = None, 0, None
            entry.status = entry.status.after(said.status)
            if entry.status is Status.QUEUED:
                entry.order = (entry.order[0], due.timestamp())
        if how != "put back":
            entry.attempt(len(said.attempts), said.attempts[-1].outcome.may_have_gone, late=not ours)
        if vendor_id is not None:
            self.model.known_as(entry, vendor_id)
        if ours:
            kept = self.do(ledger.record(said))
            assert kept.status is entry.status
            self.views[number][view.id] = kept
        else:
            with pytest.raises(LeaseLost):
                self.do(ledger.record(said))

    @rule(number=holders)
    def expire(self, number: int) -> None:
        _, ledger = self.holder(number)
        now = self.clock()
        late = [entry for entry in self.model.entries if entry.waits(now) and entry.deadline <= now]
        assert {delivery.id for delivery in self.do(ledger.expire())} == {entry.name for entry in late}
        for entry in late:
            entry.give_up(Status.EXPIRED)

    @precondition(lambda self: self.model.entries)
    @rule(number=holders, place=places)
    def cancel(self, number: int, place: int) -> None:
        _, ledger = self.holder(number)
        entry = self.entry(place)
        if entry.waits(self.clock()):
            entry.give_up(Status.CANCELLED)
        elif entry.status is not Status.CANCELLED:
            with pytest.raises(WrongState):
                self.do(ledger.cancel(delivery_id=entry.name))
            return
        assert self.do(ledger.cancel(delivery_id=entry.name)).status is entry.status

    @precondition(lambda self: self.model.entries)
    @rule(number=holders, place=places, status=st.sampled_from([Status.DELIVERED, Status.UNDELIVERED]))
    def resolve(self, number: int, place: int, status: Status) -> None:
        _, ledger = self.holder(number)
        entry = self.entry(place)
        if entry.status in (Status.UNKNOWN, Status.DEAD):
            entry.status = status
            assert self.do(ledger.resolve(entry.name, status, "operator: so it is")).status is status
        else:
            with pytest.raises(WrongState):
                self.do(ledger.resolve(entry.name, status, "operator: so it is"))

    @rule(number=holders, place=places, delivered=st.booleans(), ours=st.sampled_from([True, True, False]))
    def receive(self, number: int, place: int, delivered: bool, ours: bool) -> None:
        """A receipt for an id that a delivery is known by, or for the one that comes next."""
        _, ledger = self.holder(number)
        ids = [*self.model.by_vendor_id, f"v{self.number + 1}"]
        vendor_id = ids[-1 - place % len(ids)]
        pushed = receipt(vendor_id, delivered=delivered, address=ADDRESS if ours else OTHER_ADDRESS)
        delivery, news = self.do(ledger.receive(pushed))
        entry = self.model.by_vendor_id.get(vendor_id)
        if entry is None:
            waiting = self.model.parked.setdefault(vendor_id, set())
            assert (delivery, news) == (None, (delivered, ours) not in waiting)
            waiting.add((delivered, ours))
        elif not ours:
            assert (delivery, news) == (None, False)
        else:
            assert news is entry.receipt(vendor_id, delivered)
            assert delivery is not None
            assert (delivery.id, delivery.status) == (entry.name, entry.status)

    @precondition(lambda self: self.model.entries)
    @rule(number=holders, place=places)
    def look_up(self, number: int, place: int) -> None:
        """A delivery is found by its id, its key, and every id that a vendor gave for it."""
        _, ledger = self.holder(number)
        entry = self.entry(place)
        found = [self.do(ledger.get(entry.name))]
        if entry.key is not None:
            found.append(self.do(ledger.by_key(entry.key.partition(".")[0])))
        for vendor_id, known in self.model.by_vendor_id.items():
            if known is entry:
                found.append(self.do(ledger.find("sms", vendor_id)))
        assert all(delivery == entry.seen for delivery in found)

    @invariant()
    def agrees(self) -> None:
        """All holders see what the model says; nothing is lowered, and everything is only appended."""
        first, *others = [self.do(ledger.search(Query(limit=1000))) for ledger in self.holders]
        assert all(other == first for other in others)
        assert len(first) == len(self.model.entries)
        found = {delivery.id: delivery for delivery in first}
        for entry in self.model.entries:
            now, before = found[entry.name], entry.seen
            assert now.status is entry.status
            assert {a.number: a.outcome.may_have_gone for a in now.attempts} == entry.gone
            assert len(now.receipts) == len(entry.told)
            assert all(attempt in now.steps for attempt in now.attempts)
            if before is not None:
                assert RANK.get(now.status, 0) >= RANK.get(before.status, 0)
                assert now.steps[: len(before.steps)] == before.steps
                assert not before.status.is_final or now.status.is_final
            entry.seen = now

    @invariant()
    def counts(self) -> None:
        """The backlog is what is under way."""
        statuses = [entry.status for entry in self.model.entries]
        assert self.do(self.holders[0].backlog()).sending == statuses.count(Status.SENDING)


def run(keeping: Keeping, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(keeping),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_like_the_model(keeping: Keeping) -> None:
    """Whatever is done, and in whatever order, every ledger does what the model does."""
    run(keeping, examples=30, steps=30)


@pytest.mark.campaign
def test_like_the_model_for_long(keeping: Keeping) -> None:
    """The same, at length."""
    run(keeping, examples=1000, steps=60)
