"""The comparison of behaviours: record both sides, judge the runs, trace the steps that differ."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.behaviour.culprits import Culprit, find_culprit
from benchmarks.behaviour.files import AnyJob, Job, OwnRun, Recording, Trace
from benchmarks.behaviour.judge import BehaviourVerdict, Judgement, judge
from benchmarks.behaviour.sides import Side, Task, load, make_sides, record_sides, run_tasks
from benchmarks.interpreters import HERE, Interpreter, Origin
from benchmarks.text import describe_run
from rnn_core.experiments import EXPERIMENTS

Pair = tuple[Recording, Recording]


class Finding(NamedTuple):
    """What the traced steps of a run show.

    Attributes:
        step: step of the culprit; None if there is no culprit.
        culprit: first tensor that rounding does not explain, or else the first that differs; None
            if no step could be traced.
        notes: remarks on the trace, such as a step that could not be traced.
        equal_inputs: whether operators were compared on equal inputs.
    """

    step: int | None = None
    culprit: Culprit | None = None
    notes: tuple[str, ...] = ()
    equal_inputs: bool = True


def compare_behaviour(
    baseline: str | Interpreter,
    candidate: str | Interpreter,
    folder: Path,
    *,
    executions: Sequence[str] = ("textbook",),
    experiments: Sequence[str] = tuple(EXPERIMENTS),
    baseline_env: Mapping[str, str] | None = None,
    candidate_env: Mapping[str, str] | None = None,
    epochs: int | None = None,
    origin: Origin = HERE,
) -> list[BehaviourVerdict]:
    """Run the experiments on both sides, and judge whether they behave the same.

    Args:
        baseline: interpreter with Paddle and NumPy, or the text that names one, or the folder of
            a side that was recorded before.
        candidate: the other side, in the same form.
        folder: folder for the files, in the subfolders `baseline` and `candidate`; each subfolder
            can be a side of another comparison.
        executions: implementations of the recurrent layer.
        experiments: names of the experiments.
        baseline_env: environment variables to set for the baseline.
        candidate_env: environment variables to set for the candidate.
        epochs: number of epochs, for tests; None for the experiment's own.
        origin: where versions and wheels of Paddle are installed from.

    Returns:
        A verdict for each execution and experiment, in this order.

    Raises:
        SideError: a side cannot be run or read.
        OSError: a file cannot be written.
    """
    sides = make_sides((baseline, candidate), folder, (baseline_env, candidate_env), origin)
    jobs = [Job(name, execution, epochs) for execution in executions for name in experiments]
    record_sides([side for side in sides if side.python is not None], jobs)
    recordings = {job: (load(job, sides[0]), load(job, sides[1])) for job in jobs}
    judged = {job: judge(job.experiment, *pair) for job, pair in recordings.items()}
    findings = trace_differences(sides, recordings, judged)
    return [verdict_of(job, recordings[job], judged[job], findings[job]) for job in jobs]


def trace_differences(
    sides: tuple[Side, Side],
    recordings: Mapping[Job, Pair],
    judged: Mapping[Job, Judgement],
) -> dict[Job, Finding]:
    """Trace the differing steps on both sides, and find the first tensor that differs.

    If the candidate has an interpreter, it also replays these steps: each of its operators gets the
    baseline's inputs.
    """
    steps = [(job, step) for job, judgement in judged.items() for step in judgement.steps_to_trace]
    # Step 1 was traced when the run was recorded.
    later = [(job, step) for job, step in steps if step > 1]
    run_tasks([Task(side, later) for side in sides if later and side.python is not None])
    both = [
        (job, step)
        for job, step in steps
        if all(job.trace(side.folder, step).exists() for side in sides)
    ]
    baseline, candidate = sides
    if both and candidate.python is not None:
        run_tasks([Task(candidate, both, baseline.folder)])
    return {
        job: find_in_steps(sides, job, recordings[job], judgement.steps_to_trace)
        for job, judgement in judged.items()
    }


def find_in_steps(
    sides: tuple[Side, Side], job: Job, recordings: Pair, steps: Sequence[int]
) -> Finding:
    """Find the culprit in the traced steps of an experiment."""
    candidate = sides[1]

    def examine(step: int, expected: Trace, actual: Trace) -> Culprit | None:
        if candidate.python is not None:
            replayed = candidate.trace(job.replay(candidate.folder, step))
            return find_culprit(expected, actual, replayed)
        culprit = find_culprit(expected, actual, None)
        if culprit is not None and step > min(steps):
            # Earlier steps have changed its inputs, so the operator may be correct.
            return culprit._replace(beyond=False)
        return culprit

    found = find_first(sides, job, recordings, steps, examine)
    if candidate.python is None and found.culprit is not None:
        note = "operators were not compared on equal inputs: the candidate is recorded"
        return found._replace(notes=(*found.notes, note), equal_inputs=False)
    return found


def find_first(
    sides: tuple[Side, Side],
    job: AnyJob,
    recordings: Pair,
    steps: Iterable[int],
    examine: Callable[[int, Trace, Trace], Culprit | None],
) -> Finding:
    """Find the first tensor that rounding does not explain, or else the first that differs.

    Args:
        sides: baseline and candidate.
        job: run that was traced.
        recordings: the run on both sides.
        steps: traced steps; those after the culprit's are not looked at.
        examine: function that returns the culprit of a step, given its traces on both sides.
    """
    found = Finding()
    notes: list[str] = []
    for step in steps:
        expected, actual = (side.trace(job.trace(side.folder, step)) for side in sides)
        if expected is None or actual is None:
            where = sides[0].name if expected is None else sides[1].name
            notes.append(f"step {step} was not traced: the {where} is a recorded side without it")
            continue
        for side, trace, recording in zip(sides, (expected, actual), recordings, strict=True):
            if not trace.repeats(recording, step):
                notes.append(f"step {step} has other bits when repeated: {side.name}")
        culprit = examine(step, expected, actual)
        if culprit is not None and (culprit.beyond or found.culprit is None):
            found = Finding(step, culprit)
            if culprit.beyond:
                break
    return found._replace(notes=tuple(notes))


def verdict_of(job: AnyJob, pair: Pair, judged: Judgement, finding: Finding) -> BehaviourVerdict:
    """Return the verdict on two runs: that of the recordings, unless an operator is wrong."""
    verdict, until, reasons = judged.verdict, judged.until, list(judged.reasons)
    culprit = finding.culprit
    if culprit is not None and culprit.beyond:
        if verdict != "different":
            verdict, until = "different", (judged.first_step or 1) - 1
        reasons.insert(0, f"step {finding.step}: rounding does not explain {culprit.tensor.name}")
    head = f"{job.experiment}, {job.execution}: {verdict}"
    if verdict == "equal within rounding":
        head += f" until step {until}"
    return BehaviourVerdict(
        experiment=job.experiment,
        execution=job.execution,
        verdict=verdict,
        until=until,
        first_step=judged.first_step,
        largest_difference=judged.difference if math.isfinite(judged.difference) else None,
        tensor=culprit.tensor.name if culprit else None,
        operator=culprit.tensor.operator if culprit else None,
        text="\n  ".join(
            [head, *reasons, *details_of(judged, finding, verdict == "different"), *runs_of(pair)]
            + [f"note: {note}" for note in finding.notes]
        ),
    )


def details_of(judged: Judgement, finding: Finding, different: bool) -> list[str]:
    """Return lines about the first step and tensor that differ, and how the difference grows."""
    lines = []
    if judged.first_step is not None:
        lines.append(f"first step that differs in any bit: {judged.first_step}")
    if finding.culprit is not None:
        what = "that rounding does not explain" if finding.culprit.beyond else "that differs"
        lines.append(f"first tensor {what}, step {finding.step}: {finding.culprit}")
        if different and finding.equal_inputs and not finding.culprit.beyond:
            lines.append("rounding explains every tensor of the traced steps")
    if judged.growth:
        grown = ", ".join(
            f"{step}: {apart:.0e} ({limit:.0e})" for step, apart, limit in judged.growth
        )
        lines.append(f"difference at step (rounding explains): {grown}")
    return lines


def runs_of(pair: Pair) -> list[str]:
    """Return one line for both runs if their descriptions are equal, or else one for each."""
    baseline, candidate = (
        history.describe() if isinstance(history, OwnRun) else describe_run(history)
        for history in (recording.history for recording in pair)
    )
    if baseline == candidate:
        return [f"both: {baseline}"]
    return [f"baseline:  {baseline}", f"candidate: {candidate}"]
