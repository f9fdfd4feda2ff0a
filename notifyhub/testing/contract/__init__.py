"""ProviderContract: the promises that every provider keeps, as tests to inherit."""

from __future__ import annotations

from notifyhub.testing.contract.base import Contract, Stage
from notifyhub.testing.contract.closed import dropped_quietly
from notifyhub.testing.contract.faults import FaultPromises
from notifyhub.testing.contract.secrecy import SecrecyPromises
from notifyhub.testing.contract.sending import SendingPromises
from notifyhub.testing.contract.settings import SettingsPromises

__all__ = ["ProviderContract", "Stage"]


class ProviderContract(SendingPromises, FaultPromises, SecrecyPromises, SettingsPromises, Contract):
    """Inherit this in a test class of your provider's, say how it is made and how its vendor answers.

        class TestPigeon(ProviderContract):
            provider_type = PIGEON

            def settings(self, gateway: Gateway) -> dict[str, Any]:
                return {"base_url": gateway.url, "token": "s3cret-t0ken", "timeout": self.timeout}

            def accepting(self, message_id: str) -> Answer:
                return Answer.json({"id": message_id})

            def refusing(self, words: str) -> Answer:
                return Answer.json({"error": "no-such-loft", "message": words}, status=422)

    Each test is a promise; its docstring says which. They run on plain pytest, each on an event loop of
    its own, against a real gateway on loopback.

    To say, always: `provider_type` (the ProviderType of the plugin; None for a provider that only exists
    as a finished instance, which then needs `make`), and over a network `settings`, `accepting` and
    `refusing`.
    To say where it differs: `message` (what the vendor would take), `message_id`, `make`, `recognise`,
    `timeout` (seconds that faults are waited for), `secrets` (those that are no SecretStr of the
    settings; `()` for a vendor that asks for none), `gives_ids = False` for a vendor without message ids.

    `network = False` says that the provider talks to nobody. It is no way around the promises about
    the network: each of them then proves, by watching Python's sockets, that nothing is connected to.

    Tests of your own go beside them; `self.play(scene, *answers)` gives them a Stage: a gateway that
    answers by script, and an instance in front of it.

    A promise cannot be overridden, nor the class be skipped. What your provider cannot keep is marked

        @pytest.mark.xfail(reason="the vendor's SDK swallows cancellation, issue 12", strict=True)
        def test_cancellation_propagates(self): ...

    The promise is run all the same (the body written here is not), so the mark must go as soon as it holds.
    """

    def test_no_promise_is_dropped(self) -> None:
        """No promise is overridden or hidden, other than by a strict xfail with its reason."""
        problem = dropped_quietly(type(self))
        if problem:
            raise AssertionError(problem)
