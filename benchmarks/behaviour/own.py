"""The comparison of behaviours for a workload of the user's own.

What rounding does to it is measured: the baseline runs it again with other instructions in its
matrix products, and with initial weights moved to neighbouring numbers. If a step differs, the same
is done to that step alone, which gives a limit for each of its tensors.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from glob import escape
from pathlib import Path

import numpy as np

from benchmarks.behaviour.comparison import Finding, find_first, verdict_of
from benchmarks.behaviour.culprits import Culprit, Limit, compare, find_culprit
from benchmarks.behaviour.envelope import MARGIN, Envelope, measured
from benchmarks.behaviour.files import AGAIN, OwnJob, Recording, Trace, Traced
from benchmarks.behaviour.judge import (
    BehaviourVerdict,
    Judgement,
    differences,
    first_difference,
    judge_by,
    series_of,
)
from benchmarks.behaviour.sides import Side, Task, load_files, make_sides, record, run_tasks
from benchmarks.interpreters import HERE, Interpreter, Origin, SideError

# Other instructions in the matrix products of Paddle for CPUs. With AVX2, products of float64 may
# end the process (docs/measurements/paddle-defects.md).
ROUNDING = {"MKL_CBWR": "COMPATIBLE"}
# Seeds that move weights to neighbouring numbers.
SEEDS = (1, 2, 3)


# For runs that do not differ.
NOTHING = Envelope(((1, 0.0),))


class NotRepeatableError(SideError):
    """Two runs of one environment differ, so two environments cannot be compared."""


def own_job(
    parser: argparse.ArgumentParser, options: argparse.Namespace, only: Sequence[str]
) -> OwnJob | None:
    """Return the run of an own workload; None without one, which refuses the options `only`."""
    given = {
        name: value
        for name in ("execution", "steps", "seed", "device", "budget")
        if (value := getattr(options, name)) is not None
    }
    if options.workload is not None:
        return OwnJob(options.workload.text, **given)
    for name in given:
        if name in only:
            parser.error(f"--{name} needs --workload")
    return None


def compare_workload(
    baseline: str | Interpreter,
    candidate: str | Interpreter,
    folder: Path,
    job: OwnJob,
    *,
    baseline_env: Mapping[str, str] | None = None,
    candidate_env: Mapping[str, str] | None = None,
    origin: Origin = HERE,
) -> BehaviourVerdict:
    """Run a workload on both sides, and judge whether it behaves the same.

    Args:
        baseline: as for `compare_behaviour`.
        candidate: as for `compare_behaviour`.
        folder: as for `compare_behaviour`.
        job: run of the workload.
        baseline_env: environment variables to set for the baseline.
        candidate_env: environment variables to set for the candidate.
        origin: where versions and wheels of Paddle are installed from.

    Raises:
        NotRepeatableError: two runs of one side differ.
        SideError: a side cannot be run or read, or the workload cannot be used.
        OSError: a file cannot be written.
    """
    given = (baseline_env, candidate_env)
    sides = make_sides((baseline, candidate), folder, given, origin)
    again, live = replace(job, variant=AGAIN), [side for side in sides if side.python]
    for side in live:
        # The rounding of another file or seed must not be taken for that of this run.
        for path in side.folder.glob(f"{escape(job.stem)}.*"):
            path.unlink()
    record([Task(side, [(each, None)]) for side in live for each in (job, again)])
    pair = check_sides(job, sides)
    for side, recording in zip(sides, pair, strict=True):
        check_repeats(job, side, recording)
    if first_difference(*pair) is None:
        return verdict_of(job, pair, judge_by(NOTHING, *pair), Finding())
    judged = judge_by(measure(job, sides), *pair)
    return verdict_of(job, pair, judged, find_layer(job, sides, pair, judged))


def check_sides(job: OwnJob, sides: tuple[Side, Side]) -> tuple[Recording, Recording]:
    """Return the recordings of both sides; raise SideError if they cannot be compared."""
    baseline, candidate = (load_files(job, side) for side in sides)
    expected = {"steps": job.steps, "seed": job.seed}
    for side, run in zip(sides, (baseline.history, candidate.history), strict=True):
        problems = [
            f"{name} is {run.settings.get(name)!r}, expected {value!r}"
            for name, value in (baseline.history.settings | expected).items()
            if run.settings.get(name) != value and name != "epsilon"
        ]
        if list(run.raw_norms) != list(baseline.history.raw_norms):
            problems.append("the parameters have other names than the baseline's")
        if len(run.loss) != job.steps:
            problems.append(f"{len(run.loss)} steps were recorded")
        if problems:
            raise SideError(f"{side.name}: {job.history(side.folder)}: {'; '.join(problems)}")
    if not np.isfinite(loss := baseline.history.loss).all():
        step = int(np.isfinite(loss).argmin()) + 1
        raise SideError(
            f"baseline: {job.experiment}: the loss of step {step} is {loss[step - 1]}: only fewer "
            f"steps (--steps) can be compared"
        )
    return baseline, candidate


def check_repeats(job: OwnJob, side: Side, recording: Recording) -> None:
    """Raise NotRepeatableError if a second run of the side has other bits."""
    again = replace(job, variant=AGAIN)
    step = first_difference(recording, load_files(again, side))
    if step is None:
        return
    where = "" if side.name == "baseline" else ", although those of the baseline do not"
    if side.python is not None:
        run_tasks([Task(side, [(each, step)]) for each in (job, again)])
        one, other = (side.trace(each.trace(side.folder, step)) for each in (job, again))
        culprit = one and other and find_culprit(one, other, None, needed=False)
        where = (f", first in {culprit.tensor.name}" if culprit else "") + where
    raise NotRepeatableError(
        f"{side.name}: {job.experiment}: two runs differ from step {step} on{where}. Behaviour "
        f"cannot be compared until the seed decides everything: paddle.seed, numpy.random, random, "
        f"the order of the data and of sets. Times and counts can be."
    )


def variants(job: OwnJob, step: int = 1) -> list[tuple[OwnJob, Mapping[str, str]]]:
    """Return the runs that differ from a run only in rounding, and their environment variables.

    Before a step, the weights of all but the last are moved to neighbouring numbers.
    """
    names = {seed: f".moved-{seed}-in-{step}" for seed in SEEDS}
    moved = [replace(job, variant=names[k], moved_by=k, moved_at=step) for k in SEEDS]
    return [*((each, {}) for each in moved), (replace(job, variant=".compatible"), ROUNDING)]


def tasks_of(
    side: Side, runs: Sequence[tuple[OwnJob, Mapping[str, str]]], step: int | None
) -> list[Task]:
    """Return a task for each run with its environment variables: to trace a step, or record it."""
    return [
        Task(replace(side, environment={**side.environment, **given}), [(run, step)])
        for run, given in runs
    ]


def measure(job: OwnJob, sides: Sequence[Side]) -> Envelope:
    """Return what rounding does to a workload, measured on the first side that can be run.

    A recorded side whose rounding was measured serves as well.

    Raises:
        SideError: no side can be run or was measured.
    """
    runs = variants(job)
    for side in sides:
        # Those of a side that can be run were removed before.
        if all(run.history(side.folder).exists() for run, _ in runs):
            break
        if side.python is not None:
            record(tasks_of(side, runs, None))
            break
    else:
        raise SideError(f"{job.experiment}: rounding was not measured, and both sides are recorded")
    history = load_files(job, side).history
    expected, epsilon = series_of(history), float(history.settings["epsilon"])
    apart = [differences(expected, series_of(load_files(run, side).history)) for run, _ in runs]
    return measured(np.max(apart, axis=0), epsilon)


def find_layer(
    job: OwnJob, sides: tuple[Side, Side], pair: tuple[Recording, Recording], judged: Judgement
) -> Finding:
    """Find the first layer whose output, input or gradient rounding does not explain.

    It is looked for in the first step that differs. If rounding explains that step, it is looked
    for in the first one that it does not explain, and the one before, whose update may be to blame.
    """
    baseline, first = sides[0], judged.first_step or 1
    left = judged.left or first

    def rounded(step: int) -> Sequence[tuple[OwnJob, Mapping[str, str]]]:
        # Up to the first step that differs, both sides round in the same way.
        return variants(job, first)[: len(SEEDS) if step == first else None]

    def traced() -> Iterator[int]:
        for step in sorted({first, max(first, left - 1), left}):
            # Step 1 was traced when the run was recorded.
            tasks = [Task(side, [(job, step)]) for side in sides if side.python and step > 1]
            tasks += tasks_of(baseline, rounded(step), step) if baseline.python else []
            run_tasks(tasks)
            yield step

    def examine(step: int, expected: Trace, actual: Trace) -> Culprit | None:
        found = [baseline.trace(run.trace(baseline.folder, step)) for run, _ in rounded(step)]
        epsilon = float(pair[0].history.settings["epsilon"])
        limit = limits(expected, [each for each in found if each is not None], epsilon)
        return find_culprit(expected, actual, actual, limit, needed=False)

    return find_first(sides, job, pair, traced(), examine)


def limits(expected: Trace, rounded: Sequence[Trace], epsilon: float) -> Limit:
    """Return the largest difference of a tensor that rounding explains, relative to its scale.

    It is `MARGIN` times the largest of several measurements; a tensor in which these found less
    than in half of all tensors, or less than `epsilon`, gets the median or `epsilon`. There is no
    limit without a measurement, and for a tensor in which rounding makes an infinite difference: a
    zero becomes another number, or a number NaN, or the shape changes.
    """
    apart: dict[str, float] = {tensor.name: 0.0 for tensor in expected.tensors}
    for trace in rounded:
        for each in compare(expected, trace):
            name = each.tensor.name
            apart[name] = float(np.fmax(apart[name], each.relative))  # NaN: it is absent.
    finite = [largest for largest in apart.values() if np.isfinite(largest)]
    least = max(float(np.median(finite or [0.0])), epsilon)

    def limit(tensor: Traced) -> float:
        return MARGIN * max(apart[tensor.name], least) if rounded else np.inf

    return limit
