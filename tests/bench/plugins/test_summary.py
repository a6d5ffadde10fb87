"""Messages and tables at the end of a run of the benchmarks."""

from types import SimpleNamespace
from typing import Any

from benchmarks.plugins.summary import step_times


def test_step_times_have_ratios_to_the_baseline() -> None:
    """A time of 3 ms after one of 2 ms is 1.5 times as long; a new benchmark has no ratio."""
    facts = {"device": "cpu", "cell": "RNN", "shape": "B1 T10 H128", "implementation": "kernel"}
    timed: Any = [
        SimpleNamespace(name=stage, median=0.003, extra_info={**facts, "stage": stage})
        for stage in ("forward", "step")
    ]
    before = SimpleNamespace(stats=SimpleNamespace(median=0.002))
    baseline: Any = SimpleNamespace(benchmarks={"step": before})

    assert [line.split() for line in step_times(timed, baseline)] == [
        ["device", "cell", "shape", "step", "forward"],
        ["cpu", "RNN", "B1", "T10", "H128", "kernel", "3", "(1.50)", "3"],
    ]
