"""Tallies: what is counted, held against lists of all that ever happened."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifyhub.ledger.demand import written
from notifyhub.ledger.sheet import Sheet
from notifyhub.ledger.tallies import Page, Place, Tallies
from notifyhub.ledger.tally import MOST_ENTRIES
from notifyhub.quota import Limit, Quota, Refusal, Taken

NOW = 1_800_000_000_000_000
SPAN = 64_000_000
"""Microseconds."""
MIDNIGHT = 20_833 * 86_400_000_000
"""In UTC."""
LATENESS = 300_000
"""Microseconds that are given to each who comes back, beyond what the limit asks for."""
PAGE = "a page"
Step = tuple[Literal["take", "give back"], int, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "give back"]),
        st.sampled_from(
            [0, 0, 1, 7, SPAN // 32, SPAN // 3, SPAN - 1, SPAN, SPAN + 1, -1, -SPAN // 5, -3 * SPAN]
        ),
        st.integers(0, 5),  # who takes, or which of what was taken goes back
        st.integers(1, 4),  # how much
    ),
    max_size=60,
)


def quota(limit: Limit, amount: int = 1, offset: int = 0) -> Quota:
    """So much of a limit."""
    return Quota("rule", "", limit, amount, offset)


def placed(asked: Quota) -> Place:
    """Where that is counted."""
    mark, tally = written(asked.name, asked.apart, asked.limit, False)
    return Place(asked, PAGE, mark, tally)


class Counter:
    """One page, written down and read again after each step, as a ledger does."""

    def __init__(self) -> None:
        self.tallies = Tallies()
        self.now = NOW
        self.used = 0

    def ask(self, asked: Quota, whose: str, now: int) -> Taken | Refusal:
        """Take it, or be refused."""
        self.now, place = now, placed(asked)
        left = self.tallies.left(place, now)
        refusal = self.tallies.lacking(place, left, whose, now)
        if refusal is not None:
            self.tallies.promise(place, refusal)
            answer: Taken | Refusal = refusal
        else:
            answer, self.used = self.tallies.take(place, left, whose, now)
        self.write_down()
        return answer

    def give_back(self, taken: Taken) -> None:
        """Give it back."""
        self.tallies.give_back(taken)
        self.write_down()

    def write_down(self) -> None:
        """As text, and back."""
        page = self.tallies.pages.get(PAGE)
        if page is not None:
            state = page.written(self.now)
            for name, tally in state.items() if isinstance(state, dict) else ():
                if name.startswith("|") and tally[1] == "sliding":
                    assert len(tally[3]) <= MOST_ENTRIES + 2
            self.tallies.pages[PAGE] = Page(json.loads(json.dumps(state)), page.until())


@dataclass
class Event:
    """Something taken. at: the latest time that was seen by then."""

    at: int
    amount: int
    whose: str


@dataclass
class Story:
    """All that happened to one tally; the clock never seen to go back."""

    limit: Limit
    now: int = NOW
    seen: int = 0
    events: list[Event] = field(default_factory=list)
    all_taken: list[tuple[Taken, Event]] = field(default_factory=list)

    def turn(self, by: int) -> None:
        """Turn the clock, back too."""
        self.now += by

    @property
    def time(self) -> int:
        """The latest time at which something was counted, or now."""
        return max(self.now, self.seen)

    def took(self, taken: Taken, amount: int) -> None:
        """Something more was taken."""
        self.seen = self.time
        self.events.append(Event(self.time, amount, taken.delivery_id))
        self.all_taken.append((taken, self.events[-1]))

    def within(self, seconds_before: int, until: int) -> int:
        """What was taken in the stretch that ends then."""
        return sum(each.amount for each in self.events if until - seconds_before < each.at <= until)

    def holds(self) -> bool:
        """Whether no stretch ever had more than the limit."""
        return all(self.within(SPAN, each.at) <= self.limit.amount for each in self.events)


@given(st.integers(0, 6), steps)
def test_small_sliding(amount: int, told: list[Step]) -> None:
    """No stretch ever has more than the limit, to the microsecond, and nothing is refused that would fit."""
    story, counter = Story(Limit(amount, SPAN / 1e6)), Counter()
    for what, by, which, much in told:
        story.turn(by)
        if what == "give back" and story.all_taken:
            taken, _ = story.all_taken[which % len(story.all_taken)]
            taken = taken._replace(amount=min(much, taken.amount))
            counter.give_back(taken)
            left = taken.amount
            for each in reversed(story.events):
                if each.whose == taken.delivery_id and each.at <= taken.at:
                    less = min(left, each.amount)
                    each.amount, left = each.amount - less, left - less
            continue
        whose, time = f"delivery {which}", story.time
        live = [each for each in story.events if each.at > time - SPAN]
        known = sum(each.amount for each in live if each.whose == whose)
        more = max(much - known, 0)
        fits = more <= amount - sum(each.amount for each in live)
        answer = counter.ask(quota(story.limit, much), whose, story.now)
        assert isinstance(answer, Taken) is fits
        if isinstance(answer, Refusal):
            assert answer.free_at > story.now
        elif more:
            assert (answer.at, answer.amount) == (time, much)
            story.took(answer, more)
            assert counter.used == story.within(SPAN, time)
        assert story.holds()


@given(st.integers(MOST_ENTRIES + 1, MOST_ENTRIES + 8), steps)
def test_great_sliding(amount: int, told: list[Step]) -> None:
    """A great limit is never exceeded in any stretch either, and gives away no more than two slots of it."""
    story, counter, given_back = Story(Limit(amount, SPAN / 1e6)), Counter(), set[int]()
    for what, by, which, much in told:
        story.turn(by)
        if what == "give back" and story.all_taken:
            number = which % len(story.all_taken)
            if number not in given_back:
                given_back.add(number)
                taken, event = story.all_taken[number]
                counter.give_back(taken)
                event.amount = 0
            continue
        much *= 5
        answer = counter.ask(quota(story.limit, much), f"delivery {which}", story.now)
        if isinstance(answer, Taken):
            story.took(answer, much)
        else:
            assert story.within(SPAN + 2 * SPAN // MOST_ENTRIES, story.time) + much > amount
            assert answer.free_at > story.now
        assert story.holds()


@given(st.integers(0, 40), st.sampled_from([0, 8 * 3600, -5 * 3600, 7]), steps)
def test_fixed(amount: int, offset: int, told: list[Step]) -> None:
    """No window of the calendar ever has more than the limit, and nothing is refused that would fit."""
    limit, counter = Limit(amount, SPAN / 1e6, "fixed"), Counter()
    now, window, used = NOW, 0, dict[str, int]()
    for _, by, which, much in told:
        now += by
        window_now = max(window, (now + offset * 1_000_000) // SPAN)
        if window_now > window:
            mine: dict[str, int] = {}
        else:
            mine = used
        whose = f"delivery {which}"
        known = mine.get(whose, 0) if amount <= MOST_ENTRIES else 0
        more = max(much - known, 0)
        answer = counter.ask(quota(limit, much, offset), whose, now)
        assert isinstance(answer, Taken) is (more <= amount - sum(mine.values()))
        if isinstance(answer, Taken) and more:
            window, used = window_now, {**mine, whose: mine.get(whose, 0) + more}
            assert sum(used.values()) <= amount
            assert counter.used == sum(used.values())


@pytest.mark.parametrize("amount", [2, 100])
def test_the_edge_of_a_stretch(amount: int) -> None:
    """What was taken at t counts until t + seconds, and at that very moment no longer."""
    counter, limit = Counter(), Limit(amount, 60)
    slot = 60_000_000 // MOST_ENTRIES
    start = NOW - NOW % slot
    assert isinstance(counter.ask(quota(limit, amount), "a", start), Taken)
    end = start + 60_000_000 + (slot if amount > MOST_ENTRIES else 0)
    refusal = counter.ask(quota(limit), "b", end - 1)
    assert isinstance(refusal, Refusal)
    assert refusal.free_at == end
    assert isinstance(counter.ask(quota(limit), "b", end), Taken)


def test_the_edge_of_a_window() -> None:
    """A day begins at midnight of its own calendar, to the microsecond."""
    counter, limit, shanghai = Counter(), Limit(1, 86400, "fixed"), 8 * 3600
    midnight = MIDNIGHT - shanghai * 1_000_000
    assert isinstance(counter.ask(quota(limit, 1, shanghai), "a", midnight - 2), Taken)
    refusal = counter.ask(quota(limit, 1, shanghai), "b", midnight - 1)
    assert isinstance(refusal, Refusal)
    assert refusal.free_at == midnight
    assert isinstance(counter.ask(quota(limit, 1, shanghai), "b", midnight), Taken)


def test_days_of_twenty_five_and_twenty_three_hours() -> None:
    """Where the clocks are put back that day has no second limit, and where they are put on none is lost."""
    counter, limit, hour = Counter(), Limit(1, 86400, "fixed"), 3_600_000_000
    midnight = MIDNIGHT - hour
    assert isinstance(counter.ask(quota(limit, 1, 3600), "a", midnight), Taken)
    refusal = counter.ask(quota(limit, 1, 0), "b", midnight + 25 * hour - 1)
    assert isinstance(refusal, Refusal)
    assert refusal.free_at == midnight + 25 * hour
    assert isinstance(counter.ask(quota(limit, 1, 0), "b", midnight + 25 * hour), Taken)
    assert isinstance(counter.ask(quota(limit, 1, 3600), "c", midnight + 48 * hour - 1), Refusal)
    assert isinstance(counter.ask(quota(limit, 1, 3600), "c", midnight + 48 * hour), Taken)


@pytest.mark.parametrize("limit", [Limit(10, 60), Limit(600, 3600), Limit(10, 60, "fixed")], ids=str)
def test_those_refused_come_back_one_after_another(limit: Limit) -> None:
    """However many are refused at once, they are told times apart by what the limit lets through."""
    counter = Counter()
    counter.ask(quota(limit, limit.amount), "all", NOW)
    told = []
    for number in range(200):
        answer = counter.ask(quota(limit), f"delivery {number}", NOW + 1000)
        assert isinstance(answer, Refusal)
        told.append(answer.free_at)
    step = int(limit.seconds * 1e6) // limit.amount
    assert told[0] > NOW
    assert {later - one for one, later in pairwise(told)} == {step + min(LATENESS, step)}
    afterwards = told[-1] + 1
    assert isinstance(counter.ask(quota(limit, limit.amount), "all again", afterwards), Taken)
    answer = counter.ask(quota(limit), "another", afterwards + 1)
    assert isinstance(answer, Refusal)
    assert answer.free_at <= afterwards + limit.seconds * 1e6 * 1.04


@example([(1, {2})] * 4 + [(5, {0}), (7300, {2}), (1, {2})])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 5, 30, 61, 1800, 3700, 7300, 40_000]), st.sets(st.integers(0, 2), min_size=1)
        ),
        max_size=40,
    )
)
def test_short_and_long_limits_on_one_page(told: list[tuple[int, set[int]]]) -> None:
    """What a short limit has forgotten takes nothing from a long one's memory, whoever was counted last."""
    limits = [Limit(2, 60), Limit(3, 7200), Limit(4, 86400)]
    quotas = [Quota(f"rule {number}", "", limit) for number, limit in enumerate(limits)]
    taken: list[list[int]] = [[], [], []]
    counter, now = Counter(), NOW
    for number, (seconds, wanted) in enumerate(told):
        now += seconds * 1_000_000
        for place in sorted(wanted):
            limit = limits[place]
            counted = sum(at > now - limit.span for at in taken[place])
            answer = counter.ask(quotas[place], f"delivery {number}", now)
            assert isinstance(answer, Taken) is (counted < limit.amount)
            if isinstance(answer, Taken):
                taken[place].append(now)


