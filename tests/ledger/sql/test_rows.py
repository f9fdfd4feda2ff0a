"""Rows: what is written of a job is what is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.errors import SettingsError
from notifyhub.ledger.job import Job
from notifyhub.ledger.sealing import Sealer, new_key
from notifyhub.ledger.sql.encoding import decode, encode, microseconds, moment
from notifyhub.ledger.sql.history import NOTHING, History, extent_of, late_line, line_of, receipt_line
from notifyhub.ledger.sql.rows import COLUMNS, INSERT, Kept, delivery_of, fingerprint_fits, job_of, row_of
from notifyhub.message import Binding, Message
from notifyhub.outcome import Attempt, Delivery, Outcome, Receipt, Status
from notifyhub.reason import Reason
from tests.ledger.deliveries import ADDRESS, Clock, attempted, queued, sending

SEALERS = [Sealer(), Sealer.from_keys([new_key("one"), new_key("two")])]
ID = "0123456789ab" + "0" * 20

# All that a person may write, with what JSON and lines of text might stumble over; no lone surrogates.
words = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n\r\t\0"\\\u2028~，'), max_size=30
)
moments = st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3.5))]),
)  # fmt: skip
seconds = st.floats(0, 1e6, allow_nan=False)
maybe = st.none()

outcomes = st.one_of(
    st.builds(
        Outcome.accepted, maybe | words, code=maybe | words, detail=maybe | words,
        parts=maybe | st.integers(1, 9), price=maybe | seconds,
    ),
    st.builds(
        Outcome.refused, st.sampled_from(Reason), code=maybe | words, detail=maybe | words,
        retry_after=maybe | seconds,
    ),
    st.builds(Outcome.not_sent, st.sampled_from(Reason), detail=maybe | words),
    st.builds(
        Outcome.unknown, st.sampled_from(Reason), code=maybe | words, detail=maybe | words,
        provider_message_id=maybe | words,
    ),
)  # fmt: skip


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            delivery_id=ID, number=number, provider=draw(words), provider_type=draw(words),
            started_at=draw(moments), elapsed_ms=draw(seconds), outcome=outcome, allowed=draw(words),
        )
        for number, outcome in enumerate(draw(st.lists(outcomes, max_size=3)), 1)
    )  # fmt: skip


bindings = st.builds(
    Binding, provider=words, channel=words, locale=words, template_id=maybe | words, slots=st.tuples(words),
    text=st.just("a【变量】"),
)  # fmt: skip


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    made = draw(attempts())
    steps: list[Any] = list(draw(st.lists(words, max_size=3)))
    for attempt in made:
        if draw(st.booleans()):  # an attempt is nearly always among the steps; where not, it is kept too
            steps.append(attempt)
        steps += draw(st.lists(words, max_size=1))
    channel, address, category = draw(words), draw(words), draw(st.sampled_from(Category))
    notice, locale = draw(maybe | words), draw(maybe | words)
    receipts = draw(
        st.lists(
            st.builds(
                Receipt, provider=words, provider_message_id=words, delivered=st.booleans(),
                address=st.just(address), code=maybe | words, detail=maybe | words,
                reported_at=maybe | moments, delivery_id=st.just(ID),
            ),
            max_size=2,
        )
    )  # fmt: skip
    delivery = Delivery(
        id=ID, status=draw(st.sampled_from(Status)), channel=channel, category=category, address=address,
        notice=notice, locale=locale, key=draw(maybe | words), provider=draw(maybe | words),
        provider_message_id=draw(maybe | words), reason=draw(maybe | st.sampled_from(Reason)),
        detail=draw(maybe | words), due=draw(maybe | moments), created_at=draw(moments), attempts=made,
        receipts=tuple(receipts), steps=tuple(steps), resend_of=draw(maybe | words),
    )  # fmt: skip
    message = Message(
        id=ID, channel=channel, to=address, text=draw(words), subject=draw(maybe | words),
        html=draw(maybe | words), category=category, notice=notice, locale=draw(words),
        variables=draw(st.dictionaries(words, words, max_size=3)),
        bindings=draw(st.dictionaries(words, bindings, max_size=2)), expires_at=draw(maybe | moments),
        time_zone=draw(maybe | words),
    )  # fmt: skip
    return Job(
        delivery=delivery, message=message, deadline=draw(moments), instance=draw(maybe | words),
        policy=draw(maybe | st.just(DeliveryPolicy.of("otp", max_submits=1, backoff=0.1))),
        subject=draw(maybe | words), claims=draw(st.integers(0, 9)),
    )  # fmt: skip


def kept(job: Job, sealer: Sealer) -> Kept:
    """The row as a database would give it back."""
    inserted = [name.strip() for name in INSERT.partition("(")[2].partition(")")[0].split(",")]
    row = dict(zip(inserted, row_of(job, sealer, None, None), strict=True))
    return Kept(*(row[name.strip()] for name in COLUMNS.split(",")))


@pytest.mark.parametrize("sealer", SEALERS, ids=["clear", "sealed"])
@settings(max_examples=40, deadline=None)
@given(job=jobs())
def test_round_trip(sealer: Sealer, job: Job) -> None:
    """Everything that a job and its delivery show is read as it was written, to the microsecond."""
    read = job_of(kept(job, sealer), sealer)
    assert read == job
    assert delivery_of(kept(job, sealer), sealer) == job.delivery
    assert read is not None
    assert read.delivery.explain() == job.delivery.explain()


@settings(max_examples=40, deadline=None)
@given(job=jobs(), at=st.integers(0, 2**53))
def test_history_in_parts(job: Job, at: int) -> None:
    """A delivery that was kept step by step is the one that was kept at once."""
    whole = job.delivery
    lines, before = "", whole.evolve(steps=(), attempts=(), receipts=())
    lines += line_of(before, at)
    for number in range(1, len(whole.steps) + 1):
        steps = whole.steps[:number]
        shown = tuple(step for step in steps if isinstance(step, Attempt))
        after = before.evolve(steps=steps, attempts=shown)
        lines += line_of(after, at + number, extent_of(before))
        before = after
    lines += receipt_line(whole.receipts, (), at)
    history = History(lines, ID, whole.address)
    assert history.steps == whole.steps
    assert history.attempts == before.attempts
    assert history.receipts == whole.receipts
    assert (history.reason, history.detail, history.due) == (whole.reason, whole.detail, whole.due)
    assert "\n" not in lines.removesuffix("\n").replace("\n{", "{")


def test_line_written_twice() -> None:
    """A line that was written again after a broken connection counts once."""
    job = sending(Clock())
    line = line_of(job.delivery, 1)
    assert History(line + line, job.id, ADDRESS).steps == job.delivery.steps


def test_late_attempt_beside_the_holders() -> None:
    """What a former holder saw is among the steps; as an attempt it counts while nobody made another."""
    clock = Clock()
    delivery = sending(clock).delivery
    late, own = attempted(delivery, "late"), attempted(delivery, "own")
    first = line_of(delivery, 1)
    after = first + late_line(late, 2, extent_of(delivery))
    assert History(after, delivery.id, ADDRESS).attempts == late.attempts
    history = History(after + line_of(own, 3, extent_of(delivery)), delivery.id, ADDRESS)
    assert history.attempts == own.attempts
    assert late.attempts[0] in history.steps
    assert history.reason is None


@pytest.mark.parametrize("sealer", SEALERS, ids=["clear", "sealed"])
def test_without_its_words(sealer: Sealer) -> None:
    """A row whose words or address were erased shows its delivery, and gives no job."""
    job = queued(Clock(), subject="customer 7")
    row = kept(job, sealer)
    assert job_of(row._replace(body=None), sealer) is None
    assert delivery_of(row._replace(body=None), sealer) == job.delivery
    erased = delivery_of(row._replace(body=None, address=None), sealer)
    assert (erased.address, erased.to) == ("", "***")
    assert erased.steps == job.delivery.steps


def test_nothing_personal_in_the_clear() -> None:
    """With a key, a row shows neither the address nor the words nor the recipient's id."""
    job = queued(Clock(), text="Code 482913", subject="customer 7", key="k", words="the words")
    written = repr(row_of(job, SEALERS[1], None, None))
    # Long ones, or with a space: base64 must not come to one of them by chance.
    for secret in (ADDRESS, "13800138000", "482913", "customer 7", "box A7"):
        assert secret not in written


