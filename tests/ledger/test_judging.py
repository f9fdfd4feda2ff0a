"""Judging: what is found at a glance is what is found with care, and neither exceeds a limit."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.ledger import Admission, Demand, Question, Turn, judging
from notifyhub.ledger.judging import Posed, posed
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sheet import GRACE
from notifyhub.ledger.sql import admitting
from notifyhub.ledger.sql.admitting import Admitting, GiveBack
from notifyhub.ledger.sql.script import Batch, Script
from notifyhub.ledger.sqlite import SqliteStore
from notifyhub.ledger.tallies import Tallies
from notifyhub.ledger.tally import MOST_ENTRIES
from notifyhub.quota import About, Limit, Quota, Refusal, Taken

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
LONG = 3
"""Lines of a long sheet, here: so that words go elsewhere in every other story."""
Place: TypeAlias = tuple[object, ...]
"""What is counted together: the rule, what it counts apart, and whose that is."""

ABOUTS: Sequence[About | str] = (
    About.RECIPIENT, About.WORDS, About.RECIPIENT_AND_WORDS, About.RECIPIENT_AND_WORDS, "", "customer 7",
)  # fmt: skip
LIMITS = (
    Limit(1, 10), Limit(3, 64), Limit(7, 640), Limit(MOST_ENTRIES + 1, 64),
    Limit(2, 64, "fixed"), Limit(MOST_ENTRIES + 8, 640, "fixed"),
)  # fmt: skip

quotas = st.builds(
    lambda about, limit, amount, apart, low: Quota(
        f"{about} {limit} {limit.window}", about, limit, amount, apart=apart, low=low
    ),
    st.sampled_from(ABOUTS),
    st.sampled_from(LIMITS),
    st.sampled_from([1, 1, 1, 1, 2, 3, 0]),
    st.sampled_from(["", "", "a notice"]),
    st.sampled_from([0, 0, 1, 30]),
)
turns = st.lists(st.builds(Turn, st.sampled_from("ab"), st.lists(quotas, max_size=2).map(tuple)), max_size=2)
demands = st.builds(Demand, st.lists(quotas, max_size=4), turns)


class Ask(NamedTuple):
    """One that asks: which of the story's demands, whose it is, to whom and with which words."""

    demand: int
    whose: int
    recipient: int
    words: int


class Return(NamedTuple):
    """One that gives back: which of all that was taken, and how much of it."""

    which: int
    amount: int


asks = st.builds(Ask, st.integers(0, 3), st.integers(0, 30), st.integers(0, 1), st.integers(0, 4))
returns = st.builds(Return, st.integers(0, 30), st.integers(1, 3))
batches = st.lists(
    st.tuples(
        st.sampled_from(
            [0, 0, 1, 2, 2, 9, 10, 31, 64, 700, -1, -30, -100]
        ),  # seconds that the clock is turned
        st.lists(st.one_of(asks, asks, asks, asks, returns), min_size=1, max_size=4),  # asked together
    ),
    max_size=25,
)


