"""No promise is dropped without saying so."""

from __future__ import annotations

from typing import Any

import pytest

from notifyhub.testing import ProviderContract

pytest_plugins = ["pytester"]

_XFAIL = pytest.mark.xfail(reason="the vendor's SDK swallows it", strict=True)


def _promise(self: Any) -> None:
    """What a subclass might write instead."""


@pytest.mark.parametrize(
    "mark",
    [
        None,
        pytest.mark.skip(reason="slow"),
        pytest.mark.xfail(strict=True),
        pytest.mark.xfail(reason="flaky"),
        pytest.mark.xfail(reason="  ", strict=True),
        pytest.mark.xfail(reason="sometimes", strict=False),
        pytest.mark.xfail(True, reason="conditional", strict=True),
        pytest.mark.xfail(reason="not even run", strict=True, run=False),
    ],
)
def test_an_override_is_refused(mark: pytest.MarkDecorator | None) -> None:
    """A promise cannot be overridden, skipped or excused for no reason; the error shows how it can."""

    def written(self: Any) -> None:
        """Nothing."""

    body = mark(written) if mark is not None else written
    with pytest.raises(TypeError, match=r"overrides a promise.*xfail\(reason="):
        type("TestX", (ProviderContract,), {"test_cancellation_propagates": body})


def test_other_ways_round_are_refused() -> None:
    """Neither a mixin, nor an assignment, nor the contract's own parts, nor a mark on the class help."""
    mixin = type("Mixin", (), {"test_cancellation_propagates": _promise})
    with pytest.raises(TypeError, match="overrides a promise"):
        type("TestX", (mixin, ProviderContract), {})
    with pytest.raises(TypeError, match="overrides a promise"):
        type("TestX", (ProviderContract,), {"test_no_promise_is_dropped": None})
    with pytest.raises(TypeError, match="part of the contract"):
        type("TestX", (ProviderContract,), {"play": lambda self, *scene: None})
    made = type("TestX", (ProviderContract,), {})
    with pytest.raises(TypeError, match="stays as it is"):
        made.test_cancellation_propagates = _promise  # type: ignore[attr-defined]
    for mark in (pytest.mark.skip(reason="later"), pytest.mark.xfail(reason="later", strict=True)):
        with pytest.raises(TypeError, match="as a whole"):
            mark(made)
        with pytest.raises(TypeError, match="as a whole"):
            type("TestX", (ProviderContract,), {"pytestmark": [mark]})


def test_an_own_init_subclass_is_no_way_round() -> None:
    """The check is the metaclass's, so a class that defines `__init_subclass__` does not escape it."""
    base = type("Base", (ProviderContract,), {"__init_subclass__": classmethod(lambda cls: None)})
    with pytest.raises(TypeError, match="overrides a promise"):
        type("TestX", (base,), {"test_cancellation_propagates": _promise})


def test_a_reasoned_xfail_runs_the_promise() -> None:
    """What stands under a strict xfail is the promise itself, whatever body is written; heirs inherit it."""
    kept = type("TestX", (ProviderContract,), {"test_cancellation_propagates": _XFAIL(_promise)})
    heir = type("TestY", (kept,), {})
    for contract in (kept, heir):
        found = vars(kept)["test_cancellation_propagates"]
        assert found.restates is ProviderContract.test_cancellation_propagates
        assert [mark.name for mark in found.pytestmark] == ["xfail"]
        contract().test_no_promise_is_dropped()


def test_pytest_reports_it(pytester: pytest.Pytester) -> None:
    """In a run, a broken promise that is marked is an xfail with its reason; one that holds fails the run."""
    pytester.makepyfile(
        """
        import pytest
        from notifyhub import Outcome, Reason
        from notifyhub.testing import ProviderContract, RecordingProvider

        class Deaf(RecordingProvider):
            async def send(self, message):
                return Outcome.refused(Reason.PROVIDER_ERROR)

        class TestDeaf(ProviderContract):
            provider_type = None
            network = False

            def make(self, gateway):
                return Deaf()

            @pytest.mark.xfail(reason="it is deaf", strict=True)
            def test_what_the_vendor_takes_is_accepted(self): ...

            @pytest.mark.xfail(reason="no reason", strict=True)
            def test_closing_twice_is_harmless(self): ...
        """
    )
    result = pytester.runpytest_subprocess("-rxfs", "-q", "-k", "accepted or closing_twice or frozen")
    result.assert_outcomes(xfailed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*", "*it is deaf*"], consecutive=False)