def test_a_sheet_in_memory_does_not_grow() -> None:
    """An address that gets messages all the time is remembered as long as a limit asks for, and no longer."""
    sheet, limit, long = Sheet(), Limit(1, 1), Limit(1, 86400)
    assert sheet.take(",long", long, "first", 1, NOW) == NOW
    for number in range(1, 2000):
        now = NOW + number * 40_000_000
        assert sheet.take(",short", limit, f"delivery {number}", 1, now) == now
    assert len(sheet.lines) < 100
    assert sheet.left(",long", long, NOW + 86_399_000_000) == 0


def test_limits_on_one_page() -> None:
    """Several limits about the same are counted apart, though a message is one line for all of them."""
    counter = Counter()
    minute, day = Quota("words", "", Limit(2, 60)), Quota("number", "", Limit(3, 86400))
    great, fixed = Quota("great", "", Limit(100, 60)), Quota("fixed", "", Limit(3, 60, "fixed"))
    for number in range(3):
        at = NOW + number * 40_000_000
        for asked in (minute, day, great, fixed):
            assert isinstance(counter.ask(asked, f"delivery {number}", at), Taken)
    after = NOW + 81_000_000
    answers = [counter.ask(asked, "another", after) for asked in (minute, day, great, fixed)]
    assert [isinstance(answer, Refusal) for answer in answers] == [True, True, False, False]
    assert len(counter.tallies.pages[PAGE].lines) == 3


