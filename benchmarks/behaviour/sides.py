"""The two sides of a comparison of behaviours, and the processes that record their runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from benchmarks.behaviour.files import Job, Recording, Trace
from benchmarks.interpreters import InterpreterError, find_interpreter
from benchmarks.runner import Process, project_environment
from rnn_core.experiments import EXPERIMENTS

POLL = 0.1  # seconds


class BehaviourError(RuntimeError):
    """The two sides cannot be compared."""


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    Attributes:
        name: "baseline" or "candidate".
        folder: folder of its files.
        python: its interpreter; None if it was recorded before.
        environment: environment variables to set for it, besides those of this process.
    """

    name: str
    folder: Path
    python: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def trace(self, path: Path) -> Trace | None:
        """Load a traced step; None if there is no such file.

        Raises:
            BehaviourError: the file is damaged.
        """
        try:
            return Trace.load(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise BehaviourError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class Task:
    """Work for a process of one side, as `benchmarks.behaviour.worker` takes it.

    Attributes:
        side: the side.
        jobs: runs to record or trace, in order.
        steps: step to trace for each job; None to record the whole run.
        replay: folder of the traces to replay; None to trace the side's own steps.
    """

    side: Side
    jobs: Sequence[Job]
    steps: Sequence[int | None]
    replay: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """Return the arguments of the worker."""
        epochs = {job.epochs for job in self.jobs} - {None}
        return [
            str(self.side.folder),
            *(
                job.text if step is None else f"{job.text}/{step}"
                for job, step in zip(self.jobs, self.steps, strict=True)
            ),
            *(f"--epochs={number}" for number in epochs),
            *(() if self.replay is None else ("--replay", str(self.replay))),
        ]


def make_side(name: str, given: str, folder: Path, environment: Mapping[str, str] | None) -> Side:
    """Return a side for an interpreter, or for a folder that was recorded before.

    Raises:
        BehaviourError: there is no such interpreter or folder.
    """
    if Path(given).is_dir():
        if environment:
            raise BehaviourError(
                f"{name}: environment variables cannot change a recorded side, {given}"
            )
        return Side(name, Path(given).absolute())
    python = find_python(name, given)
    return Side(name, (folder / name).absolute(), python, environment or {})


def find_python(name: str, given: str) -> Path:
    """Return the interpreter of a side.

    Raises:
        BehaviourError: there is no such interpreter.
    """
    try:
        return find_interpreter(given).python
    except InterpreterError as error:
        raise BehaviourError(f"{name}: {error}") from error


def record_sides(sides: Sequence[Side], jobs: Sequence[Job]) -> None:
    """Record all jobs on all sides at the same time, with a progress bar over the experiments.

    Raises:
        BehaviourError: a process failed.
        OSError: a folder cannot be created.
    """
    histories = [job.history(side.folder) for side in sides for job in jobs]
    for side in sides:
        side.folder.mkdir(parents=True, exist_ok=True)
    for path in histories:
        path.unlink(missing_ok=True)  # Otherwise an earlier run would pass for a new one.
    tasks = [Task(side, jobs, [None] * len(jobs)) for side in sides]
    with tqdm(total=len(histories), unit="run", disable=None, leave=False) as bar:
        bar.set_description("experiments")

        def progress() -> None:
            bar.n = sum(path.exists() for path in histories)
            bar.refresh()

        run_tasks(tasks, progress)
    missing = [path for path in histories if not path.exists()]
    if missing:
        raise BehaviourError(f"a process succeeded without writing {missing[0]}")


def run_tasks(tasks: Sequence[Task], progress: Callable[[], None] = lambda: None) -> None:
    """Run the processes of all tasks at the same time; if one fails, end the others.

    Args:
        tasks: the work.
        progress: called again and again while processes run.

    Raises:
        BehaviourError: a process failed; the message has the last line of its output.
    """
    with ExitStack() as stack:
        waiting = list(_started(stack, tasks))
        while waiting:
            for task, process in list(waiting):
                result = process.wait(POLL)
                if result is None:
                    continue
                if result.status:
                    raise BehaviourError(
                        f"{task.side.name}: {task.side.python} {result.ending}: "
                        f"{result.last_lines()}"
                    )
                waiting.remove((task, process))
            progress()


def _started(stack: ExitStack, tasks: Sequence[Task]) -> Iterator[tuple[Task, Process]]:
    for task in tasks:
        command = [str(task.side.python), "-m", "benchmarks.behaviour.worker", *task.arguments]
        try:
            process = Process(command, project_environment(task.side.environment))
        except OSError as error:
            raise BehaviourError(f"{task.side.name}: cannot be started: {error}") from error
        yield task, stack.enter_context(process)


def load(job: Job, side: Side) -> Recording:
    """Load a side's recording of a job.

    Raises:
        BehaviourError: the recording is missing, damaged, or has other settings.
    """
    try:
        recording = Recording.load(job, side.folder)
    except FileNotFoundError as error:
        raise BehaviourError(f"{side.name}: {side.folder} has no run of {job.text}") from error
    except (OSError, ValueError) as error:
        raise BehaviourError(f"{side.name}: {error}") from error
    settings = recording.history.config
    wanted = EXPERIMENTS[job.experiment].config.epochs if job.epochs is None else job.epochs
    if (settings.execution, settings.epochs) != (job.execution, wanted):
        raise BehaviourError(
            f"{side.name}: {job.history(side.folder)} has {settings.epochs} epochs by "
            f"{settings.execution}, expected {wanted} by {job.execution}"
        )
    return recording
