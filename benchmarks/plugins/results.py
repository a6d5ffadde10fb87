"""What a run leaves behind for the matrix report: `pytest --results FOLDER`.

FOLDER gets, of the tests or of the benchmarks, whichever are asked for: what was begun, when and
where (`tests-run.json`), the outcomes as JUnit XML (`tests.xml`), the times as pytest-benchmark's
JSON (`benchmarks.json`), and each experiment's history (`exploding-rnn.npz`). The first is written
before anything runs, and again with the exit status, so that a run that breaks off is seen to have
done so.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.saved.result_files import (
    FORMAT,
    TIMES,
    Kind,
    begun_file,
    history_file,
    outcomes_file,
)

if TYPE_CHECKING:
    from rnn_core.history import History

# Nothing here imports Paddle before the session starts: while pytest is configured, a warning of
# any package that Paddle imports would be an error.


class ResultsPlugin:
    """Registered by the root conftest where results are asked for."""

    def __init__(self, config: pytest.Config, folder: Path, kind: Kind) -> None:
        self.config, self.folder, self.kind = config, folder, kind
        self.begun: dict[str, Any] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.clear()
        except OSError as error:
            raise pytest.UsageError(f"--results {folder}: {error}") from error
        config.option.results = str(folder)
        config.option.xmlpath = str(folder / outcomes_file(kind))
        if kind == "benchmarks":
            config.option.benchmark_json = folder / TIMES

    def clear(self) -> None:
        """Remove what an earlier run of this kind left: it would pass for this one's."""
        names = [begun_file(self.kind), outcomes_file(self.kind)]
        if self.kind == "benchmarks":
            names += [TIMES, *(path.name for path in self.folder.glob("*.npz"))]
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def begin(self, devices: Sequence[str]) -> None:
        """Write what is begun, on which devices."""
        from rnn_core.runtime.environment import describe_environment

        self.begun = {
            "format": FORMAT,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "arguments": list(self.config.invocation_params.args),
            "environments": {device: describe_environment(device) for device in devices},
        }
        self.write(self.begun)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write that it has ended, and how: JUnit XML does not tell a whole run from a part."""
        if self.begun:
            self.write({**self.begun, "exit_status": int(exitstatus)})

    def write(self, content: dict[str, Any]) -> None:
        """Write what is known of the run."""
        from rnn_core.runtime.files import write_whole

        with write_whole(self.folder / begun_file(self.kind)) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())


def leave_history(config: pytest.Config, experiment: str, history: "History") -> None:
    """Save an experiment's history where results were asked for."""
    folder = config.getoption("results")
    if folder is not None:
        name = history_file(experiment, history.environment["device"])
        history.save(Path(folder) / name)
