"""The ledger's contract: what a message takes of its limits, all of it or nothing, whoever else asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from notifyhub.category import Category
from notifyhub.ledger import Admission, Demand, Ledger, Question, Retention, Suppression, Turn
from notifyhub.ledger.sheet import LONG
from notifyhub.message import new_id
from notifyhub.quota import About, Limit, Quota
from tests.ledger.deliveries import ADDRESS, Clock
from tests.ledger.keepings import Keeping

MINUTE = Limit(2, 60)
HOUR = Limit(3, 3600)
BUDGET = Limit(1000, 86400, "fixed")
ONCE = Quota("once", About.RECIPIENT_AND_WORDS, Limit(1, 60))
DAILY = Quota("daily", About.RECIPIENT_AND_WORDS, Limit(20, 86400))


def recipient(limit: Limit = MINUTE, address: str = ADDRESS) -> Quota:
    """One message to an address."""
    return Quota(f"recipient {limit}", f"sms:{address}", limit)


def question(
    *quotas: Quota, turns: tuple[Turn, ...] = (), name: str | None = None, **fields: str
) -> Question:
    """What a message asks; about no address, so that it is not looked for on the suppression list."""
    return Question(name or new_id(), "sms", Category.ORDER, demand=Demand(quotas, turns), **fields)


def used(admission: Admission) -> int:
    """How much is used up of the first quota, which asks to be told (`Quota.low`)."""
    return admission.low[0].used if admission.low else 0


def cap(instance: str, amount: int = 1) -> Turn:
    """An instance whose vendor takes so many a day."""
    return Turn(instance, (Quota(f"{instance}: day", "", Limit(amount, 86400)),))


async def said(
    ledgers: Sequence[Ledger], words: Sequence[str], *quotas: Quota, by: Sequence[str] = ()
) -> list[Admission]:
    """The answers about all these words to one address, asked together. by: names of the deliveries."""
    asked = [
        question(*quotas, recipient=ADDRESS, words=each, name=by[n] if by else None)
        for n, each in enumerate(words)
    ]
    return await asyncio.gather(*(ledgers[n % len(ledgers)].admit(each) for n, each in enumerate(asked)))


def allowed(answers: Sequence[Admission]) -> int:
    """How many may go."""
    return sum(answer.refused is None for answer in answers)


def test_until_it_is_used_up(keeping: Keeping) -> None:
    """A limit lets through what it has, then says when there will be more, and then lets through again."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        nearly = recipient()._replace(low=2)
        assert [used(await ledger.admit(question(nearly))) for _ in range(2)] == [0, 2]
        refused = (await ledger.admit(question(recipient()))).refused
        assert refused is not None
        assert (refused.quota, refused.left, refused.free_at) == (
            recipient(),
            0,
            int(clock() * 1e6) + 60_000_000,
        )
        assert (await ledger.admit(question(recipient(address="+8613900139000")))).refused is None
        clock.turn(59.75)
        assert (await ledger.admit(question(recipient()))).refused is not None
        clock.turn(0.25)
        assert (await ledger.admit(question(recipient()))).refused is None

    keeping.run(story)


def test_all_or_nothing(keeping: Keeping) -> None:
    """Where one of its quotas has not enough left, nothing is taken of the others either."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        spent = recipient(BUDGET)._replace(amount=999)
        assert (await ledger.admit(question(spent))).refused is None
        for _ in range(3):
            refused = (await ledger.admit(question(recipient(), spent._replace(amount=2)))).refused
            assert refused is not None
            assert (refused.quota.amount, refused.left) == (2, 1)
        assert len((await ledger.admit(question(recipient(), spent._replace(amount=1)))).taken) == 2
        refused = (await ledger.admit(question(recipient(), spent._replace(amount=1)))).refused
        assert refused is not None
        assert refused.quota.limit == BUDGET

    keeping.run(story)


def test_given_back(keeping: Keeping) -> None:
    """What is given back is free again, once, also a part of it and by another worker."""

    async def story(ledger: Ledger, other: Ledger, clock: Clock) -> None:
        five = Quota("budget", "", Limit(10, 3600, "fixed"), 5)
        first, second = [await ledger.admit(question(five)) for _ in range(2)]
        assert (await ledger.admit(question(five._replace(amount=1)))).refused is not None
        for _ in range(2):
            await other.give_back(first.taken)
        await ledger.give_back([second.taken[0]._replace(amount=2)])
        assert (await other.admit(question(five._replace(amount=8)))).refused is not None
        assert used(await other.admit(question(five._replace(amount=7, low=1)))) == 10
        await ledger.give_back([])

    if keeping.shared:
        keeping.run(story, holders=2)
    else:
        keeping.run(lambda ledger, clock: story(ledger, ledger, clock))


def test_given_back_too_late(keeping: Keeping) -> None:
    """What is given back after its time has passed frees nothing of what was taken since."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for limit in (MINUTE, Limit(2, 60, "fixed")):
            quota = recipient(limit)
            first = await ledger.admit(question(quota))
            clock.turn(120)
            for _ in range(2):
                assert (await ledger.admit(question(quota))).refused is None
            await ledger.give_back(first.taken)
            assert (await ledger.admit(question(quota))).refused is not None

    keeping.run(story)