class Desk:
    """Asks a table of its own, as a ledger in SQLite does. decide: how a question is answered."""

    def __init__(self, decide: Any = judging.decide) -> None:
        self.now = NOW
        self._decide = decide
        self._table = sqlite3.connect(":memory:", isolation_level=None)
        self._table.execute("CREATE TABLE notifyhub_tallies (name PRIMARY KEY, until, state)")
        self._admitting = Admitting(Sealer(), SqliteStore.dialect, lambda: self.now)

    def __call__(self, operations: Sequence[Posed | GiveBack]) -> Sequence[Any]:
        """The answers to what is asked together."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(admitting, "decide", self._decide)
            answers: Sequence[Any] = self._run(self._admitting(operations))
            return answers

    def write(self, *row: object) -> None:
        """Put a page there."""
        self._table.execute("INSERT INTO notifyhub_tallies VALUES (?, ?, ?)", row)

    def close(self) -> None:
        """Forget all."""
        self._table.close()

    def _run(self, script: Script[Any]) -> Any:
        try:
            step = next(script)
            while True:
                rows: Sequence[Any] = ()
                if isinstance(step, Batch):
                    self._table.executemany(step.sql, step.rows)
                else:
                    rows = self._table.execute(step.sql, step.parameters).fetchall()
                step = script.send(rows)
        except StopIteration as ended:
            return ended.value


class Memory:
    """Answers from pages that stay in memory, as the ledger there does."""

    def __init__(self) -> None:
        self.now = NOW
        self._tallies = Tallies()

    def __call__(self, operations: Sequence[Posed | GiveBack]) -> Sequence[Admission]:
        """The answers, one after the other."""
        return [self._answer(operation) for operation in operations]

    def _answer(self, operation: Posed | GiveBack) -> Admission:
        if isinstance(operation, Posed):
            return judging.decide(operation, self._tallies, (), self.now)
        for taken in operation.taken:
            self._tallies.give_back(taken)
        return Admission()


@dataclass
class Event:
    """So much taken, and when that counts from."""

    at: int
    amount: int
    whose: str


@dataclass
class Book:
    """All that was ever taken, by what is counted together: nothing is forgotten.

    latest: the latest time at which anything was counted.
    """

    events: dict[Place, list[Event]] = field(default_factory=dict)
    limits: dict[Place, Limit] = field(default_factory=dict)
    latest: int = NOW

    def took(self, place: Place, taken: Taken, now: int) -> None:
        """Something was taken: what its delivery had before, it has not taken again."""
        limit, events = taken.quota.limit, self.events.setdefault(place, [])
        self.limits[place] = limit
        more = taken.quota.amount - self._had(place, taken.at, taken.delivery_id)
        if more > 0:
            assert taken.at >= now
            assert limit.window == "fixed" or all(each.at <= taken.at for each in events)
            events.append(Event(taken.at, more, taken.delivery_id))
            self.latest = max(self.latest, taken.at)

    def gave_back(self, place: Place, taken: Taken) -> None:
        """Something was given back."""
        left, limit = taken.amount, taken.quota.limit
        for event in reversed(self.events[place]):
            if limit.amount > MOST_ENTRIES:
                meant = event.at == taken.at
            elif limit.window == "fixed":
                meant = event.at // limit.span == taken.at // limit.span
            else:
                meant = event.at <= taken.at
            if meant and event.whose == taken.delivery_id:
                less = min(left, event.amount)
                event.amount, left = event.amount - less, left - less

    def holds(self) -> bool:
        """Whether no stretch, and no window of the calendar, has more than its limit."""
        return all(
            sum(each.amount for each in self._live(place, event.at)) <= limit.amount
            for place, limit in self.limits.items() for event in self.events[place]
        )  # fmt: skip

    def lacks(self, place: Place, quota: Quota, whose: str, now: int) -> bool:
        """Whether there was too little of it, or so little that the slots of a great limit may say so."""
        limit, more = quota.limit, max(quota.amount, 1)
        slack = limit.window == "sliding" and limit.amount > MOST_ENTRIES
        live = self._live(place, now, 2 * limit.span // MOST_ENTRIES if slack else 0)
        if quota.amount:
            more -= self._had(place, now, whose)
        return sum(each.amount for each in live) + more > limit.amount

    def _had(self, place: Place, at: int, whose: str) -> int:
        """How much of it a delivery has already; of great limits nobody knows."""
        if place not in self.limits or self.limits[place].amount > MOST_ENTRIES:
            return 0
        return sum(each.amount for each in self._live(place, at) if each.whose == whose)

    def _live(self, place: Place, at: int, slack: int = 0) -> list[Event]:
        limit, events = self.limits.get(place), self.events.get(place, ())
        if limit is None:
            return []
        if limit.window == "fixed":
            return [each for each in events if each.at // limit.span == at // limit.span]
        return [each for each in events if at - limit.span - slack < each.at <= at + slack]


def told(answer: Admission) -> tuple[Any, ...]:
    """An answer, to be compared."""
    return (
        answer.listed, answer.refused, answer.instance, answer.passed_over, sorted(answer.low, key=repr),
        answer.taken, answer.turn,
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def short_sheets() -> Iterator[None]:
    """A sheet is long after a few lines."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("sheet", "tallies"):
            patched.setattr(f"notifyhub.ledger.{module}.LONG", LONG)
        yield


def question(asked: Ask, demand: Demand) -> Posed:
    """What is asked of the ledger."""
    return posed(
        Question(
            f"{asked.whose:032x}", "sms", Category.ORDER, demand=demand,
            recipient=f"+861380013800{asked.recipient}", words=f"words {asked.words}",
        ),
        Sealer().digest,
    )  # fmt: skip


def place(asked: Ask, quota: Quota) -> Place:
    """What the quota counts this message together with."""
    whose = {
        About.RECIPIENT: (asked.recipient,),
        About.WORDS: (asked.words,),
        About.RECIPIENT_AND_WORDS: (asked.recipient, asked.words),
    }
    return quota.name, quota.apart, *(whose[quota.about] if isinstance(quota.about, About) else ())


