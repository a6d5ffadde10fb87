"""The choice of the baseline among saved runs."""

import json
from datetime import datetime, timezone

from benchmarks.saved.baseline import best_comparable, machine_identity
from benchmarks.saved.saved_run import SavedRun
from tests.helpers.matrix_results import FACTS, MACHINE
from tests.helpers.saved_runs import saved_benchmark, saved_content

CPU = {**FACTS, **MACHINE, "threads": "1"}


def saved(day: int, environment: dict[str, str], names: str = "a") -> SavedRun:
    """Return a saved run, measured on that day in the environment."""
    benchmarks = [saved_benchmark(name, 1.0, device="cpu") for name in names]
    when = datetime(2026, 11, day, tzinfo=timezone.utc)
    content = saved_content(benchmarks, {"cpu": environment}, when)
    return SavedRun.model_validate_json(json.dumps(content))


def test_the_newest_run_of_the_same_machine_is_the_baseline() -> None:
    """The date of a run decides; a newer run of another machine does not count."""
    runs = [saved(3, CPU), saved(1, CPU), saved(9, CPU | {"cpu": "Model B"})]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), []) is runs[0]
    assert best_comparable(runs[2:], machine_identity({"cpu": CPU}), []) is None


def test_run_with_more_of_the_benchmarks_is_the_baseline() -> None:
    """A newer run of a few does not replace it."""
    runs = [saved(2, CPU, "ab"), saved(3, CPU, "acd")]

    assert best_comparable(runs, machine_identity({"cpu": CPU}), ["a", "b"]) is runs[0]
