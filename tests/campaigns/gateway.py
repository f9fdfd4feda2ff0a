"""The vendor of a campaign: the ihuyi simulator in a process of its own, with a journal of its own.

    python -m tests.campaigns.gateway --journal FILE [--manner crash|slow|plain] [--slowest S] [--late S]
                                      [--seed N]

Prints its address and serves until it is killed. On SIGUSR1 it browns out: most messages are answered too
late or never, and half of those were accepted; on SIGUSR2 it is well again. The journal is what the ledger is
held against: a line for each message accepted, fsynced before the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from notifyhub_ihuyi.simulator import Behaviour, Limits, Simulator

ACCOUNTS = {"C00000001": "k3yA0000000000000000000000000001", "C00000002": "k3yB0000000000000000000000000002"}
"""Invented; the first is asked first, the second when more may follow."""
PLENTY = 10_000_000
"""Messages on each account: what runs out is not what these campaigns are about."""
MANY = 200_000
"""Messages whose manner is drawn beforehand."""
UNANSWERED = "1391100"
"""Numbers that begin so: their first message is accepted and the connection then closed without an answer."""
NUMBERS = 1000


def crash(slowest: float, rng: random.Random) -> tuple[list[Behaviour], list[float]]:
    """What happens to a message, and how often: mostly slow, sometimes gone without a word, or refused."""
    late = [rng.uniform(0.05, slowest) for _ in range(40)]
    good = [replace(Behaviour.normal(), wait_before=seconds) for seconds in late[:20]]
    good += [replace(Behaviour.normal(), wait_after=seconds) for seconds in late[20:]]
    bad = [
        (Behaviour.close(), 0.015),
        (Behaviour.close().unaccepted(), 0.01),
        (Behaviour.reset(), 0.015),
        (Behaviour.http(502), 0.01),
        (Behaviour.silence(), 0.005),
        (replace(Behaviour.code(4030), wait_before=slowest / 2), 0.02),
        (replace(Behaviour.code(4051), wait_before=slowest / 2), 0.005),
    ]
    left = 1 - sum(share for _, share in bad)
    return (
        [*good, *(behaviour for behaviour, _ in bad)],
        [*[left / len(good)] * len(good), *(share for _, share in bad)],
    )


def slow(slowest: float, rng: random.Random) -> tuple[list[Behaviour], list[float]]:
    """Every message is accepted; half of them at once and answered late, half late and then answered."""
    late = [rng.uniform(0.2, slowest) for _ in range(40)]
    good = [replace(Behaviour.normal(), wait_before=seconds) for seconds in late[:20]]
    good += [replace(Behaviour.normal(), wait_after=seconds) for seconds in late[20:]]
    return good, [1.0] * len(good)


def brown_out(late: float, rng: random.Random) -> list[Behaviour]:
    """What happens to messages while it lasts: a third is answered after `late` seconds, the others never."""
    kinds = [Behaviour.slow_answer(late), Behaviour.silence(), Behaviour.silence().unaccepted()]
    return rng.choices(kinds, k=MANY)


MANNERS = {"crash": crash, "slow": slow}


async def serve(journal: Path, manner: str, slowest: float, late: float, seed: int) -> None:
    """Serve until cancelled."""
    gateway = Simulator(
        accounts=ACCOUNTS, balance=PLENTY, limits=Limits(), by_number=False, receipts=False, journal=journal
    )
    if manner in MANNERS:
        rng = random.Random(seed)
        behaviours, shares = MANNERS[manner](slowest, rng)
        gateway.script("*", rng.choices(behaviours, shares, k=MANY))
    for number in range(NUMBERS):
        gateway.script(f"{UNANSWERED}{number:04d}", [Behaviour.close()])
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, gateway.script, "*", brown_out(late, random.Random(seed)))
    loop.add_signal_handler(signal.SIGUSR2, gateway.script, "*", ())
    async with gateway:
        print(gateway.base_url, flush=True)
        await gateway.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--manner", choices=[*MANNERS, "plain"], default="plain")
    parser.add_argument("--slowest", type=float, default=0.75)
    parser.add_argument("--late", type=float, default=1.0, help="seconds, while it browns out")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    asyncio.run(serve(options.journal, options.manner, options.slowest, options.late, options.seed))


if __name__ == "__main__":
    main()