def test_the_same_delivery_takes_once(keeping: Keeping) -> None:
    """A delivery that is carried on after a crash takes nothing a second time, and can give it back."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for limit in (MINUTE, Limit(2, 60, "fixed")):
            quota = recipient(limit)
            for _ in range(5):
                again = await ledger.admit(question(quota._replace(low=1), name="a delivery"))
                assert used(again) == 1
                clock.turn(1)
            await ledger.give_back(again.taken)
            assert used(await ledger.admit(question(quota._replace(low=1)))) == 1

    keeping.run(story)


def test_a_quota_twice_in_a_question(keeping: Keeping) -> None:
    """Two quotas of one tally are taken once, the greater one, so that together they exceed nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        quota = recipient(BUDGET)
        asked = question(quota, quota._replace(amount=900), quota, turns=(Turn("a", (quota,)),))
        admission = await ledger.admit(asked)
        assert [taken.amount for taken in admission.taken] == [900]
        assert (await ledger.admit(question(quota._replace(amount=101)))).refused is not None
        assert (await ledger.admit(question(quota._replace(amount=100)))).refused is None

    keeping.run(story)


def test_turns(keeping: Keeping) -> None:
    """The first instance whose vendor takes more is taken; those before it are named with the reason."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        turns = (cap("a"), cap("b"), Turn("c"))
        first, second, third = [await ledger.admit(question(recipient(HOUR), turns=turns)) for _ in range(3)]
        assert (first.instance, len(first.turn), first.passed_over) == ("a", 1, ())
        assert (second.instance, second.turn[0].quota.name) == ("b", "b: day")
        assert [name for name, _ in second.passed_over] == ["a"]
        assert (third.instance, third.turn) == ("c", ())
        assert [why.instance for _, why in third.passed_over] == ["a", "b"]
        await ledger.give_back(first.turn)
        assert (await ledger.admit(question(turns=turns))).instance == "a"

    keeping.run(story)


def test_no_turn_is_free(keeping: Keeping) -> None:
    """Where no instance is free nothing is taken, and the answer names the one that is free first."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.admit(question(turns=(cap("a"),)))
        clock.turn(-3600)
        await ledger.admit(question(turns=(cap("b"),)))
        clock.turn(3600)
        admission = await ledger.admit(question(recipient(), turns=(cap("a"), cap("b"))))
        assert admission.refused is not None
        assert (admission.refused.instance, admission.instance, admission.taken) == ("b", None, ())
        assert admission.refused.free_at == int(clock() * 1e6) + 23 * 3_600_000_000
        for _ in range(2):
            assert (await ledger.admit(question(recipient(), turns=(Turn("c"),)))).refused is None

    keeping.run(story)


