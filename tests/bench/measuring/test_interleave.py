"""Times of several calls, measured in turn, and the ratios of the rounds."""

import gc

from benchmarks.measuring.interleave import time_rounds


def test_garbage_is_not_collected_within_samples() -> None:
    """Afterwards the collector is on again, and no object stays frozen."""
    states: list[bool] = []
    assert gc.isenabled()
    rounds = time_rounds({"a": lambda: states.append(gc.isenabled())}, 3)
    next(rounds)
    rounds.close()  # type: ignore[attr-defined]

    assert states[-1] is False
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
