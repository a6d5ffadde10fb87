"""The two sides of a comparison of behaviours, and the processes that record their runs."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.behaviour.files import AnyJob, Job, Recording, Trace
from benchmarks.interpreters import (
    HERE,
    Interpreter,
    Origin,
    SideError,
    find_interpreter,
    names_new_process,
)
from benchmarks.runner import Program, Result, project_environment, run_together
from rnn_core.commands.status import ExitStatus
from rnn_core.model import model_of
from rnn_core.parameters import Parameters


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    Attributes:
        name: "baseline" or "candidate".
        folder: folder of its files.
        python: its interpreter; None if it was recorded before.
        source: folder that holds its rnn_core.
        environment: environment variables to set for it, in addition to those of this process.
    """

    name: str
    folder: Path
    python: Path | None = None
    source: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)

    def trace(self, path: Path) -> Trace | None:
        """Load a traced step; None if there is no such file.

        Raises:
            SideError: the file is damaged.
        """
        try:
            return Trace.load(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SideError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class Task:
    """Work for one process of a side: see `benchmarks.behaviour.worker`.

    Attributes:
        side: side that does the work.
        work: runs, each with the step to trace, or with None to record the whole run.
        replay: folder of the traces to replay; None to trace the side's own steps.
    """

    side: Side
    work: Sequence[tuple[AnyJob, int | None]]
    replay: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """Return the arguments of the worker. In JSON, a job is its type and its fields."""
        replay = None if self.replay is None else str(self.replay)
        work = [(type(job).__name__, astuple(job), step) for job, step in self.work]
        return [json.dumps([str(self.side.folder), work, replay])]


def make_side(
    name: str,
    given: str | Interpreter,
    folder: Path,
    environment: Mapping[str, str] | None,
    origin: Origin = HERE,
) -> Side:
    """Return a side for an interpreter, or for a folder that was recorded before.

    Raises:
        SideError: there is no such interpreter or folder.
    """
    if isinstance(given, Interpreter):
        found = given
    elif Path(given).is_dir() and not names_new_process(given):
        if environment:
            raise SideError(f"{name}: environment variables cannot change a recorded side, {given}")
        return Side(name, Path(given).absolute())
    else:
        try:
            found = find_interpreter(given, origin)
        except SideError as error:
            raise SideError(f"{name}: {error}") from error
    return Side(name, (folder / name).absolute(), found.python, found.source, environment or {})


def make_sides(
    given: tuple[str | Interpreter, str | Interpreter],
    folder: Path,
    environments: tuple[Mapping[str, str] | None, Mapping[str, str] | None],
    origin: Origin = HERE,
) -> tuple[Side, Side]:
    """Return the baseline and the candidate; raise SideError as `make_side`, or if they are one."""
    baseline = make_side("baseline", given[0], folder, environments[0], origin)
    candidate = make_side("candidate", given[1], folder, environments[1], origin)
    if baseline.folder == candidate.folder:
        raise SideError(f"both sides are {baseline.folder}")
    return baseline, candidate


def record_sides(sides: Sequence[Side], jobs: Sequence[Job]) -> None:
    """Record all jobs on all sides at the same time, one process for each side.

    Raises:
        SideError: a process failed.
        OSError: a folder cannot be created.
    """
    record([Task(side, [(job, None) for job in jobs]) for side in sides])


def record(tasks: Sequence[Task]) -> None:
    """Run tasks that record runs, with a progress bar over the runs.

    Raises:
        SideError: a process failed.
        OSError: a folder cannot be created.
    """
    histories = [job.history(task.side.folder) for task in tasks for job, _ in task.work]
    for task in tasks:
        task.side.folder.mkdir(parents=True, exist_ok=True)
    for path in histories:
        path.unlink(missing_ok=True)  # Otherwise an earlier run could be mistaken for a new one.
    with tqdm(total=len(histories), unit="run", disable=None, leave=False) as bar:
        bar.set_description("behaviour")

        def progress() -> None:
            bar.n = sum(path.exists() for path in histories)
            bar.refresh()

        run_tasks(tasks, progress)
    missing = [path for path in histories if not path.exists()]
    if missing:
        raise SideError(f"a process succeeded without writing {missing[0]}")


def run_tasks(tasks: Sequence[Task], progress: Callable[[], None] = lambda: None) -> None:
    """Run the processes of all tasks at the same time; if one fails, end the others.

    Args:
        tasks: tasks to run.
        progress: function that is called repeatedly while the processes run.

    Raises:
        SideError: a process failed; the message has the last line of its output.
        OSError: an interpreter cannot be started.
    """
    # Python imports from this folder first, and from this checkout what is not there.
    programs = [
        Program(
            [str(task.side.python), "-m", "benchmarks.behaviour.worker", *task.arguments],
            project_environment(task.side.environment),
            task.side.source,
        )
        for task in tasks
    ]

    def ended(number: int, result: Result) -> None:
        side = tasks[number].side
        if result.status == ExitStatus.WRONG_INPUT and result.output:
            raise SideError(f"{side.name}: {result.output.strip()}")
        if result.status:
            raise SideError(f"{side.name}: {side.python} {result.ending}: {result.last_lines()}")

    run_together(programs, ended, max(2, os.cpu_count() or 2), progress)


def load_files(job: AnyJob, side: Side) -> Recording:
    """Load a side's recording of a job, whatever its settings.

    Raises:
        SideError: the recording is missing or damaged.
    """
    try:
        return Recording.load(job, side.folder)
    except FileNotFoundError as error:
        raise SideError(
            f"{side.name}: {side.folder} has no run of {job.experiment}/{job.execution}"
        ) from error
    except (OSError, ValueError) as error:
        raise SideError(f"{side.name}: {error}") from error


def load(job: Job, side: Side) -> Recording:
    """Load a side's recording of an experiment.

    Raises:
        SideError: the recording is missing or damaged, or has other settings.
    """
    recording = load_files(job, side)
    history = recording.history
    expected = replace(job.config, device=history.config.device).as_dict()
    problems = [
        f"{name} is {value!r}, expected {expected[name]!r}"
        for name, value in history.config.as_dict().items()
        if value != expected[name]
    ]
    if not problems and list(history.raw_norms) != Parameters(model_of(history.config)).names:
        problems = ["the parameters have other names"]
    if not len(history.recorded):
        problems.append("no step was recorded")
    if problems:
        raise SideError(f"{side.name}: {job.history(side.folder)}: {'; '.join(problems)}")
    return recording