def test_sealed_row_of_another_delivery() -> None:
    """Sealed values moved to another row do not open: nobody is sent what was meant for somebody else."""
    clock = Clock()
    mine, other = (kept(queued(clock), SEALERS[1]) for _ in range(2))
    with pytest.raises(SettingsError):
        job_of(mine._replace(body=other.body), SEALERS[1])


@pytest.mark.parametrize("sealer", SEALERS, ids=["clear", "sealed"])
def test_fingerprint(sealer: Sealer) -> None:
    """Requests under one key are told apart by whom and what, and a half that was erased is not compared."""
    stored = kept(queued(Clock(), key="k", words="mine"), sealer).fingerprint
    asked = queued(Clock(), key="k", words="mine").fingerprint
    other_words = queued(Clock(), key="k", words="other").fingerprint
    assert stored is not None
    assert fingerprint_fits(stored, asked, sealer)
    assert not fingerprint_fits(stored, other_words, sealer)
    erased = stored[:33]
    assert erased.endswith(".")
    assert fingerprint_fits(erased, other_words, sealer)
    assert not fingerprint_fits(erased, f"{'0' * 32}.mine", sealer)


@given(at=moments)
def test_times(at: datetime) -> None:
    """A time is the same after microseconds as before."""
    assert moment(microseconds(at)) == at


@given(
    value=st.recursive(words | st.integers() | seconds | st.none() | st.booleans(), st.lists, max_leaves=5)
)
def test_json_on_one_line(value: Any) -> None:
    """What is encoded is read again and takes one line, whatever it holds."""
    assert decode(encode(value)) == value
    assert "\n" not in encode(value)


def test_nothing_kept_yet() -> None:
    """The first line of a history holds all of a delivery."""
    delivery = attempted(sending(Clock()).delivery, "77")
    assert line_of(delivery, 1) == line_of(delivery, 1, NOTHING)
    assert History(line_of(delivery, 1), delivery.id, ADDRESS).attempts == delivery.attempts