@given(st.lists(demands, min_size=1, max_size=4), batches)
def test_at_a_glance_as_with_care(wanted: list[Demand], story: list[tuple[int, list[Ask | Return]]]) -> None:
    """Whatever happened before, the quick answer is the careful one, and memory's is the table's: no limit is
    ever exceeded, and nothing is refused that would fit.
    """
    quick, careful, memory = Desk(), Desk(judging._with_care), Memory()
    book, held = Book(), list[tuple[Place, Taken]]()
    try:
        for by, together in story:
            now = quick.now = careful.now = memory.now = quick.now + by * SECOND
            operations: list[Posed | GiveBack] = []
            told_of: list[Ask | Place] = []
            for each in together:
                if isinstance(each, Ask):
                    operations.append(question(each, wanted[each.demand % len(wanted)]))
                    told_of.append(each)
                elif held:
                    where, taken = held.pop(each.which % len(held))
                    operations.append(GiveBack([taken._replace(amount=min(each.amount, taken.amount))]))
                    told_of.append(where)
            answers = zip(quick(operations), careful(operations), memory(operations), strict=True)
            for about, operation, each_answer in zip(told_of, operations, answers, strict=True):
                answer, *others = each_answer
                assert all(told(other) == told(answer) for other in others)
                if isinstance(operation, GiveBack):
                    book.gave_back(about, operation.taken[0])
                    continue
                assert isinstance(about, Ask)
                refusals = [why for _, why in answer.passed_over]
                if answer.refused is not None:
                    refusals.append(answer.refused)
                for why in refusals:
                    assert isinstance(why, Refusal)
                    if now >= book.latest:  # else only the latest time seen on its page tells
                        whose = operation.question.delivery_id
                        assert book.lacks(place(about, why.quota), why.quota, whose, now)
                for taken in (*answer.taken, *answer.turn):
                    if taken.amount:
                        book.took(place(about, taken.quota), taken, now)
                        held.append((place(about, taken.quota), taken))
                assert book.holds()
    finally:
        quick.close()
        careful.close()


WORDS_ONCE = Quota("once", About.RECIPIENT_AND_WORDS, Limit(1, 640))


def admitted(desk: Desk, demand: Demand, whose: int, words: int) -> Admission:
    """The answer to one who asks, to the one recipient."""
    answer = desk([question(Ask(0, whose, 0, words), demand)])[0]
    assert isinstance(answer, Admission)
    return answer


def filled(desk: Desk) -> None:
    """Make the recipient's sheet long."""
    for number in range(LONG):
        assert admitted(desk, Demand([WORDS_ONCE]), 100 + number, 100 + number).refused is None


def test_words_elsewhere_beside_a_tally_of_the_same() -> None:
    """Where words go that a long sheet does not take, nothing is overwritten that is counted of them."""
    desk, daily = Desk(), Demand([Quota("daily", About.RECIPIENT_AND_WORDS, Limit(2, 86400, "fixed"))])
    for number in range(2):
        assert admitted(desk, daily, number, 1).refused is None
    filled(desk)
    assert admitted(desk, Demand([WORDS_ONCE]), 10, 1).refused is None
    assert admitted(desk, daily, 3, 1).refused is not None
    desk.close()


def test_a_clock_behind_where_words_are_elsewhere() -> None:
    """What a clock counts that is behind, it counts at the latest time of the long sheet, and gives back."""
    desk, demand = Desk(), Demand([WORDS_ONCE])
    desk.now = NOW + 600 * SECOND
    filled(desk)
    desk.now = NOW
    taken = admitted(desk, demand, 1, 1).taken[0]
    assert taken.at == NOW + 600 * SECOND
    desk.now = NOW + 641 * SECOND
    assert admitted(desk, demand, 2, 1).refused is not None
    desk.now = NOW + 1239 * SECOND
    assert admitted(desk, demand, 2, 1).refused is not None
    desk.now = NOW
    again = admitted(desk, demand, 1, 1).taken
    desk([GiveBack(again)])
    assert admitted(desk, demand, 2, 1).refused is None
    desk.close()


def test_a_page_from_before_sheets_were_text() -> None:
    """What an earlier version wrote of a limit that is nobody's own still counts, and is no obstacle."""
    desk, quota = Desk(), Quota("all", "", Limit(2, 640))
    mark = "," + hashlib.sha256(b"all|").hexdigest()[:8]
    page = {"": [[NOW, NOW + 640 * SECOND, "before", mark]], "promised": {mark: NOW + 640 * SECOND}}
    desk.write("|all|", NOW + 640 * SECOND + GRACE, json.dumps(page))
    answers = [admitted(desk, Demand([quota]), whose, 1).refused for whose in (1, 2)]
    assert [answer is None for answer in answers] == [True, False]
    desk.close()


def test_a_sheet_that_was_long() -> None:
    """When nothing counts any more of what went elsewhere, the next one is answered at a glance again, also
    by a ledger that never writes its pages down.
    """
    tallies, demand = Tallies(), Demand([WORDS_ONCE])
    for number in range(3 * LONG):
        asked = question(Ask(0, number, 0, number), demand)
        assert judging.decide(asked, tallies, (), NOW).refused is None
    page = tallies.pages[asked.pages[0]]
    assert (len(page.lines), len(tallies.pages)) == (LONG, 1 + 2 * LONG)
    later = NOW + WORDS_ONCE.limit.span + GRACE
    assert judging.decide(question(Ask(0, 50, 0, 0), demand), tallies, (), later).refused is None
    assert (len(page.lines), len(tallies.pages)) == (1, 1 + 2 * LONG)
    asked = question(Ask(0, 51, 0, 1), demand)
    assert page.room(demand.mostly[0], asked.words, asked.question.delivery_id, later) == 1
