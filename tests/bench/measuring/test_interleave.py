"""Times of several calls, measured in turn, and the ratios of the rounds."""

import gc

import pytest

from benchmarks.measuring.interleave import time_rounds


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_not_collected_within_samples(enabled: bool) -> None:
    """Afterwards the collector is on again if it was before, and no object stays frozen."""
    states: list[bool] = []
    if not enabled:
        gc.disable()
    rounds = time_rounds({"a": lambda: states.append(gc.isenabled())}, 3)
    next(rounds)
    rounds.close()  # type: ignore[attr-defined]
    after = gc.isenabled()
    gc.enable()

    assert states[-1] is False
    assert after == enabled
    assert gc.get_freeze_count() == 0
