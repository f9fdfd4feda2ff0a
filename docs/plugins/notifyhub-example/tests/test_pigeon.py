"""The pigeons keep every promise that notifyhub makes for its providers."""

from __future__ import annotations

from typing import Any

import pytest
from notifyhub_example import CODES, notifyhub_provider_types

from notifyhub import Reason
from notifyhub.testing import Answer, Gateway, ProviderContract, Stage


class TestPigeon(ProviderContract):
    provider_type = notifyhub_provider_types()[0]

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {"base_url": gateway.url, "token": "grain-and-water-42", "timeout": self.timeout}

    def accepting(self, message_id: str) -> Answer:
        return Answer.json({"flight": message_id}, status=201)

    def refusing(self, words: str) -> Answer:
        return Answer.json({"error": "hawk-words", "message": words}, status=422)

    @pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
    def test_codes(self, row: Any) -> None:
        """Each code of the vendor's is refused for the reason in the table."""

        async def scene(stage: Stage) -> None:
            outcome = await stage.send()
            assert (outcome.reason, outcome.code) == (row.reason, row.code)

        self.play(scene, Answer.json({"error": row.code}, status=422))

    def test_a_new_code_is_unknown(self) -> None:
        """A code that is not in the table may mean anything."""

        async def scene(stage: Stage) -> None:
            assert (await stage.send()).reason is Reason.MALFORMED_REPLY

        self.play(scene, Answer.json({"error": "moulting"}, status=422))