def test_listed(keeping: Keeping) -> None:
    """An address on the suppression list gets nothing, takes nothing, and the entry is shown."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        quota = recipient(Limit(1, 60))
        entry = await ledger.suppress(Suppression(ADDRESS, "opted out", "reply", clock.moment()))
        for _ in range(2):
            admission = await ledger.admit(question(quota, address=ADDRESS))
            assert (admission.listed, admission.taken) == (entry, ())
        assert (await ledger.admit(question(address="+8613900139000"))).listed is None
        await ledger.lift(entry.id, "somebody")
        assert (await ledger.admit(question(quota, address=ADDRESS))).listed is None

    keeping.run(story)


def test_listed_for_some(keeping: Keeping) -> None:
    """An entry for a channel or a category forbids no other, and one that is over forbids nothing."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        asked = question(address=ADDRESS)
        entry = Suppression(ADDRESS, "opted out", "reply", clock.moment())
        for harmless in (replace(entry, channel="email"), replace(entry, category=Category.MARKETING)):
            await ledger.suppress(harmless)
            assert (await ledger.admit(asked)).listed is None
        for fitting in (replace(entry, channel="sms"), replace(entry, category=Category.ORDER)):
            listed = await ledger.suppress(replace(fitting, until=clock.moment(60)))
            assert (await ledger.admit(asked)).listed == listed
            clock.turn(60)
            assert (await ledger.admit(asked)).listed is None

    keeping.run(story)


