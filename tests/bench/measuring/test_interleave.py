"""Times of several calls, measured in turn, and the ratios of the rounds."""

import gc
from functools import partial
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from benchmarks.measuring import interleave
from benchmarks.measuring.interleave import Round, median_ms, ratio, time_rounds


def test_each_round_times_each_call_once_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order changes from round to round, and depends on the seed."""
    monkeypatch.setattr(interleave, "SHORTEST_SAMPLE", 0)  # One call is a sample.
    monkeypatch.setattr(interleave, "gc", Mock())  # Each collection takes long.

    def order(seed: int) -> list[str]:
        called: list[str] = []
        rounds = time_rounds({name: partial(called.append, name) for name in "abc"}, 6, seed)
        assert [list(times) for times in rounds] == [["a", "b", "c"]] * 6
        return ["".join(called[at : at + 3]) for at in range(6, len(called), 3)]

    assert {"".join(sorted(names)) for names in order(0)} == {"abc"}
    assert len(order(0)) == 6
    assert len(set(order(0))) > 1
    assert order(0) == order(0) != order(1)


def test_short_call_is_repeated_within_its_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample takes at least 10 ms; the result is the time of one call, here 3 ms."""
    ends = [0.0]
    clock = SimpleNamespace(perf_counter=lambda: ends[-1])
    monkeypatch.setattr(interleave, "time", clock)
    [times] = time_rounds({"a": lambda: ends.append(ends[-1] + 0.003)}, 1)

    # The first call is not timed, and the second one decides the number of repetitions.
    assert len(ends) == 1 + 2 + 4
    assert times["a"] == pytest.approx(0.003)


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


def test_ratio_is_taken_within_each_round() -> None:
    """A machine that becomes ten times slower does not change it."""
    rounds: list[Round] = [
        {"a": 2.0, "b": 1.0},
        {"a": 20.0, "b": 10.0},
        {"a": 3.0, "b": 1.0},
        {"a": 4.0, "b": 1.0},
        {"a": 50.0, "b": 10.0},
    ]
    found = ratio(rounds, "a", "b")

    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)
    assert str(found) == "3.00 (2.00-4.00)"
    assert median_ms(rounds, "a") == 4000.0
    assert ratio(rounds[:4], "a", "b").median == 2.5
