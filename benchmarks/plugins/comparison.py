"""Saves each run, and compares it with the last comparable one.

pytest-benchmark loads, saves and prints tables. By default it saves nothing, takes the newest file
as the baseline even if it is from another machine, and does not mention benchmarks that the
baseline lacks. This plugin makes these decisions instead.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.plugins import summary
from benchmarks.plugins.adapter import BenchmarkSession
from benchmarks.plugins.saving import Saving
from benchmarks.saved.baseline import (
    best_comparable,
    differences,
    machine_identity,
    obstacles,
    uncompared,
)
from benchmarks.saved.saved_run import SavedRun
from rnn_core.runtime.messages import printable

# Glob of the files that pytest-benchmark numbers, in the folders of all Pythons.
EVERY_RUN = "*/[0-9][0-9][0-9][0-9]_"
# Exit statuses of a session that was not cut short.
FINISHED = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


class SavedEnvironments:
    """Saves what the times of a run depend on.

    Attributes:
        environments: facts of each device that benchmarks run on.
    """

    environments: dict[str, dict[str, str]]

    def pytest_benchmark_generate_machine_info(self) -> dict[str, Any]:
        """Save the facts that must be equal for a comparison, not those that always differ."""
        return machine_identity(self.environments).dump()

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Save the other facts that the times depend on."""
        output_json["environment"] = self.environments