@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_what_never_fits(window: Literal["sliding", "fixed"]) -> None:
    """More than the limit ever has is refused until far, and takes nobody's place in the line."""
    counter, limit = Counter(), Limit(3, 60, window)
    for _ in range(2):
        never = counter.ask(quota(limit, 4), "greedy", NOW)
        assert isinstance(never, Refusal)
        assert never.free_at >= NOW + 60_000_000
    assert isinstance(counter.ask(quota(limit, 3), "modest", NOW), Taken)
    assert isinstance(counter.ask(quota(Limit(0, 60, window)), "none", NOW), Refusal)


@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_only_asking(window: Literal["sliding", "fixed"]) -> None:
    """Whoever asks for 0 learns whether there is any left, and takes nothing."""
    counter, limit = Counter(), Limit(1, 60, window)
    for _ in range(3):
        answer = counter.ask(quota(limit, 0), "curious", NOW)
        assert isinstance(answer, Taken)
        assert (answer.amount, counter.used) == (0, 0)
    counter.ask(quota(limit), "other", NOW)
    assert isinstance(counter.ask(quota(limit, 0), "curious", NOW), Refusal)


@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_twice_by_one_delivery(window: Literal["sliding", "fixed"]) -> None:
    """What a delivery has taken it does not take again, and given back twice it frees nobody else's."""
    counter, limit = Counter(), Limit(2, 60, window)
    told = []
    for whose, at in (("mine", 0), ("mine", 5), ("other", 6)):
        taken = counter.ask(quota(limit), whose, NOW + at)
        assert isinstance(taken, Taken)
        told.append((taken, counter.used))
    assert [used for _, used in told] == [1, 1, 2]
    for _ in range(3):
        counter.give_back(told[1][0])
    assert isinstance(counter.ask(quota(limit), "third", NOW + 7), Taken)
    assert isinstance(counter.ask(quota(limit), "fourth", NOW + 8), Refusal)
