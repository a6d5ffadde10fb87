"""Fake processes of a comparison, which write the files of real ones without measuring."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare.pairs import candidate_name
from benchmarks.compare.process import Job, Selection
from benchmarks.compare.sides import load_run
from benchmarks.instructions.functions import Function, Operator, Profile, Profiles, functions_file
from benchmarks.interpreters import Interpreter
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.saved_run import Measure, SavedRun
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_json
from tests.helpers.saved_runs import NOON, saved_benchmark, saved_content

FIRST = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel]"
SECOND = "benchmarks/test_stages.py::test_stage[cpu-step-LSTM-B1-T10-H128-paddle]"
COSTS: tuple[Measure, ...] = ("instructions", "memory")
# Duration of a process, according to the dates in the files.
PACE = timedelta(seconds=6)


def interrupt_at(
    number: int, error: type[BaseException] | BaseException = KeyboardInterrupt
) -> Callable[[int], None]:
    """Return a function that raises the error during the process of this number."""

    def interrupt(now: int) -> None:
        if now == number:
            raise error

    return interrupt


class FakeProcesses:
    """Stands in for the functions of `benchmarks.compare.process` that run processes.

    Args:
        ratios: ratio of the candidate's time to the baseline's, by benchmark.
        noise: standard deviation of the log of a time.
        drift: milliseconds by which the fixed work takes longer from process to process.
        costs: ratios of the candidate's instructions and memory to the baseline's, by benchmark;
            1 for those that are not given; memory is unknown if it is 0.
        before: called with the number of each process, from 1 on; may raise.

    Attributes:
        started: names of the processes' files, without suffix, in the order of their start.
        settings: settings of each process.
        paths: path of each process's file.
        changes: changes to the environment of all processes.
        disturbed: files, without suffix, and benchmarks that were disturbed in them.
        steps: seconds of a step, by the names of sides; 0.001 for the others.
        selected: files, expressions and devices that the processes were asked for.
    """

    def __init__(
        self,
        ratios: Mapping[str, float],
        noise: float = 0.003,
        before: Callable[[int], object] = lambda _: None,
        drift: float = 0.0,
        costs: Mapping[Measure, Mapping[str, float]] | None = None,
    ) -> None:
        self.ratios, self.noise, self.before = dict(ratios), noise, before
        self.drift, self.costs = drift, costs or {}
        self.started: list[str] = []
        self.settings: list[Settings] = []
        self.paths: list[Path] = []
        self.changes: dict[str, str] = {}
        self.disturbed: set[tuple[str, str]] = set()
        self.steps: dict[str, float] = {}
        self.selected: dict[str, None] = {}

    def __call__(self, selection: Selection, jobs: Sequence[Job]) -> list[SavedRun]:
        """Write and read the files of the processes, as `time_processes` does."""
        where = f" on {selection.device}" if selection.device != "cpu" else ""
        self.selected[f"{', '.join(selection.paths)} -k {selection.benchmarks!r}{where}"] = None
        return [self.run(job.settings, job.interpreter, job.path) for job in jobs]

    def run(self, settings: Settings, side: Interpreter, path: Path) -> SavedRun:
        """Write and read the file of one process."""
        self.before(len(self.started) + 1)
        self.started.append(path.stem)
        self.settings.append(settings)
        self.paths.append(path)
        candidate = path.stem.endswith("candidate")
        # Seeded by the name, so that a repeated process has the same times.
        random = np.random.default_rng([*path.stem.encode(), settings.seed])
        times = {}
        info: dict[str, dict[str, int | None]] = {}
        for name, ratio in self.ratios.items():
            for share in settings.planted or (None,):
                called = candidate_name(name, share)
                step = self.steps.get(side.name, 1e-3)
                time = step * (ratio * (1 + (share or 0.0)) if candidate else 1.0)
                noisy = time * float(np.exp(random.normal(0, self.noise)))
                if settings.only is None or called in settings.only:
                    times[called] = noisy
                    cost = {
                        measure: self.costs.get(measure, {}).get(name, 1.0) if candidate else 1.0
                        for measure in COSTS
                    }
                    info[called] = {"peak_bytes": round(2e6 * cost["memory"]) or None}
                    if settings.measure == "instructions":
                        count = round(3e6 * cost["instructions"] * (1 + (share or 0) * candidate))
                        info[called]["instructions"] = count
        changes = {"python": side.name, "rnn_core": side.rnn_core} | self.changes
        disturbed = {name for stem, name in self.disturbed if stem == path.stem}
        number = len(self.started)
        write_run(path, times, changes, number, disturbed, 2.0 + self.drift * number, info)
        if settings.measure == "instructions":
            profiles = Profiles(benchmarks={name: profile(each) for name, each in info.items()})
            write_json(functions_file(path), profiles.dump())
        return load_run(path)


def profile(info: Mapping[str, int | None]) -> Profile:
    """Return what a counted benchmark executes: much that grows with it, and little that is new."""
    count = info["instructions"] or 0
    names = ("matmul", f"op{count}")
    return Profile(
        functions=(
            Function(name="phi::matmul", library="libphi.so", cost=float(count), operator="matmul"),
            Function(name=f"operator||<{count}>", library="libc.so", cost=1e3),
        ),
        operators=tuple(
            Operator(name=name, cost=count / 2, calls=count // 10**6) for name in names
        ),
    )


def write_run(
    path: Path,
    times: Mapping[str, float],
    changes: Mapping[str, str] | None = None,
    number: int = 0,
    disturbed: Collection[str] = (),
    fixed_work_ms: float = 2.0,
    info: Mapping[str, Mapping[str, int | None]] | None = None,
) -> None:
    """Write a file as pytest-benchmark does, without the fields that are never read.

    Args:
        path: path of the file.
        times: seconds by benchmark.
        changes: changes to the environment.
        number: number of the process, which ends that many times `PACE` after noon.
        disturbed: benchmarks that were disturbed; their medians are three times as large.
        fixed_work_ms: milliseconds that the fixed work took.
        info: further facts, by benchmark.
    """
    benchmarks = [
        saved_benchmark(
            name,
            3 * time if name in disturbed else time,
            device="cpu",
            stage="step",
            fixed_work_ms=fixed_work_ms,
            lower_quartile=None if name in disturbed else time,
            **dict[str, Any]((info or {}).get(name, {})),
        )
        for name, time in times.items()
    ]
    environments = {"cpu": describe_environment() | dict(changes or {})}
    content = saved_content(benchmarks, environments, NOON + number * PACE)
    content["sampling"] = {"begun": (NOON + (number - 1) * PACE).isoformat()}
    path.write_text(json.dumps(content), encoding="utf-8")
