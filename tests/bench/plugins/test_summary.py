"""Messages and tables at the end of a run of the benchmarks."""

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from benchmarks.plugins.summary import against_cpu, comparison, no_baseline, step_times
from benchmarks.saved.saved_run import Machine


def test_step_times_have_ratios_to_the_baseline() -> None:
    """A time of 3 ms after one of 2 ms is 1.5 times as long; a new benchmark has no ratio."""
    facts = {"device": "cpu", "cell": "RNN", "shape": "B1 T10 H128", "implementation": "kernel"}
    timed: Any = [
        SimpleNamespace(name=stage, median=0.003, extra_info={**facts, "stage": stage})
        for stage in ("forward", "step")
    ]
    traced = {**facts, "implementation": "static", "stage": "first", "operators": 63}
    timed.append(SimpleNamespace(name="first", median=0.5, extra_info=traced))
    timed += [  # Neither a failed benchmark nor one of something else has a time of a stage.
        SimpleNamespace(name="failed", median=None, extra_info={**facts, "stage": "clip"}),
        SimpleNamespace(name="other", median=1.0, extra_info={}),
    ]
    before = SimpleNamespace(stats=SimpleNamespace(median=0.002))
    baseline: Any = SimpleNamespace(benchmarks={"step": before, "first": before})

    assert [line.split() for line in step_times(timed, baseline)] == [
        ["device", "cell", "shape", "first", "step", "forward"],
        ["cpu", "RNN", "B1", "T10", "H128", "kernel", "3", "(1.50)", "3"],
        ["cpu", "RNN", "B1", "T10", "H128", "static", "500,", "63", "operators", "(250.00)"],
    ]
    assert step_times(timed[3:], None) == []


def test_whole_steps_on_a_device_stand_beside_those_on_the_cpu() -> None:
    """The device's 1 ms is half of the CPU's 2; what only one of the two has run has no ratio."""
    facts = {"cell": "RNN", "shape": "B1 T10 H128", "stage": "step"}
    timed: Any = [
        SimpleNamespace(median=median, extra_info={**facts, "device": device, **others})
        for median, device, others in (
            (0.002, "cpu", {"implementation": "kernel"}),
            (0.003, "cpu", {"implementation": "kernel", "stage": "forward"}),
            (0.001, "gpu:0", {"implementation": "kernel"}),
            (0.004, "gpu:1", {"implementation": "kernel"}),
            (0.004, "gpu:1", {"implementation": "paddle"}),
        )
    ]
    title, table = against_cpu(timed)

    assert title == "CPU against GPU, median ms of a step"
    assert [line.split() for line in table] == [
        ["device", "cell", "shape", "CPU", "device", "device", "/", "CPU"],
        ["gpu:0", "RNN", "B1", "T10", "H128", "kernel", "2", "1", "0.50"],
        ["gpu:1", "RNN", "B1", "T10", "H128", "kernel", "2", "4", "2.00"],
    ]
    assert against_cpu(timed[:2])[1] == []


def test_refused_runs_are_listed_from_the_newest() -> None:
    """Six of them; the others are counted."""
    here, there = (
        Machine(system="Linux", machine="x86_64", cpu=cpu, cpu_count="2", devices={"cpu": "cpu"})
        for cpu in ("A", "B")
    )
    runs: list[Any] = [SimpleNamespace(name=str(n), when=n, machine=there) for n in range(8)]
    reason = "cpu differs: 'B' and 'A'"

    assert no_baseline([], here) == ["This is the first run."]
    assert no_baseline(runs[:6], here)[1:] == [f"  {n}: {reason}" for n in range(5, -1, -1)]
    assert no_baseline(runs, here) == [
        "None of the 8 saved runs is of this machine and these devices. Refused:",
        *(f"  {number}: {reason}" for number in range(7, 1, -1)),
        "  and 2 older ones",
    ]


def test_comparison_names_what_differs() -> None:
    """Versions, other changes, and benchmarks that only one of the two runs has."""
    when = datetime(2026, 11, 25, tzinfo=timezone.utc)
    environments = {"cpu": {"paddle": "3.0.0"}, "gpu:0": {"paddle": "2.6.2"}}
    run: Any = SimpleNamespace(name="0001", when=when, environments=environments)
    names = ["a.py::a[x::y]", *(f"a.py::{letter}" for letter in "bcdefgh")]
    changes = ["paddle 3.0.0 -> 3.3.1", "numpy 1 -> 2", "cuda 11 -> 12"]
    newer = comparison(run, "3.3.1", changes, 3, names, names[:6])

    assert newer[0].startswith("Compared with 0001 of 2026-11-2")
    assert newer[0].endswith(": Paddle 3.0.0 -> 3.3.1.")
    assert newer[1:] == [
        "Also different: numpy 1 -> 2; cuda 11 -> 12.",
        "3 benchmarks compared.",
        "8 of this run are not in the baseline: a[x::y], b, c, d, e, f, and 2 more",
        "6 of the baseline are not in this run: a[x::y], b, c, d, e, f",
    ]
    assert comparison(run, "3.0.0", ["paddle_commit a -> b"], 0, [], [])[1:] == [
        "Also different: paddle_commit a -> b."
    ]
    first, *others = comparison(run, "3.0.0", [], 0, [], [])
    assert first.endswith(": Paddle 3.0.0 then and now.")
    assert others == ["The rest is the same: Python, NumPy, CUDA, cuDNN, threads and flags."]
