"""Processes of a comparison that cost nothing: files such as the real ones write."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare.pairs import candidate_name
from benchmarks.compare.process import Selection
from benchmarks.compare.sides import Interpreter, read_file
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.baseline import SavedRun, machine_identity
from rnn_core.runtime.environment import describe_environment

FIRST = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel]"
SECOND = "benchmarks/test_stages.py::test_stage[cpu-step-LSTM-B1-T10-H128-paddle]"
# As long as a process takes.
PACE = timedelta(seconds=6)


class FakeProcesses:
    """Stands in for `benchmarks.compare.process.run_process`: made-up times, no process is started.

    Args:
        ratios: of the candidate's time to the baseline's, by benchmark.
        noise: standard deviation of the log of a time.
        before: is called with the number of each process, and may raise.

    Attributes:
        disturbed: files, without their endings, and benchmarks that were disturbed in them.
    """

    def __init__(
        self,
        ratios: Mapping[str, float],
        noise: float = 0.003,
        before: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.ratios, self.noise, self.before = dict(ratios), noise, before
        self.started: list[str] = []
        self.told: list[Settings] = []
        self.changes: dict[str, str] = {}
        self.disturbed: set[tuple[str, str]] = set()

    def __call__(
        self, side: Interpreter, selection: Selection, settings: Settings, path: Path
    ) -> SavedRun:
        """Write the file of one process and read it, as the real one does."""
        assert selection.device == "cpu"
        self.before(len(self.started) + 1)
        self.started.append(path.stem)
        self.told.append(settings)
        candidate = path.stem.endswith("candidate")
        # By the name, so that a process that is repeated takes as long as before.
        random = np.random.default_rng([*path.stem.encode(), settings.seed])
        times = {}
        for name, ratio in self.ratios.items():
            for share in settings.planted or (None,):
                called = candidate_name(name, share)
                time = 1e-3 * (ratio * (1 + (share or 0.0)) if candidate else 1.0)
                noisy = time * float(np.exp(random.normal(0, self.noise)))
                if settings.only is None or called in settings.only:
                    times[called] = noisy
        changes = {"python": side.name} | self.changes
        disturbed = {name for stem, name in self.disturbed if stem == path.stem}
        write_run(path, times, changes, len(self.started), disturbed)
        return read_file(path)


def write_run(
    path: Path,
    times: Mapping[str, float],
    changes: Mapping[str, str] | None = None,
    number: int = 0,
    disturbed: Collection[str] = (),
) -> None:
    """Write what pytest-benchmark would, as far as anybody reads it.

    Args:
        path: of the file.
        times: seconds by benchmark.
        changes: of the environment.
        number: of the process, which ends that many paces after noon.
        disturbed: benchmarks at which others had the processor, whose times mean nothing.
    """
    environments = {"cpu": describe_environment() | dict(changes or {})}
    noon = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
    info: dict[str, Any] = {"device": "cpu", "stage": "step", "fixed_work_ms": 2.0}
    content = {
        "machine_info": machine_identity(environments),
        "environment": environments,
        "datetime": (noon + number * PACE).isoformat(),
        "benchmarks": [
            {
                "fullname": name,
                "extra_info": info | {"lower_quartile": None if name in disturbed else time},
                "stats": {"median": 3 * time if name in disturbed else time},
            }
            for name, time in times.items()
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
