"""Points: where in its life a delivery loses the process that had it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Way(StrEnum):
    """How a message is sent. ASKING: by a worker that asks a policy first: its claims commit nothing."""

    SEND = "send"
    WORKER = "worker"
    ASKING = "asking"


class Point(StrEnum):
    """Where a life ends. AGAIN: in the attempt after one that was accepted and never answered."""

    BEFORE_OPEN = "before it is on record"
    OPENED = "on record"
    BEFORE_CLAIM = "before it is claimed"
    CLAIMED = "claimed"
    COMMITTED = "submission committed"
    BEFORE_BYTES = "before the first byte"
    ANSWERED = "accepted by the gateway"
    BEFORE_RECORD = "before the acceptance is recorded"
    RECORDED = "acceptance recorded"
    UNANSWERED = "accepted by the gateway without an answer"
    HELD = "before that is recorded"
    COMMITTED_AGAIN = "second submission committed"
    ANSWERED_AGAIN = "accepted by the gateway again"
    TAKEN_OVER = "recovery: taken over"
    PUT_BACK = "recovery: recorded"
    CLAIMED_AGAIN = "claimed after recovery"


class Trap(NamedTuple):
    """A method of the ledger (or `post`: the provider's), and which return from it (or entry) is the last."""

    method: str
    entry: bool = False
    time: int = 1


def traps(way: Way, point: Point) -> tuple[Trap, ...]:
    """Where the processes of a case end, one after the other; the one after them lives."""
    # The first submission is committed along with opening or claiming, except where a policy is asked.
    again = 2 if way is Way.ASKING else 1
    found = Trap("post")
    return {
        Point.BEFORE_OPEN: (Trap("open", entry=True),),
        Point.OPENED: (Trap("open"),),
        Point.BEFORE_CLAIM: (Trap("claim", entry=True),),
        Point.CLAIMED: (Trap("claim"),),
        Point.COMMITTED: (Trap("submitting"),),
        Point.BEFORE_BYTES: (Trap("post", entry=True),),
        Point.ANSWERED: (found,),
        Point.BEFORE_RECORD: (Trap("record", entry=True),),
        Point.RECORDED: (Trap("record"),),
        Point.UNANSWERED: (found,),
        Point.HELD: (Trap("record", entry=True),),
        Point.COMMITTED_AGAIN: (Trap("submitting", time=again),),
        Point.ANSWERED_AGAIN: (Trap("post", time=2),),
        Point.TAKEN_OVER: (found, Trap("take_over")),
        Point.PUT_BACK: (found, Trap("record")),
        Point.CLAIMED_AGAIN: (found, Trap("claim")),
    }[point]


HANGS_UP = frozenset({Point.UNANSWERED, Point.HELD, Point.COMMITTED_AGAIN, Point.ANSWERED_AGAIN})
