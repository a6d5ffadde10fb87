"""Do two environments train the same? python -m benchmarks.behaviour --baseline P --candidate P.

The three experiments in both: the first step at which they differ, by how much, whether rounding
explains it, and the tensor and operator that were the first to differ. docs/behaviour.md says how
to read the verdicts.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.behaviour.files import Job, Recording, Trace
from benchmarks.behaviour.judge import (
    BehaviourVerdict,
    Culprit,
    Judgement,
    describe,
    find_culprit,
    judge,
)
from rnn_core.config import EXECUTIONS
from rnn_core.experiments import EXPERIMENTS
from rnn_core.runtime.files import check_writable, write_whole

__all__ = ["BehaviourError", "BehaviourVerdict", "compare_behaviour", "record"]


# Exit statuses; 130 is the shells' for Ctrl-C.
NONE_DIFFERENT, DIFFERENT, NOT_COMPARED, INTERRUPTED = 0, 1, 2, 130

VERDICTS = "verdicts.json"
# Asked of a program that should be an interpreter, without what its environment adds.
PROBE = ("-I", "-c", "import sys; print(sys.version_info >= (3, 10))")
PROBE_LIMIT = 60  # seconds
POLL = 0.1  # seconds


class BehaviourError(RuntimeError):
    """The two sides could not be compared."""


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    Attributes:
        name: "baseline" or "candidate".
        folder: where its files are.
        python: its interpreter; None for one that was recorded before.
        environment: variables that are set for it, beside those of this process.
    """

    name: str
    folder: Path
    python: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """What does its jobs."""
        return [str(self.python), "-m", "benchmarks.behaviour.worker", str(self.folder), *arguments]

    def variables(self) -> dict[str, str]:
        """The environment of its processes, in which this project's modules are found."""
        variables = {**os.environ, **self.environment}
        path = [str(ROOT), variables.get("PYTHONPATH", "")]
        return {**variables, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def compare_behaviour(
    baseline: Path,
    candidate: Path,
    folder: Path,
    *,
    executions: Sequence[str] = ("textbook",),
    experiments: Sequence[str] = tuple(EXPERIMENTS),
    baseline_env: Mapping[str, str] | None = None,
    candidate_env: Mapping[str, str] | None = None,
    epochs: int | None = None,
) -> list[BehaviourVerdict]:
    """Run the experiments on both sides and judge whether they behave the same.

    Args:
        baseline: an interpreter with Paddle and NumPy, or a folder that `record` filled.
        candidate: the other, likewise.
        folder: where files are kept, in `baseline` and `candidate`; each can be compared again.
        executions: how the recurrent layer is computed.
        experiments: names of the experiments.
        baseline_env: environment variables of the baseline's processes, beside the usual.
        candidate_env: those of the candidate's.
        epochs: as many only, for tests.

    Returns:
        A verdict for each experiment by each execution, in this order.

    Raises:
        BehaviourError: a side cannot be run or read; what its process said last is in the message.
        OSError: a file cannot be written.
    """
    sides = (
        make_side("baseline", baseline, folder, baseline_env),
        make_side("candidate", candidate, folder, candidate_env),
    )
    if sides[0].folder == sides[1].folder:
        raise BehaviourError(f"both sides are {sides[0].folder}")
    jobs = [Job(name, execution, epochs) for execution in executions for name in experiments]
    record_sides([side for side in sides if side.python is not None], jobs)
    recordings = {job: (load(job, sides[0]), load(job, sides[1])) for job in jobs}
    judged = {job: judge(job.experiment, *pair) for job, pair in recordings.items()}
    steps = {job: steps_to_see(found) for job, found in judged.items()}
    culprits, notes = bisect(sides, recordings, steps)
    return [
        verdict_of(job, recordings[job], judged[job], culprits.get(job), notes.get(job, ()))
        for job in jobs
    ]


def record(
    python: Path,
    folder: Path,
    *,
    executions: Sequence[str] = ("textbook",),
    experiments: Sequence[str] = tuple(EXPERIMENTS),
    environment: Mapping[str, str] | None = None,
    epochs: int | None = None,
) -> None:
    """Run the experiments in one environment, for a comparison that need not have it any more.

    What is kept of each is its history, as `rnn_core.History.load` reads it, digests of every step,
    and all tensors of the first step: where a later one is the first to differ, a saved side cannot
    say in which tensor.

    Args:
        python: an interpreter with Paddle and NumPy.
        folder: where the files go.
        executions: how the recurrent layer is computed.
        experiments: names of the experiments.
        environment: environment variables of the process, beside the usual.
        epochs: as many only, for tests.

    Raises:
        BehaviourError: the interpreter cannot do it.
        OSError: the folder cannot be made.
    """
    side = Side("environment", folder.absolute(), interpreter(python), environment or {})
    jobs = [Job(name, execution, epochs) for execution in executions for name in experiments]
    record_sides([side], jobs)


def make_side(name: str, given: Path, folder: Path, environment: Mapping[str, str] | None) -> Side:
    """A side from an interpreter, or from a folder of one that was recorded before."""
    if given.is_dir():
        if environment:
            raise BehaviourError(f"{name}: {given} is recorded: variables come too late for it")
        return Side(name, given.absolute())
    try:
        return Side(name, (folder / name).absolute(), interpreter(given), environment or {})
    except BehaviourError as error:
        raise BehaviourError(f"{name}: {error}") from error


def interpreter(given: Path) -> Path:
    """The absolute path of an interpreter, a link not followed: a virtual environment's is one.

    Raises:
        BehaviourError: there is none.
    """
    found = shutil.which(given)
    if found is None:
        raise BehaviourError(f"{given} is neither a program nor a folder of recorded runs")
    python = Path(found).absolute()
    try:
        # Safe: the caller's own interpreter, and no shell reads it.
        asked = subprocess.run(  # noqa: S603
            [python, *PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BehaviourError(f"{given} is no Python interpreter: {error}") from error
    answer = asked.stdout.strip()
    if asked.returncode or answer != b"True":
        what = "is older than Python 3.10" if answer == b"False" else "is no Python interpreter"
        raise BehaviourError(f"{given} {what}")
    return python


def record_sides(sides: Sequence[Side], jobs: Sequence[Job]) -> None:
    """Record all jobs on all sides, side by side, with a progress bar over the experiments."""
    waited_for = [job.history(side.folder) for side in sides for job in jobs]
    for side in sides:
        side.folder.mkdir(parents=True, exist_ok=True)
    for path in waited_for:
        path.unlink(missing_ok=True)  # Or a former run's would be taken for this one's.
    commands = [
        (side, side.command(*(_text(job) for job in jobs), *_epochs(jobs))) for side in sides
    ]
    with tqdm(
        total=len(waited_for), unit="run", desc="experiments", disable=None, leave=False
    ) as bar:

        def progress() -> None:
            bar.n = sum(path.exists() for path in waited_for)
            bar.refresh()

        run_side_by_side(commands, progress)
    missing = [path for path in waited_for if not path.exists()]
    if missing:
        raise BehaviourError(f"a process ended well, but did not write {missing[0]}")


def run_side_by_side(
    commands: Sequence[tuple[Side, list[str]]], progress: Callable[[], None] = lambda: None
) -> None:
    """Run a process of each side at a time; all end, whatever happens, before this returns.

    Raises:
        BehaviourError: one failed; what it said last is in the message.
    """
    with ExitStack() as stack:
        running: list[tuple[Side, subprocess.Popen[bytes], IO[bytes]]] = []
        try:
            for side, command in commands:
                said = stack.enter_context(tempfile.TemporaryFile())
                # Safe: names of this suite, for the caller's own interpreter, and no shell.
                process = subprocess.Popen(  # noqa: S603
                    command,
                    cwd=ROOT,
                    env=side.variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                )
                running.append((side, process, said))
            waiting = list(running)
            while waiting:
                for entry in list(waiting):
                    if finished(*entry):
                        waiting.remove(entry)
                progress()
        except OSError as error:
            raise BehaviourError(f"cannot be run: {error}") from error
        finally:
            for _, process, _ in running:
                if process.poll() is None:
                    process.kill()
                process.wait()


def finished(side: Side, process: "subprocess.Popen[bytes]", said: IO[bytes]) -> bool:
    """Whether a process has ended, after a short wait.

    Raises:
        BehaviourError: it failed.
    """
    try:
        status = process.wait(POLL)
    except subprocess.TimeoutExpired:
        return False
    if status:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise BehaviourError(f"{side.name}: {side.python} {ended}: {lines[-1]}")
    return True


def load(job: Job, side: Side) -> Recording:
    """A side's recording of a job.

    Raises:
        BehaviourError: it is not there, damaged, or of other settings.
    """
    what = f"{job.experiment} by {job.execution}"
    try:
        recording = Recording.load(job, side.folder)
    except FileNotFoundError as error:
        raise BehaviourError(f"{side.name}: {side.folder} holds no run of {what}") from error
    except (OSError, ValueError) as error:
        raise BehaviourError(f"{side.name}: {error}") from error
    settings = recording.history.config
    wanted = EXPERIMENTS[job.experiment].config.epochs if job.epochs is None else job.epochs
    if (settings.execution, settings.epochs) != (job.execution, wanted):
        raise BehaviourError(
            f"{side.name}: {job.history(side.folder)} is of {settings.epochs} epochs by "
            f"{settings.execution}, not of {wanted} by {job.execution}"
        )
    return recording


def steps_to_see(judgement: Judgement) -> list[int]:
    """The steps to look into: the first that differs, and the one at which that became too much."""
    return sorted({step for step in (judgement.first_step, judgement.left) if step is not None})


def bisect(
    sides: tuple[Side, Side],
    recordings: Mapping[Job, tuple[Recording, Recording]],
    steps: Mapping[Job, Sequence[int]],
) -> tuple[dict[Job, tuple[int, Culprit]], dict[Job, list[str]]]:
    """For each job whose runs differ: the step and tensor that did it, and what to know besides."""
    baseline, candidate = sides
    commands = []
    for side in sides:
        missing = [
            f"{_text(job)}/{step}"
            for job, wanted in steps.items()
            for step in wanted
            if step > 1  # That one was kept when the run was recorded.
        ]
        if missing and side.python is not None:
            commands.append((side, side.command(*missing, *_epochs(list(steps)))))
    run_side_by_side(commands)
    traced = {
        (job, step): [trace_of(side, job.trace(side.folder, step)) for side in sides]
        for job, wanted in steps.items()
        for step in wanted
    }
    again = [f"{_text(job)}/{step}" for (job, step), pair in traced.items() if all(pair)]
    if again and candidate.python is not None:
        replay = ("--replay", str(baseline.folder), *_epochs(list(steps)))
        run_side_by_side([(candidate, candidate.command(*again, *replay))])

    culprits: dict[Job, tuple[int, Culprit]] = {}
    notes: dict[Job, list[str]] = {}
    for (job, step), (expected, actual) in traced.items():
        note = notes.setdefault(job, [])
        if expected is None or actual is None:
            where = baseline.name if expected is None else candidate.name
            note.append(f"step {step} was not looked into: the {where} is a saved run without it")
            continue
        for side, trace, recording in zip(sides, (expected, actual), recordings[job], strict=True):
            if not trace.repeats(recording, step):
                note.append(f"step {step}, taken again, has other bits than before: {side.name}")
        replayed = None
        if candidate.python is not None:
            replayed = trace_of(candidate, job.replay(candidate.folder, step))
        else:
            note.append("operators were not tried on equal inputs: the candidate is a saved run")
        culprit = find_culprit(expected, actual, replayed)
        if culprit is not None and replayed is None and step > min(steps[job]):
            # What the steps before have left is no operator's fault here.
            culprit = culprit._replace(beyond=False)
        if culprit is not None and (
            job not in culprits or (culprit.beyond and not culprits[job][1].beyond)
        ):
            culprits[job] = (step, culprit)
    return culprits, notes


def trace_of(side: Side, path: Path) -> Trace | None:
    """The tensors in a file; None if it is not there."""
    try:
        return Trace.load(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BehaviourError(f"{side.name}: {error}") from error


def verdict_of(
    job: Job,
    pair: tuple[Recording, Recording],
    judged: Judgement,
    found: tuple[int, Culprit] | None,
    notes: Sequence[str],
) -> BehaviourVerdict:
    """The verdict: what the runs tell, unless an operator tells more."""
    verdict, until, reasons = judged.verdict, judged.until, list(judged.reasons)
    step, culprit = found or (None, None)
    if culprit is not None and culprit.beyond:
        if verdict != "different":
            verdict, until = "different", (judged.first_step or 1) - 1
        reasons.insert(0, f"step {step}: an operator is off by more than rounding")
    head = f"{job.experiment}, {job.execution}: {verdict}"
    lines = [head + (f" until step {until}" if verdict == "equal within rounding" else "")]
    lines += [f"  {reason}" for reason in reasons]
    if judged.first_step is not None:
        lines.append(f"  first step that differs in any bit: {judged.first_step}")
    if culprit is not None:
        what = "off by more than rounding" if culprit.beyond else "that differs"
        lines.append(f"  first tensor {what}, step {step}: {culprit}")
        if verdict == "different" and not culprit.beyond:
            lines.append("  no operator is off by more than rounding in the steps looked into")
    if judged.growth:
        grown = ", ".join(f"{s}: {apart:.0e} ({most:.0e})" for s, apart, most in judged.growth)
        lines.append(f"  apart at step (rounding explains): {grown}")
    words = [describe(recording.history) for recording in pair]
    if words[0] == words[1]:
        lines.append(f"  both: {words[0]}")
    else:
        lines += [f"  baseline:  {words[0]}", f"  candidate: {words[1]}"]
    lines += [f"  note: {note}" for note in dict.fromkeys(notes)]
    return BehaviourVerdict(
        experiment=job.experiment,
        execution=job.execution,
        verdict=verdict,
        until=until,
        first_step=judged.first_step,
        largest_difference=judged.difference if math.isfinite(judged.difference) else None,
        tensor=culprit.tensor.name if culprit else None,
        operator=culprit.tensor.operator if culprit else None,
        text="\n".join(lines),
    )


def _text(job: Job) -> str:
    return f"{job.experiment}/{job.execution}"


def _epochs(jobs: Sequence[Job]) -> list[str]:
    return [] if jobs[0].epochs is None else ["--epochs", str(jobs[0].epochs)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: none different; 1: one is different; 2: could not compare; 130: Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    executions = EXECUTIONS if options.execution == "all" else (options.execution,)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.results or Path(temporary)
            if options.results is not None:
                folder.mkdir(parents=True, exist_ok=True)
                check_writable(folder / VERDICTS)
            verdicts = compare_behaviour(
                options.baseline,
                options.candidate,
                folder,
                executions=executions,
                baseline_env=dict(options.baseline_env),
                candidate_env=dict(options.candidate_env),
            )
            print("\n\n".join(verdict.text for verdict in verdicts))
            if options.results is not None:
                content = [asdict(verdict) for verdict in verdicts]
                with write_whole(folder / VERDICTS) as file:
                    file.write(json.dumps(content, indent=1).encode())
    except (BehaviourError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_COMPARED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DIFFERENT if any(v.verdict == "different" for v in verdicts) else NONE_DIFFERENT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.behaviour",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for side in ("baseline", "candidate"):
        parser.add_argument(
            f"--{side}",
            type=Path,
            required=True,
            metavar="PYTHON",
            help="an interpreter with Paddle, or a side's folder of --results",
        )
        parser.add_argument(
            f"--{side}-env",
            type=_variable,
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help=f"an environment variable of the {side} (may be repeated)",
        )
    parser.add_argument("--results", type=Path, metavar="DIR", help="keep runs and verdicts there")
    parser.add_argument(
        "--execution",
        choices=(*EXECUTIONS, "all"),
        default="textbook",
        help="of the recurrent layer (default: textbook)",
    )
    return parser


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    return name, value
