"""Saves each run, and compares it with the last one that it can be compared with.

pytest-benchmark does the loading, saving and tables. Left to itself it saves nothing, takes the
newest file as the baseline whatever machine it is from, and passes over in silence what has no
counterpart there. This plugin decides instead, through its hooks and its session.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.plugins import summary
from benchmarks.saved.baseline import (
    SavedRun,
    best_comparable,
    differences,
    machine_identity,
    obstacles,
    read_run,
    uncompared,
)

# The files that pytest-benchmark numbers, of all Pythons.
EVERY_RUN = "*/[0-9][0-9][0-9][0-9]_"
# How a session ends that was not cut short.
FINISHED = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
PATH_TAKEN = (
    "--benchmark-compare takes the word after it as the run to compare with, and {} is a path: "
    "put paths before it, or write --benchmark-compare=NUMBER"
)


class ComparisonPlugin:
    """Registered by the root conftest where benchmarks are asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.asked: list[str] | bool | str = config.option.benchmark_compare
        if isinstance(self.asked, str) and Path(self.asked.partition("::")[0]).suffix != ".json":
            path = config.invocation_params.dir / self.asked.partition("::")[0]
            if path.exists():
                raise pytest.UsageError(PATH_TAKEN.format(self.asked))
        if config.option.benchmark_compare_fail and not self.asked:
            raise pytest.UsageError("--benchmark-compare-fail needs --benchmark-compare beside it")
        # pytest-benchmark would choose now, before anybody knows what will be measured.
        config.option.benchmark_compare = []
        if config.option.benchmark_columns is None:
            config.option.benchmark_columns = ["median", "iqr", "min", "rounds"]
        self.environments: dict[str, dict[str, str]] = {}
        self.baseline: SavedRun | None = None
        self.said: list[str] = []

    @property
    def session(self) -> Any:
        """pytest-benchmark's own session."""
        return self.config.pluginmanager.get_plugin("pytest-benchmark")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Choose the baseline, now that it is known which devices will be measured."""
        if self.session.disabled or self.config.option.collectonly:
            return
        timed = [
            item
            for item in session.items
            if "benchmark" in getattr(item, "fixturenames", ())
            and item.get_closest_marker("skip") is None
        ]
        if not timed:
            return
        self.environments = describe_environments(timed)
        if not self.asked:
            return
        if self.asked is True:
            self.choose([item.nodeid for item in timed])
        else:
            self.take(str(self.asked))
        if self.baseline is not None:
            self.session.compared_mapping = {
                summary.file_name(self.baseline): dict(self.baseline.benchmarks)
            }

    def choose(self, names: list[str]) -> None:
        """Take the best run of this machine for these benchmarks, or say why there is none."""
        runs, damaged = self.load(EVERY_RUN)
        self.said += [f"Passed over: {problem}" for problem in damaged]
        machine = machine_identity(self.environments)
        self.baseline = best_comparable(runs, machine, names)
        if self.baseline is None:
            self.said += summary.no_baseline(runs, machine)

    def take(self, number: str) -> None:
        """Take the run that was named, or end the session."""
        try:
            runs, damaged = self.load(number)
            if not runs and "/" not in number:
                runs, damaged = self.load(f"*/{number}")
        except ValueError as error:  # A glob that pytest-benchmark does not take.
            raise pytest.UsageError(f"--benchmark-compare={number}: {error}") from error
        if len(runs) != 1:
            found = [run.name for run in runs] or damaged or ["none"]
            raise pytest.UsageError(
                f"--benchmark-compare={number} must name one saved run in {self.session.storage}, "
                f"found: {'; '.join(found)}"
            )
        reasons = obstacles(machine_identity(self.environments), runs[0].machine)
        if reasons:
            raise pytest.UsageError(
                f"--benchmark-compare={number}: {runs[0].name} cannot be compared with this run: "
                + "; ".join(reasons)
            )
        self.baseline = runs[0]

    def load(self, *globs: str) -> tuple[list[SavedRun], list[str]]:
        """Saved runs, and what is wrong with each file that holds none."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = list(self.session.storage.load(*globs))
        runs, damaged = [], [str(warning.message) for warning in caught]
        for path, data in found:
            try:
                runs.append(read_run(path.as_posix(), data))
            except ValueError as error:  # noqa: PERF203
                damaged.append(str(error))
        return runs, damaged

    def pytest_report_collectionfinish(self) -> list[str]:
        """Name the baseline before the wait."""
        return [f"baseline: {self.baseline.name}"] if self.baseline is not None else []

    def pytest_benchmark_generate_machine_info(self) -> dict[str, Any]:
        """Save what must be equal to compare, in the place of what always differs."""
        return machine_identity(self.environments)

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Save what else the times depend on."""
        output_json["environment"] = self.environments

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Any:
        """Save without being asked, and fail where a comparison was required and none made."""
        bench, self.run = self.session, session
        bench.save_data = True
        if not bench.benchmarks:
            bench.save = bench.autosave = bench.json = None  # It would warn, and so fail.
        elif exitstatus == pytest.ExitCode.TESTS_FAILED and not (bench.save or bench.autosave):
            self.said.append(summary.NOT_SAVED)
        elif not (bench.save or bench.autosave) and exitstatus == pytest.ExitCode.OK:
            # The number and the version are what its table shows of a baseline's name.
            bench.autosave = next(iter(self.environments.values()))["paddle"]
        if self.asked and not self.config.option.collectonly and exitstatus in FINISHED:
            self.compare(session)
        return (yield)

    def compare(self, session: pytest.Session) -> None:
        """Say what is compared with what, before pytest-benchmark does it."""
        bench = self.session
        names = [benchmark.fullname for benchmark in bench.benchmarks]
        compared = 0
        if self.baseline is not None:
            new, gone = uncompared(names, self.baseline, self.environments)
            compared = len(names) - len(new)
            changes = differences(self.environments, self.baseline.environments)
            paddle = next(iter(self.environments.values()))["paddle"]
            self.said += summary.comparison(self.baseline, paddle, changes, compared, new, gone)
        if not compared:
            if self.said != summary.FIRST_RUN or bench.compare_fail:
                self.said.append(summary.NOTHING_COMPARED)
            if bench.compare_fail:
                self.said.append(summary.COMPARISON_REQUIRED)
                bench.compare_fail = []  # It would end in a usage error, without a summary.
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Any:
        """End with what a person wants to know."""
        bench = self.session
        # pytest-benchmark would raise here, and a hundred lines of traceback end the output.
        for name, reason in bench.performance_regressions:
            self.said.append(f"{summary.REGRESSED}{name}: {reason}")
            self.run.exitstatus = pytest.ExitCode.TESTS_FAILED
        bench.performance_regressions = []
        try:
            return (yield)
        finally:
            summary.write(terminalreporter, bench, self.baseline, self.said)


def describe_environments(items: Iterable[pytest.Item]) -> dict[str, dict[str, str]]:
    """What the times of benchmarks depend on, for each device that they are for."""
    from rnn_core.runtime.environment import describe_environment

    devices = dict.fromkeys(
        item.callspec.params.get("device", "cpu") if hasattr(item, "callspec") else "cpu"
        for item in items
    )
    return {device: describe_environment(device) for device in devices}
