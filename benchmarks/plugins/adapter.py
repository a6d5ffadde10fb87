"""What this suite needs from pytest-benchmark beyond its documented interface.

No other module uses pytest-benchmark's private attributes. They are those of version 5.3.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

DEFAULT_STORAGE = "file://./.benchmarks"


class Timed(NamedTuple):
    """A benchmark of this run.

    Attributes:
        name: node id of the test.
        median: median of the rounds in seconds; None if the benchmark failed.
        extra_info: facts that the test recorded.
    """

    name: str
    median: float | None
    extra_info: Mapping[str, Any]


class BenchmarkSession:
    """pytest-benchmark's own session, which saves, compares and prints.

    Attributes:
        compare: value of `--benchmark-compare`: a run, True to choose one, or an empty value.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.compare: list[str] | bool | str = config.option.benchmark_compare

    @property
    def _session(self) -> Any:
        return self._config.pluginmanager.get_plugin("pytest-benchmark")

    @property
    def enabled(self) -> bool:
        """Whether anything is timed; not with `--benchmark-disable`, nor in workers of xdist."""
        return not self._session.disabled

    @property
    def benchmarks(self) -> list[Timed]:
        """The benchmarks that have run so far."""
        return [
            Timed(each.fullname, float(each["median"]) if each else None, each.extra_info)
            for each in self._session.benchmarks
        ]

    @property
    def storage(self) -> str:
        """Storage of the saved runs, as a URI."""
        return str(self._session.storage)

    @property
    def compare_fail(self) -> bool:
        """Whether `--benchmark-compare-fail` gives limits."""
        return bool(self._config.option.benchmark_compare_fail)

    @property
    def is_saving(self) -> bool:
        """Whether the run will be saved."""
        return bool(self._session.save or self._session.autosave)

    def choose_no_baseline(self) -> None:
        """Keep pytest-benchmark from choosing a baseline before the tests are collected."""
        self._config.option.benchmark_compare = []

    def show_columns(self, columns: list[str]) -> None:
        """Set the columns of the tables, unless the command line does."""
        if self._config.option.benchmark_columns is None:
            self._config.option.benchmark_columns = columns

    def write_json(self, path: Path) -> None:
        """Write the results to a file at the end of the run."""
        self._config.option.benchmark_json = path

    def saved_files(self, *globs: str) -> list[Path]:
        """Return the paths of the saved runs."""
        return list(self._session.storage.query(*globs))

    def compare_with(self, name: str, benchmarks: Mapping[str, Any]) -> None:
        """Compare with a saved run's benchmarks; the tables show its name without the folder."""
        self._session.compared_mapping = {Path(Path(name).name): dict(benchmarks)}

    def save_every_round(self) -> None:
        """Save the times of all rounds, not only their statistics."""
        self._session.save_data = True

    def save_as(self, name: str) -> None:
        """Save the run under the next number and this name."""
        self._session.autosave = name

    def save_nothing(self) -> None:
        """Save no run and no JSON file."""
        self._session.save = self._session.autosave = self._session.json = None

    def drop_limits(self) -> None:
        """Check no limits; without a baseline, pytest-benchmark would end with a usage error."""
        self._session.compare_fail = []

    def take_regressions(self) -> list[tuple[str, str]]:
        """Return name and reason of each regression, and keep pytest-benchmark from raising."""
        found = self._session.performance_regressions
        self._session.performance_regressions = []
        return list(found)


def use_storage(config: pytest.Config, folder: Path) -> None:
    """Save runs in this folder, unless the command line says where."""
    if config.getoption("benchmark_storage") == DEFAULT_STORAGE:
        config.option.benchmark_storage = f"file://{folder}"


def rounds_of(benchmark: BenchmarkFixture) -> list[float]:
    """Return the times of all rounds of a benchmark, in seconds."""
    times: list[float] = benchmark.stats.stats.data  # type: ignore[union-attr]
    return times
