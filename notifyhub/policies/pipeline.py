"""Pipeline: the policies of a hub, asked in order."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policy import Allow, Decision, Defer, Policy, SettlesPolicy, Suppress

__all__ = ["Pipeline"]

_log = get_logger("notifyhub.policies")


class Pipeline:
    """Asks each policy; the first that does not allow ends it. Those that allowed are told the end."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = tuple(policies)
        self._allowed = tuple(f"policy: {policy.name} allows" for policy in self.policies)
        self.settling = tuple(policy for policy in self.policies if isinstance(policy, SettlesPolicy))

    async def ask(self, delivery: Delivery, message: Message) -> Delivery:
        """The delivery after the policies: still `sending`, or `suppressed`, or `deferred` until its due."""
        for number, policy in enumerate(self.policies):
            decision = await _decide(policy, message)
            if not isinstance(decision, Allow):
                stopped = _stopped(delivery, self._allowed[:number], policy, decision)
                await self._settle(self.policies[:number], message, stopped)
                return stopped
        return delivery.evolve(steps=(*delivery.steps, *self._allowed)) if self._allowed else delivery

    async def settle(self, message: Message, delivery: Delivery) -> None:
        """Tell every policy how a message ended that all of them allowed."""
        await self._settle(self.settling, message, delivery)

    async def _settle(self, policies: Sequence[Policy], message: Message, delivery: Delivery) -> None:
        for policy in policies:
            if not isinstance(policy, SettlesPolicy):
                continue
            try:
                await policy.settle(message, delivery)
            except Exception as error:  # noqa: BLE001 - the message is sent; a policy's bookkeeping cannot undo it
                _log.error(
                    "policy_failed", policy=policy.name, delivery=delivery.id, error=type(error).__name__
                )


async def _decide(policy: Policy, message: Message) -> Decision:
    try:
        return await policy.decide(message)
    except Exception as error:  # noqa: BLE001 - a policy that cannot answer must not let the message through
        _log.error("policy_failed", policy=policy.name, delivery=message.id, error=type(error).__name__)
        return Suppress(f"the policy raised {type(error).__name__}; without its answer nothing is sent")


def _stopped(delivery: Delivery, allowed: tuple[str, ...], policy: Policy, decision: Decision) -> Delivery:
    if isinstance(decision, Defer):
        status, why, due = Status.DEFERRED, decision.why, decision.until
        step = f"policy: {policy.name} defers until {due.isoformat()}: {why}"
    else:
        status, due = Status.SUPPRESSED, None
        why = decision.why if isinstance(decision, Suppress) else f"it decided {type(decision).__name__}"
        step = f"policy: {policy.name} suppresses: {why}"
    steps = (*delivery.steps, *allowed, step)
    return delivery.evolve(status=status, detail=f"{policy.name}: {why}", due=due, steps=steps)
