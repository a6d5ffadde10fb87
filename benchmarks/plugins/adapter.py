"""What this suite needs from pytest-benchmark beyond its documented interface.

No other module uses pytest-benchmark's private attributes. They are those of version 5.3.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from pytest_benchmark.utils import safe_dumps

from benchmarks.locks import lock_folder

DEFAULT_STORAGE = "file://./.benchmarks"
# Seconds to wait while another run saves its own times.
PATIENCE = 10.0


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
    def histogram(self) -> Path | None:
        """Start of the names of the pictures that `--benchmark-histogram` asks for."""
        return Path(self._session.histogram) if self._session.histogram else None

    def choose_no_baseline(self) -> None:
        """Keep pytest-benchmark from choosing a baseline before the tests are collected."""
        self._config.option.benchmark_compare = []

    def check_grouping(self, items: Iterable[pytest.Item]) -> None:
        """Raise pytest.UsageError if `--benchmark-group-by` does not fit the benchmarks."""
        facts = []
        for item in items:
            call = getattr(item, "callspec", None)
            names = {"group": None, "name": item.name, "fullname": item.nodeid}
            parameters = {"param": call and call.id, "params": call and call.params}
            facts.append(names | parameters)
        by = self._session.group_by
        try:
            self._config.hook.pytest_benchmark_group_stats(
                config=self._config, benchmarks=facts, group_by=by
            )
        except (LookupError, TypeError, NotImplementedError) as error:
            raise pytest.UsageError(
                f"--benchmark-group-by={by}: not possible: {error!r}"
            ) from error

    def show_columns(self, columns: list[str]) -> None:
        """Set the columns of the tables, unless the command line does."""
        if self._config.option.benchmark_columns is None:
            self._config.option.benchmark_columns = columns

    def saved_files(self, *globs: str) -> list[Path]:
        """Return the paths of the saved runs."""
        return list(self._session.storage.query(*globs))

    def compare_with(self, name: str, benchmarks: Mapping[str, Any]) -> None:
        """Compare with a saved run's benchmarks; the tables show its name without the folder."""
        self._session.compared_mapping = {Path(Path(name).name): benchmarks}

    def forget(self, fixture: BenchmarkFixture) -> None:
        """Leave out a benchmark that was interrupted."""
        fixture.skipped = True  # Or its teardown would complain that it was not used.
        kept = [each for each in self._session.benchmarks if each.fixture is not fixture]
        self._session.benchmarks[:] = kept

    def take_requests(self) -> tuple[Path | None, str | None]:
        """Return the file and the name to save the run under, and keep pytest-benchmark from it.

        It would leave a part of a file if the disk is full, and then print no tables.
        """
        session = self._session
        found = session.json, session.save or session.autosave
        session.json = session.save = session.autosave = None
        return found

    def write(self, path: Path) -> None:
        """Write the benchmarks of this run with the times of every round.

        Raises:
            OSError: the file cannot be written; an earlier one is unchanged.
        """
        from rnn_core.runtime.files import write_text

        hook = self._config.hook
        content = hook.pytest_benchmark_generate_json(
            config=self._config,
            benchmarks=self._session.benchmarks,
            include_data=True,
            machine_info=self._session.get_machine_info(),
            commit_info=self._commit,
        )
        hook.pytest_benchmark_update_json(
            config=self._config, benchmarks=self._session.benchmarks, output_json=content
        )
        write_text(path, safe_dumps(content, indent=4))  # type: ignore[no-untyped-call]

    @cached_property
    def _commit(self) -> Any:
        found = self._config.hook.pytest_benchmark_generate_commit_info(config=self._config)
        self._config.hook.pytest_benchmark_update_commit_info(
            config=self._config, commit_info=found
        )
        return found

    def save_as(self, name: str) -> None:
        """Save the run under the next number and this name.

        Raises:
            OSError: the file cannot be written.
        """
        storage = self._session.storage
        with lock_folder(storage.path, PATIENCE):
            path = storage.get(f"{storage._next_num}_{name}.json")
            self.write(path)
        self._session.logger.info(f"Saved benchmark data in: {path}")

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
    if config.getoption("benchmark_storage", None) == DEFAULT_STORAGE:
        config.option.benchmark_storage = f"file://{folder}"


def rounds_of(benchmark: BenchmarkFixture) -> list[float]:
    """Return the times of all rounds of a benchmark, in seconds."""
    times: list[float] = benchmark.stats.stats.data  # type: ignore[union-attr]
    return times