class ComparisonPlugin(SavedEnvironments):
    """Saves and compares a run of the benchmarks. The root conftest registers it."""

    def __init__(self, config: pytest.Config, saving: Saving) -> None:
        self.config, self.saving = config, saving
        self.benchmarks = BenchmarkSession(config)
        self.asked = self.benchmarks.compare
        self.benchmarks.choose_no_baseline()
        self.benchmarks.show_columns(["median", "iqr", "min", "rounds"])
        self.environments = {}
        self.baseline: SavedRun | None = None
        self.messages: list[str] = []
        self.running: BenchmarkFixture | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Choose the baseline, now that the devices to measure are known."""
        if not self.benchmarks.enabled or self.config.option.collectonly:
            return
        timed = [
            item
            for item in session.items
            if "benchmark" in getattr(item, "fixturenames", ())
            and item.get_closest_marker("skip") is None
        ]
        if not timed:
            return
        self.benchmarks.check_grouping(timed)
        self.environments = describe_environments(timed)
        if not self.asked:
            return
        if self.asked is True:
            self.choose([item.nodeid for item in timed])
        else:
            self.take(str(self.asked))
        if self.baseline is not None:
            runs = {name: each.dump() for name, each in self.baseline.benchmarks.items()}
            self.benchmarks.compare_with(self.baseline.name, runs)

    def choose(self, names: list[str]) -> None:
        """Take the best run of this machine for these benchmarks, or say why there is none."""
        runs, damaged = self.load(EVERY_RUN)
        self.messages += [f"Ignored: {problem}" for problem in damaged]
        machine = machine_identity(self.environments)
        self.baseline = best_comparable(runs, machine, names)
        if self.baseline is None:
            self.messages += summary.no_baseline(runs, machine)

    def take(self, number: str) -> None:
        """Take the run that the command line names, or end the session."""
        try:
            runs, damaged = self.load(number)
            if not runs and "/" not in number:
                runs, damaged = self.load(f"*/{number}")
        except (ValueError, NotImplementedError) as error:  # Not a valid glob, or a root folder.
            raise pytest.UsageError(f"--benchmark-compare={number}: {error}") from error
        if len(runs) != 1:
            found = [run.name for run in runs] or damaged or ["none"]
            raise pytest.UsageError(
                f"--benchmark-compare={number} must name one saved run in "
                f"{self.benchmarks.storage}, found: {'; '.join(found)}"
            )
        reasons = obstacles(machine_identity(self.environments), runs[0].machine)
        if reasons:
            raise pytest.UsageError(
                f"--benchmark-compare={number}: {runs[0].name} cannot be compared with this run: "
                + "; ".join(reasons)
            )
        self.baseline = runs[0]

    def load(self, *globs: str) -> tuple[list[SavedRun], list[str]]:
        """Return the saved runs, and what is wrong with each file that holds none."""
        runs, damaged = [], []
        storage = Path(self.benchmarks.storage)
        for path in self.benchmarks.saved_files(*globs):
            inside = path.relative_to(storage) if path.is_relative_to(storage) else path
            name = printable(inside.as_posix())
            try:
                runs.append(SavedRun.load(path).model_copy(update={"name": name}))
            except (OSError, ValueError) as error:
                damaged.append(f"{name} is not a run of this suite: {error}")
        return runs, damaged

    def pytest_report_collectionfinish(self) -> list[str]:
        """Name the baseline before the benchmarks run."""
        return [f"baseline: {self.baseline.name}"] if self.baseline is not None else []

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Any:
        """Remember which benchmark is running."""
        value = yield
        if isinstance(value, BenchmarkFixture):
            self.running = value
        return value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the benchmark once its test has ended, whatever happens during its teardown."""
        if report.when == "call":
            self.running = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Accept that nothing was measured with --setup-only."""
        if self.config.option.setuponly and self.running is not None:
            self.benchmarks.forget(self.running)

    def pytest_keyboard_interrupt(self) -> None:
        """Leave out the benchmark that was interrupted."""
        if self.running is not None:
            self.benchmarks.forget(self.running)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Any:
        """Save every good run, and fail if a required comparison was not possible."""
        self.session = session
        saved = self.save(exitstatus)
        if self.asked and not self.config.option.collectonly and exitstatus in FINISHED:
            self.compare(saved)
        return (yield)

    def save(self, exitstatus: int) -> bool:
        """Save the run if nothing failed, and return whether it is saved."""
        file, name = self.benchmarks.take_requests()
        if not self.benchmarks.benchmarks:
            return False
        if file is not None:
            with self.saving.attempt(file):
                self.benchmarks.write(file)
        if exitstatus != pytest.ExitCode.OK:
            self.messages.append(summary.NOT_SAVED)
            return False
        storage = Path(self.benchmarks.storage)
        with self.saving.attempt(storage):
            # The tables show a baseline by its number and this name.
            self.benchmarks.save_as(name or next(iter(self.environments.values()))["paddle"])
        return storage not in self.saving.failures

    def compare(self, saved: bool) -> None:
        """Add messages about what is compared, before pytest-benchmark compares."""
        names = [benchmark.name for benchmark in self.benchmarks.benchmarks]
        compared = 0
        if self.baseline is not None:
            new, gone = uncompared(names, self.baseline, self.environments)
            compared = len(names) - len(new)
            changes = differences(self.environments, self.baseline.environments)
            paddle = next(iter(self.environments.values()))["paddle"]
            self.messages += summary.comparison(self.baseline, paddle, changes, compared, new, gone)
        if compared:
            return
        first = self.messages == [summary.FIRST_RUN]
        if saved and self.baseline is None:
            self.messages.append(summary.SAVED)
        if not first or self.benchmarks.compare_fail:
            self.messages.append(summary.NOTHING_COMPARED)
        if self.benchmarks.compare_fail:
            self.messages.append(summary.COMPARISON_REQUIRED)
            self.benchmarks.drop_limits()
            self.session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Any:
        """Print behaviours, step times and the comparison last."""
        # pytest-benchmark would raise, and the output would end with a long traceback.
        for name, reason in self.benchmarks.take_regressions():
            self.messages.append(f"{summary.REGRESSED}{name}: {reason}")
            self.session.exitstatus = pytest.ExitCode.TESTS_FAILED
        pictures = self.benchmarks.histogram
        try:
            with self.saving.attempt(pictures) if pictures else nullcontext():
                return (yield)
        finally:
            summary.write(terminalreporter, self.benchmarks, self.baseline, self.messages)


def describe_environments(items: Iterable[pytest.Item]) -> dict[str, dict[str, str]]:
    """Return what the times of benchmarks depend on, for each of their devices."""
    from rnn_core.runtime.environment import describe_environment

    devices = dict.fromkeys(
        item.callspec.params.get("device", "cpu") if hasattr(item, "callspec") else "cpu"
        for item in items
    )
    return {device: describe_environment(device) for device in devices}
