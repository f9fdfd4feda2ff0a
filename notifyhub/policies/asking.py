"""Asking: what each policy says of a message by itself, and what all of them want of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeAlias, TypeGuard

from notifyhub.category import Category
from notifyhub.ledger import Admission, Demand, Question, Turn
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policies.at_once import AtOnce
from notifyhub.policies.counts import Counts
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policies.vendor_limits import VendorLimits
from notifyhub.policy import ALLOW, Allow, CountsPolicy, Decision, Policy, SettlesPolicy, Suppress
from notifyhub.quota import Quota
from notifyhub.reason import Reason

__all__ = ["Asking", "Stop", "failed", "interrupted", "leaves", "question", "tell"]

_log = get_logger("notifyhub.policies")
_new = tuple.__new__  # what a NamedTuple does after a call more, which is made for each message
_MANY = 1024
"""Demands that are remembered."""
_Decide: TypeAlias = Callable[[Message], Decision]


class Stop(NamedTuple):
    """The policy that does not allow a message, and what it says. late: when all had allowed it already."""

    policy: Policy
    decision: Decision
    late: bool = False


class Asking:
    """The part of a `Pipeline` that asks, and changes nothing. asks_ledger: whether any policy needs it."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = tuple(policies)
        self._deciding = {category: self._deciding_on(category) for category in Category}
        self._counting = tuple(policy for policy in self.policies if isinstance(policy, CountsPolicy))
        self._list = next((p for p in self.policies if isinstance(p, SuppressionList)), None)
        self._vendors = next((p for p in self.policies if isinstance(p, VendorLimits)), None)
        self._turns = _nobodys if self._list is None else _free
        if self._vendors is not None:
            self._turns = self._vendors.turns
        # What a demand was made of is kept with it: nothing else can be at those places in memory then.
        self._demands: dict[tuple[int, ...], tuple[Demand, tuple[object, ...]]] = {}
        # Not by its truth: a list without addresses of its own is empty, and the ledger's need not be.
        self.asks_ledger = bool(self._counting) or self._list is not None or self._vendors is not None

    async def question(
        self, delivery: Delivery, message: Message, instances: tuple[str, ...], deadline: datetime | None
    ) -> Question | Stop | None:
        """What is to be asked of the ledger, if anything is, where every policy allows it by itself; else the
        first that does not. Where it is cancelled, those that had allowed it are told.
        """
        for policy, at_once in self._deciding[message.category]:
            try:
                decision = await policy.decide(message) if at_once is None else at_once(message)
            except Exception as error:  # noqa: BLE001 - what cannot answer must not let the message through
                decision = failed(policy, message, error)
            except BaseException:  # cancelled: those before it had allowed it
                before = self.policies[: self.policies.index(policy)]
                await tell(before, message, interrupted(delivery))
                raise
            if decision is not ALLOW and not isinstance(decision, Allow):
                return Stop(policy, decision)
        if not self.asks_ledger:
            return None
        parts: list[Sequence[Quota]] = []
        for policy in self._counting:
            try:
                parts.append(policy.quotas(message, instances))
            except Exception as error:  # noqa: BLE001 - as above
                return Stop(policy, failed(policy, message, error), late=True)
        turns = self._turns(message, instances)
        known = self._demands.get((id(turns), *map(id, parts)))
        demand = self._demand(parts, turns) if known is None else known[0]
        address = "" if self._list is None else message.to
        return question(message, demand, address, deadline, message.id)

    def against(self, message: Message, admission: Admission, question: Question) -> Stop | None:
        """The policy that the ledger's answer speaks for, where something was `listed` or `refused`."""
        if admission.listed is not None and self._list is not None:
            return Stop(self._list, self._list.listed(admission.listed), late=True)
        refusal = admission.refused
        if refusal is None:
            return None
        if refusal.instance is not None and self._vendors is not None:
            return Stop(self._vendors, self._vendors.refuse(message, refusal), late=True)
        demand = question.demand
        asking = zip(self._counting, demand.parts, strict=True)
        policy = next(policy for policy, quotas in asking if refusal.quota in quotas)
        try:
            decision = policy.refuse(message, refusal)
        except Exception as error:  # noqa: BLE001 - as in `question`
            decision = failed(policy, message, error)
        return Stop(policy, decision, late=True)

    def _demand(self, parts: Sequence[Sequence[Quota]], turns: tuple[Turn, ...]) -> Demand:
        """What all of them want together; kept for when they want the very same again."""
        demand = Demand([quota for part in parts for quota in part], turns, parts)
        if all(type(part) is tuple for part in parts):  # a list may be another one tomorrow
            if len(self._demands) >= _MANY:
                self._demands.clear()
            self._demands[id(turns), *map(id, parts)] = demand, (turns, *parts)
        return demand

    def _deciding_on(self, category: Category) -> tuple[tuple[Policy, _Decide | None], ...]:
        """Those that may say something by themselves, and how without a coroutine.

        What every one of `Counts` does needs no call.
        """
        asked = [policy for policy in self.policies if not leaves(policy, "decide", Counts)]
        return tuple([
            (policy, policy.decide_at_once if _at_once(policy) else None)
            for policy in asked if not (_at_once(policy) and not policy.concerns(category))
        ])  # fmt: skip


def _nobodys(message: Message, instances: tuple[str, ...]) -> tuple[Turn, ...]:
    """Nobody's turn is asked for, where nothing can speak against one instance only."""
    return ()


def _free(message: Message, instances: tuple[str, ...]) -> tuple[Turn, ...]:
    """Without limits of its own, an instance may still be one that the list forbids for this address."""
    return _free_turns(instances)


@lru_cache(256)
def _free_turns(instances: tuple[str, ...]) -> tuple[Turn, ...]:
    return tuple([Turn(name) for name in instances])


def question(
    message: Message, demand: Demand, address: str, deadline: datetime | None, delivery_id: str
) -> Question:
    """What is asked of the ledger for this message. delivery_id: whose it is; see `Question` for the rest."""
    words = f"{message.subject or ''}\x1e{message.text}" if demand.worded else ""
    facts = (delivery_id, message.channel, message.category, address, demand, deadline, message.to, words)
    return _new(Question, facts)


def _at_once(policy: Policy) -> TypeGuard[AtOnce]:
    """Whether a policy decides without waiting. Whoever overrides `decide` means to be asked by that."""
    return leaves(policy, "decide", AtOnce)


def leaves(policy: Policy, method: str, base: type) -> bool:
    """Whether a policy leaves a method as this base has it."""
    return getattr(type(policy), method, None) is getattr(base, method)


async def tell(policies: Sequence[Policy], message: Message, delivery: Delivery) -> None:
    """Tell those that want to know how a message ended which they had allowed. Raises nothing of theirs."""
    for policy in policies:
        if not isinstance(policy, SettlesPolicy):
            continue
        try:
            await policy.settle(message, delivery)
        except Exception as error:  # noqa: BLE001 - a policy's bookkeeping cannot undo what has happened
            failed(policy, message, error)


def interrupted(delivery: Delivery) -> Delivery:
    """A delivery of which nothing was sent, because its sender was stopped or nobody could be asked."""
    return delivery.evolve(status=Status.NOT_SENT, reason=Reason.INTERRUPTED)


def failed(policy: Policy, message: Message, error: Exception) -> Suppress:
    """What follows where a policy raises: nothing is sent. The error's text goes nowhere."""
    _log.error("policy_failed", policy=policy.name, delivery=message.id, error=type(error).__name__)
    return Suppress(f"the policy raised {type(error).__name__}; without its answer nothing is sent")
