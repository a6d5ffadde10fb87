"""Compute the result of a comparison from measured pairs of processes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import Pair, Part, elapsed
from benchmarks.compare.result import (
    LARGEST_RATIO,
    Benchmark,
    Comparison,
    Course,
    Disturbance,
    Drift,
    Measured,
    Pace,
    Side,
)
from benchmarks.compare.sides import SideError
from benchmarks.compare.verdicts import ERROR, Verdict
from benchmarks.instructions.functions import Profile, Profiles, explain, functions_file
from benchmarks.saved.result_files import FACTS
from benchmarks.saved.saved_run import Measure, SavedRun
from rnn_core.runtime.messages import complain

# Most functions of a benchmark whose cost grew, and most whose cost fell, that the file holds.
MOST_FUNCTIONS = 50


def summarise(
    parts: Sequence[Part],
    names: Sequence[str],
    behaviour: Sequence[BehaviourVerdict] = (),
    workload: str = "",
) -> Comparison:
    """Return the result of a comparison.

    Args:
        parts: what was measured, and the verdicts on it.
        names: names of baseline and candidate.
        behaviour: verdicts on the three experiments.
        workload: as in `Comparison`.
    """
    reasons = explain_counts(parts)
    first = next((part.pairs[0] for part in parts if part.pairs), None)
    environments = [environment_of(run) for run in first] if first else [{}, {}]
    measured = {name for part in parts for run in chain(*part.pairs[:1]) for name in run.benchmarks}
    found: dict[str, dict[Measure, Measured]] = {}
    for part in parts:
        for contest in part.contests:
            for name, verdict in contest.all(part.pairs).items():
                results = found.setdefault(name, {})
                results[contest.measure] = _result(part.pairs, name, contest.measure, verdict)
    timed = next((part.pairs for part in parts if "time" in part.within), ())
    baseline, candidate = ([pair[side] for pair in timed] for side in (0, 1))
    return Comparison(
        date=datetime.now(timezone.utc).replace(microsecond=0),
        baseline=Side(name=names[0], environment=environments[0]),
        candidate=Side(name=names[1], environment=environments[1]),
        courses={measure: _course(part, measure) for part in parts for measure in part.within},
        confidence=1 - ERROR,
        error="\n".join(filter(None, (part.error for part in parts))),
        benchmarks=tuple(
            Benchmark(
                name=name,
                **_facts(parts, name),
                measures=results,
                **reasons.get(name, {}),
            )
            for name, results in sorted(found.items())
        ),
        not_compared=tuple(sorted(measured - found.keys())),
        behaviour=tuple(behaviour),
        workload=workload,
        drift=Drift(baseline=_pace(baseline), candidate=_pace(candidate)),
        disturbance=disturbance(timed),
    )


def explain_counts(parts: Iterable[Part]) -> dict[str, dict[str, Any]]:
    """Return the fields of each benchmark that explain a different number of instructions.

    They come from the first pair. If its file of functions is missing or damaged, there are none,
    and a warning says so.
    """
    traits = MEASURES["instructions"]
    for part in parts:
        changed = [
            name
            for contest in part.contests
            for name, verdict in contest.judge.verdicts.items()
            if verdict.word in (traits.worse, traits.better)
        ]
        if changed:
            try:
                before, after = map(load_profiles, part.pairs[0])
            except SideError as error:
                complain(f"operators and functions are not compared: {error}", "warning")
                return {}
            return {name: reasons_of(before[name], after[name]) for name in changed}
    return {}


def reasons_of(before: Profile, after: Profile) -> dict[str, Any]:
    """Return the operators of two profiles, and the functions whose cost changed most."""
    found = explain(before, after)
    grew = [cost for cost in found.functions if cost.change > 0]
    fell = [cost for cost in found.functions if cost.change < 0]
    functions = (*grew[:MOST_FUNCTIONS], *fell[-MOST_FUNCTIONS:])
    return {"operators": tuple(found.operators), "functions": functions}


def load_profiles(run: SavedRun) -> Mapping[str, Profile]:
    """Read what a process counted beside its result, by benchmark.

    Raises:
        SideError: the file is missing or damaged.
    """
    file = functions_file(Path(run.name))
    try:
        found = Profiles.load(file).benchmarks
    except (OSError, ValueError) as error:
        raise SideError(f"{file} cannot be read: {error}") from error
    return {name: found.get(name, Profile(operators=(), functions=())) for name in run.benchmarks}


def environment_of(run: SavedRun) -> dict[str, str]:
    """Return the environment of the first device that the run measured."""
    return next(iter(run.environments.values()))


def typical(runs: Iterable[SavedRun], name: str, measure: Measure = "time") -> float:
    """Return the geometric mean of what a benchmark took, in milliseconds, instructions or bytes.

    It is taken over the undisturbed processes, or over all of them if every one was disturbed.
    """
    measured = [run.benchmarks[name] for run in runs if name in run.benchmarks]
    values = [value for each in measured if (value := each.value(measure)) is not None]
    scale = 1e3 if measure == "time" else 1
    return scale * geometric_mean(values or [each.stats.median for each in measured])


def disturbance(pairs: Sequence[Pair]) -> Disturbance:
    """Count how often a benchmark was measured while other processes had the CPU."""
    times = [each.value("time") for pair in pairs for run in pair for each in run.timed]
    return Disturbance(left_out=times.count(None), of=len(times))


def _course(part: Part, measure: Measure) -> Course:
    return Course(
        pairs=len(part.pairs),
        seconds=round(elapsed(part.pairs), 1),
        within=part.within[measure],
        outcome=part.outcome(measure),
    )


def _facts(parts: Sequence[Part], name: str) -> dict[str, Any]:
    """Return the facts that identify a benchmark."""
    info = next(
        part.pairs[0][0].benchmarks[name].extra_info
        for part in parts
        if part.pairs and name in part.pairs[0][0].benchmarks
    )
    return {fact: getattr(info, fact) for fact in FACTS}


def _result(pairs: Sequence[Pair], name: str, measure: Measure, verdict: Verdict) -> Measured:
    before, after = (typical((pair[side] for pair in pairs), name, measure) for side in (0, 1))
    return Measured(
        baseline=before,
        candidate=after,
        # Without an undisturbed pair, use the ratio of the typical values.
        ratio=verdict.ratio if verdict.pairs else after / before,
        low=verdict.low if verdict.low >= 1 / LARGEST_RATIO else None,
        high=verdict.high if verdict.high <= LARGEST_RATIO else None,
        p=verdict.p,
        verdict=verdict.word,
        pairs=verdict.pairs,
        smallest_effect=_finite(verdict.smallest_effect),
        pairs_to_settle=verdict.pairs_to_settle,
    )


def _finite(value: float) -> float | None:
    """Return the value, or None if it is infinite, which JSON cannot express."""
    return value if math.isfinite(value) else None


def _pace(runs: Sequence[SavedRun]) -> Pace | None:
    """Return the pace of one side, from the fixed work that is timed with each benchmark.

    Returns None if fewer than two processes measured it.
    """
    times = [time for run in runs if (time := _fixed_work_ms(run)) is not None]
    if len(times) < 2:
        return None
    return Pace(fastest_ms=min(times), slowest_ms=max(times))


def _fixed_work_ms(run: SavedRun) -> float | None:
    """Return the milliseconds that the fixed work took in one process; None if not measured."""
    works = [each.extra_info.fixed_work_ms for each in run.timed]
    times = [work for work in works if work is not None]
    return median(times) if times else None
