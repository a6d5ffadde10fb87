"""Fixtures of the benchmarks: how a target is timed, and where histories are saved."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.plugins.sampling import NAME, Sampler
from benchmarks.plugins.saving import SAVING
from benchmarks.saved.result_files import history_file
from benchmarks.workloads.own import FORM

if TYPE_CHECKING:
    from rnn_core.history import History

LeaveHistory = Callable[[str, "History"], None]
# Times a target in rounds, after warm-up rounds. The target gets what `setup` returns; with
# `first`, that is a new model for each call, whose memory varies at random on Paddle 3.
Measure = Callable[..., None]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the benchmark of an own workload if there is none."""
    unasked = collection_path.name == "test_workload.py" and config.getoption("workload") is None
    return unasked or None


@pytest.hookimpl(trylast=True)  # The device comes first in a benchmark's name.
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name the benchmark of an own workload after it."""
    if "workload" not in metafunc.fixturenames:
        return
    names = ("workload", "workload_seed", "workload_execution")
    workload, seed, execution = (metafunc.config.getoption(name) for name in names)
    if workload is None:
        raise pytest.UsageError(f"benchmarks/test_workload.py requires --workload {FORM}")
    values = (workload, seed or 0, execution or "eager")
    metafunc.parametrize(names, [values], ids=[f"{workload}-{values[2]}"])


@pytest.fixture
def planted() -> float:
    """Share of work that a process of a calibration plants by time; 0 in other runs."""
    return 0.0


@pytest.fixture
def measure(pytestconfig: pytest.Config, benchmark: BenchmarkFixture, planted: float) -> Measure:
    """Return a function that times a target: in rounds, or for a comparison in long samples."""

    def time_target(
        target: Any, setup: Any, rounds: int, warmup_rounds: int = 0, first: bool = False
    ) -> None:
        sampler = pytestconfig.pluginmanager.get_plugin(NAME)
        if isinstance(sampler, Sampler):
            sampler.measure(benchmark, planted, target, setup, first)
        else:
            benchmark.pedantic(  # type: ignore[no-untyped-call]
                target, setup=setup, rounds=rounds, warmup_rounds=warmup_rounds
            )

    return time_target


@pytest.fixture
def leave_history(pytestconfig: pytest.Config) -> LeaveHistory:
    """Return a function that saves the history of an experiment if `--results` is given.

    The test must be parametrised by `experiment` and `device`: see
    `benchmarks.plugins.results.expected_files`.
    """
    folder = pytestconfig.getoption("results")
    saving: Any = pytestconfig.pluginmanager.get_plugin(SAVING)

    def save(experiment: str, history: "History") -> None:
        if folder is not None:
            path = Path(folder) / history_file(experiment, history.environment["device"])
            with saving.attempt(path):
                history.save(path)

    return save