def test_listed_by_an_instance(keeping: Keeping) -> None:
    """A vendor's own blacklist passes over that instance, and forbids the message where no other is left."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        entry = await ledger.suppress(
            Suppression(ADDRESS, "blacklisted", "vendor 4030", clock.moment(), instance="a")
        )
        admission = await ledger.admit(question(turns=(cap("a"), cap("b")), address=ADDRESS))
        assert (admission.instance, admission.passed_over) == ("b", (("a", entry),))
        alone = await ledger.admit(question(recipient(), turns=(cap("a"),), address=ADDRESS))
        assert (alone.listed, alone.taken) == (entry, ())
        both = await ledger.admit(question(turns=(cap("a"), cap("b")), address=ADDRESS))
        assert both.refused is not None
        assert both.refused.instance == "b"
        assert (await ledger.admit(question(recipient(), address=ADDRESS))).listed is None

    keeping.run(story)


def test_many_at_once(keeping: Keeping) -> None:
    """Of many that ask at the same moment exactly as many are let through as there is room for."""

    async def story(*holders_and_clock: object) -> None:
        *ledgers, _ = holders_and_clock
        shared, mine = Quota("all", "", Limit(50, 60)), recipient(Limit(7, 60))
        asked = [question(shared, mine) if n % 2 else question(mine, shared) for n in range(60)]
        asked += [question(shared) for _ in range(60)]
        answers = await asyncio.gather(
            *(ledgers[n % len(ledgers)].admit(each) for n, each in enumerate(asked))  # type: ignore[attr-defined]
        )
        through = [answer for answer in answers if answer.refused is None]
        assert len(through) == 50
        assert len([answer for answer in through if len(answer.taken) == 2]) == 7

    keeping.run(story, holders=3 if keeping.shared else 1)


def test_many_words_to_one_address(keeping: Keeping) -> None:
    """However much is said to one address, also at the same moment, nothing is said twice in its window; and
    what is given back may be said again, once.
    """
    words = [f"words {n}" for n in range(100)]

    async def story(*ledgers_and_clock: Any) -> None:
        *ledgers, clock = ledgers_and_clock
        answers = await said(ledgers, words * 2, ONCE)
        assert allowed(answers) == len(words)
        assert all(allowed((answers[n], answers[n + 100])) == 1 for n in range(100))
        clock.turn(59.75)
        assert allowed(await said(ledgers, words, ONCE)) == 0
        back = [
            one if one.refused is None else two for one, two in zip(answers[:100], answers[100:], strict=True)
        ]
        await asyncio.gather(
            *(ledgers[n % len(ledgers)].give_back(back[n].taken) for n in (0, 1, 97, 98, 99))
        )
        answers = await said(ledgers, words * 2, ONCE)
        assert [allowed((answers[n], answers[n + 100])) for n in range(100)] == [1, 1, *[0] * 95, 1, 1, 1]
        clock.turn(0.25)
        answers = await said(ledgers, words, ONCE)
        assert [answer.refused is None for answer in answers] == [False] * 2 + [True] * 95 + [False] * 3

    keeping.run(story, holders=2 if keeping.shared else 1)


def test_the_same_words_after_many_others(keeping: Keeping) -> None:
    """Of the same words exactly as many go to an address as may, wherever those before them were counted."""
    others = [f"words {n}" for n in range(70)]

    async def story(*ledgers_and_clock: Any) -> None:
        *ledgers, clock = ledgers_and_clock
        assert allowed(await said(ledgers, ["news"] * 5, DAILY)) == 5
        assert allowed(await said(ledgers, others, ONCE, DAILY)) == 70
        clock.turn(61)
        assert allowed(await said(ledgers, ["news"] * 7, DAILY)) == 7
        name = new_id()
        for _ in range(3):  # by a delivery whose holder died each time
            (again,) = await said(ledgers, ["news"], DAILY, by=[name])
            assert again.refused is None
        await ledgers[0].give_back(again.taken)
        answers = await said(ledgers, ["news"] * 20, ONCE, DAILY)
        assert allowed(answers) == 1
        for _ in range(7):
            clock.turn(60)
            answers = await said(ledgers, ["news"] * 3, ONCE, DAILY)
            assert allowed(answers) == 1
        clock.turn(60)
        assert allowed(await said(ledgers, ["news"], ONCE, DAILY)) == 0
        clock.turn(86400 - 9 * 60 - 1)
        assert allowed(await said(ledgers, ["news"] * 9, DAILY)) == 5

    keeping.run(story, holders=2 if keeping.shared else 1)


def test_words_on_pages_of_their_own(keeping: Keeping) -> None:
    """A great limit and a day's limit of the same words hold beside each other and beside the small ones,
    however many words there are.
    """
    great = Quota("great", About.RECIPIENT_AND_WORDS, Limit(40, 86400))
    daily = Quota("day", About.RECIPIENT_AND_WORDS, Limit(30, 10 * 86400, "fixed"))
    mine = Quota("mine", About.RECIPIENT, Limit(32, 86400))

    async def story(*ledgers_and_clock: Any) -> None:
        *ledgers, _ = ledgers_and_clock
        assert allowed(await said(ledgers, ["news"] * 29, daily, great)) == 29
        assert allowed(await said(ledgers, [f"words {n}" for n in range(LONG)], ONCE)) == LONG
        assert allowed(await said(ledgers, ["news"] * 3, ONCE, mine)) == 1
        assert allowed(await said(ledgers, ["news"] * 3, daily, great)) == 1
        assert allowed(await said(ledgers, ["news"] * 20, great)) == 10
        assert allowed(await said(ledgers, [f"words {n}" for n in range(40)], mine)) == 31

    keeping.run(story, holders=2 if keeping.shared else 1)


def test_a_clock_put_back(keeping: Keeping) -> None:
    """A clock that goes backwards lets nothing more through, whatever is purged meanwhile."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for _ in range(2):
            await ledger.admit(question(recipient()))
        clock.turn(-1800)
        assert (await ledger.admit(question(recipient()))).refused is not None
        clock.turn(1800 + 61)
        await ledger.purge(Retention(), clock.moment())
        clock.turn(-61)
        assert (await ledger.admit(question(recipient()))).refused is not None

    keeping.run(story)


def test_purge_forgets_tallies(keeping: Keeping) -> None:
    """What means nothing any more is removed by a purge; what still counts is not."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        for n in range(20):
            await ledger.admit(question(recipient(address=f"+86138{n:08}")))
        await ledger.admit(question(recipient(Limit(1, 86400))))
        clock.turn(2 * 3600)
        await ledger.purge(Retention(), clock.moment())
        assert (await ledger.admit(question(recipient(Limit(1, 86400))))).refused is not None
        forgotten = recipient(address="+8613800000000")._replace(low=1)
        assert used(await ledger.admit(question(forgotten))) == 1

    keeping.run(story)


def test_nothing_personal_is_shown() -> None:
    """A question and what it leads to show no address, whoever prints them."""
    shown = repr([question(recipient(), address=ADDRESS), cap("a"), recipient()])
    assert ADDRESS not in shown


def test_before_it_was_started(keeping: Keeping) -> None:
    """A ledger that nobody has started answers all the same."""

    async def told() -> None:
        clock = Clock()
        ledger = keeping.make(clock)
        try:
            assert (await ledger.admit(question(recipient()))).refused is None
        finally:
            await ledger.aclose()

    asyncio.run(told())
