"""Files that a run writes for the report: `pytest --results FOLDER`.

A run of the tests or of the benchmarks writes into FOLDER:

- what was asked for, when and where (`tests-run.json` or `benchmarks-run.json`), before anything
  runs and again at the end, so that an unfinished run can be recognised;
- the outcomes as JUnit XML (`tests.xml` or `benchmarks.xml`), after each test of a serial run.

A run of the benchmarks also writes:

- after each benchmark, all times so far, as pytest-benchmark writes them (`benchmarks.json`);
- the history of each experiment (such as `exploding-rnn.npz`).
"""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from benchmarks.locks import lock_folder
from benchmarks.plugins.adapter import BenchmarkSession
from benchmarks.plugins.outcomes import RunningOutcomes
from benchmarks.plugins.saving import Saving
from benchmarks.saved.result_files import TIMES, Kind, begun_file, history_file, outcomes_file
from benchmarks.saved.run_file import RunFile, Selection

# Paddle must not be imported while pytest is configured: warnings are errors then. So modules that
# import Paddle are imported inside functions.

# Options that leave out tests without a call of pytest_deselected, with their names in the
# configuration.
RESTRICTING = {
    "--ignore": "ignore",
    "--ignore-glob": "ignore_glob",
    "--last-failed": "lf",
    "--stepwise": "stepwise",
    "--collect-only": "collectonly",
}


class DeselectedCounter:
    """Counts deselected tests; registered in workers of xdist, which collect the tests.

    Tests marked slow do not count: a usual run leaves them out.
    """

    deselected = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count the tests."""
        self.deselected += sum(item.get_closest_marker("slow") is None for item in items)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the number from a worker to the process that started it."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["deselected"] = self.deselected


class ResultsPlugin(DeselectedCounter):
    """Writes the files of `--results`. The root conftest registers it if the option is given."""

    def __init__(self, config: pytest.Config, folder: Path, kind: Kind, saving: Saving) -> None:
        self.config, self.folder, self.kind, self.saving = config, folder, kind, saving
        self.run: RunFile | None = None
        self.lock = ExitStack()
        try:
            self.lock.enter_context(lock_folder(folder))
            # Files of an earlier run of this kind must not be mistaken for files of this run.
            old = [folder / begun_file(kind), folder / outcomes_file(kind)]
            if kind == "benchmarks":
                old += [folder / TIMES, *folder.glob("*.npz")]
            for path in old:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--results {folder}: {error}") from error
        config.option.results = str(folder)
        self.outcomes = folder / outcomes_file(kind)
        config.option.xmlpath = config.option.xmlpath or str(self.outcomes)

    def pytest_unconfigure(self) -> None:
        """Release the folder."""
        self.lock.close()

    def begin(self, devices: Sequence[str]) -> None:
        """Write what was asked for, and on which devices it runs."""
        from rnn_core.runtime.environment import describe_environment

        config = self.config
        self.catch_outcomes()
        self.run = RunFile(
            date=datetime.now(timezone.utc).replace(microsecond=0),
            arguments=tuple(map(str, config.invocation_params.args)),
            environments={device: describe_environment(device) for device in devices},
            selection=Selection(
                source=config.args_source.name,
                paths=tuple(config.args),
                whole=tuple(config.getini("testpaths")),
                options=tuple(
                    option for option, name in RESTRICTING.items() if config.getoption(name, None)
                ),
            ),
            expected=(),
        )
        self.write()
        if self.saving.failures:
            reasons = "; ".join(self.saving.failures.values())
            raise pytest.UsageError(f"--results {self.folder}: {reasons}")
        if not config.getoption("numprocesses", None):
            config.pluginmanager.register(RunningOutcomes(config, self.outcomes))

    def catch_outcomes(self) -> None:
        """Write JUnit XML completely or not at all, here and where `--junitxml` asks for it.

        pytest would leave a part of the file if the disk is full, and then print no summary.
        """
        log = self.config.stash[xml_key]
        paths = {self.outcomes, Path(log.logfile)}
        part = self.folder / f".{self.outcomes.name}"
        write = log.pytest_sessionfinish

        def write_all() -> None:
            from rnn_core.runtime.files import write_whole

            log.logfile = str(part)
            for path in paths:
                with self.saving.attempt(path):
                    write()
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with write_whole(path) as file:
                        file.write(part.read_bytes())
            torn = [self.outcomes] if self.outcomes in self.saving.failures else []
            for path in (part, *torn):
                with suppress(OSError):
                    path.unlink()
            log.logfile = str(self.outcomes)

        self.config.pluginmanager.unregister(log)
        log.pytest_sessionfinish = write_all  # type: ignore[method-assign]
        self.config.pluginmanager.register(log)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record which files the collected benchmarks will write."""
        if self.kind == "tests" or self.config.option.collectonly:
            return
        items = [
            item
            for item in session.items
            if isinstance(item, pytest.Function) and item.get_closest_marker("skip") is None
        ]
        self.benchmarks = BenchmarkSession(self.config)
        self.write(expected=tuple(expected_files(items, timed=self.benchmarks.enabled)))

    def pytest_runtest_logfinish(self) -> None:
        """Write the times so far, which a crash of the next benchmark must not lose."""
        if self.kind == "benchmarks" and self.benchmarks.benchmarks:
            with self.saving.attempt(self.folder / TIMES):
                self.benchmarks.write(self.folder / TIMES)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Keep the number that a worker of xdist counted; all workers collect the same tests."""
        found = getattr(node, "workeroutput", {}).get("deselected", 0)
        self.deselected = max(self.deselected, found)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write how the run ended; JUnit XML does not tell an interrupted run from a whole one."""
        if self.run is None:
            return
        stopped = str(session.shouldfail or session.shouldstop or "")
        selection = self.run.selection.model_copy(
            update={"deselected": self.deselected, "stopped": stopped}
        )
        self.write(selection=selection, exit_status=int(session.exitstatus))

    def write(self, **changes: Any) -> None:
        """Write what is known about the run."""
        from rnn_core.runtime.files import write_json

        assert self.run is not None
        self.run = self.run.model_copy(update=changes)
        path = self.folder / begun_file(self.kind)
        with self.saving.attempt(path):
            write_json(path, self.run.dump())


def expected_files(items: Sequence[pytest.Function], timed: bool) -> list[str]:
    """Return the names of the files that these benchmarks write.

    A test that takes the fixture `leave_history` is parametrised by experiment and device.
    """
    names = [
        history_file(str(item.callspec.params["experiment"]), str(item.callspec.params["device"]))
        for item in items
        if "leave_history" in item.fixturenames
    ]
    times = timed and any("benchmark" in item.fixturenames for item in items)
    return [TIMES, *names] if times else names
