"""Compute the result of a comparison from measured pairs of processes."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from statistics import geometric_mean, median

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.pairs import Contest, Pair, elapsed
from benchmarks.compare.result import (
    LARGEST_RATIO,
    Benchmark,
    Comparison,
    Disturbance,
    Drift,
    Measured,
    Outcome,
    Pace,
    Side,
)
from benchmarks.compare.verdicts import ERROR, Verdict
from benchmarks.saved.result_files import FACTS
from benchmarks.saved.saved_run import SavedRun


def summarise(
    pairs: Sequence[Pair],
    contest: Contest | None,
    names: Sequence[str],
    within: float,
    outcome: Outcome,
    behaviour: Sequence[BehaviourVerdict] = (),
    error: str = "",
) -> Comparison:
    """Return the result of a comparison.

    Args:
        pairs: all pairs that were measured.
        contest: verdicts on these pairs; None if there is no pair.
        names: names of baseline and candidate.
        within: tolerance of the verdict "same"; 0.05 stands for ratios from 1/1.05 to 1.05.
        outcome: way in which the comparison ended.
        behaviour: verdicts on the three experiments.
        error: message of the process that crashed; empty for every other outcome.
    """
    environments = [environment_of(run) for run in pairs[0]] if pairs else [{}, {}]
    baseline, candidate = ([pair[side] for pair in pairs] for side in (0, 1))
    verdicts = contest.all(pairs) if contest is not None else {}
    measured = {name for run in (pairs[0] if pairs else ()) for name in run.benchmarks}
    return Comparison(
        date=datetime.now(timezone.utc).replace(microsecond=0),
        baseline=Side(name=names[0], environment=environments[0]),
        candidate=Side(name=names[1], environment=environments[1]),
        pairs=len(pairs),
        seconds=round(elapsed(pairs), 1),
        within=within,
        confidence=1 - ERROR,
        outcome=outcome,
        error=error,
        benchmarks=tuple(_benchmark(pairs, name, each) for name, each in verdicts.items()),
        not_compared=tuple(sorted(measured - verdicts.keys())),
        behaviour=tuple(behaviour),
        drift=Drift(baseline=_pace(baseline), candidate=_pace(candidate)),
        disturbance=disturbance(pairs),
    )


def environment_of(run: SavedRun) -> dict[str, str]:
    """Return the environment of the first device that the run measured."""
    return dict(next(iter(run.environments.values())))


def typical_ms(runs: Iterable[SavedRun], name: str) -> float:
    """Return the geometric mean of a benchmark's times in milliseconds.

    It is taken over the undisturbed processes, or over all of them if every one was disturbed.
    """
    measured = [run.benchmarks[name] for run in runs if name in run.benchmarks]
    times = [time for each in measured if (time := each.value("time")) is not None]
    return 1e3 * geometric_mean(times or [each.stats.median for each in measured])


def disturbance(pairs: Sequence[Pair]) -> Disturbance:
    """Count how often a benchmark was measured while other processes had the CPU."""
    times = [each.value("time") for pair in pairs for run in pair for each in run.timed]
    return Disturbance(left_out=times.count(None), of=len(times))


def _benchmark(pairs: Sequence[Pair], name: str, verdict: Verdict) -> Benchmark:
    info = pairs[0][0].benchmarks[name].extra_info
    before, after = (typical_ms((pair[side] for pair in pairs), name) for side in (0, 1))
    time = Measured(
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
    facts = {fact: getattr(info, fact) for fact in FACTS}
    return Benchmark(name=name, **facts, measures={"time": time})


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
