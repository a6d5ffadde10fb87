"""Verdicts of made-up sessions, and the statistics behind them."""

import math
from itertools import islice

import numpy as np
import pytest

from benchmarks.compare import verdicts
from benchmarks.compare.measures import COUNTED, MEASURES, WORSE, Prior
from benchmarks.compare.verdicts import Bootstrap, Estimate, Judge, Verdict, looks
from benchmarks.saved.saved_run import Measure
from tests.helpers.recorded import shown
from tests.recorded.conftest import Check

SHIFTS = (0.0, 0.0, 0.004, -0.004, 0.0098, 0.02, 0.06, -0.06, 0.2, -0.3)


def line(name: str, verdict: Verdict) -> str:
    """Return all of a verdict in a line."""
    low, ratio, high = (shown(each, 4) for each in (verdict.low, verdict.ratio, verdict.high))
    return (
        f"  {name}: {verdict.word}, {verdict.pairs} of {verdict.measured} pairs, {ratio} ({low} to "
        f"{high}), p {shown(verdict.p, 2)}, finds {shown(verdict.smallest_effect, 3)}, "
        f"settles in {shown(verdict.pairs_to_settle)}"
    )


def session(
    log_ratios: dict[str, list[float | None]], measure: Measure = "time"
) -> dict[str, Verdict]:
    """Return the verdicts after one look."""
    judge = Judge([*log_ratios], MEASURES[measure].within, measure)
    judge.look(log_ratios)
    return judge.all(log_ratios)


def test_sessions(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measure, one benchmark and several, quiet, noisy, disturbed, lenient, and few pairs."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 4_000)
    random = np.random.default_rng(26)
    lines = []
    for number in range(54):
        measure = [*MEASURES][number % 3]
        lenient, count = number % 4 == 1, (1, 2, 3, 8)[random.integers(4)]
        within = MEASURES[measure].within * (1, 1, 0.5, 2)[random.integers(4)]
        pairs = (1, 2, 3, 5, 6, 7, 8, 9, 12, 16)[random.integers(10)]
        lost = (0.0, 0.0, 0.2)[random.integers(3)]
        scale = 0.2 if measure == "time" else 0.02
        spread = scale * (0.001, 0.03, 0.2, 1.0)[random.integers(4)]
        shifts = [SHIFTS[random.integers(len(SHIFTS))] for _ in range(count)]
        values = spread * random.standard_normal((pairs, count)) + shifts
        kept = random.random((pairs, count)) >= lost
        names = [f"{chr(97 + at)}{shift:+g}" for at, shift in enumerate(shifts)]
        ratios = {
            name: [float(v) if k else None for v, k in zip(values[:, at], kept[:, at], strict=True)]
            for at, name in enumerate(names)
        }
        names = list(ratios)
        judge = Judge(names, within, measure, lenient)
        for seen in range(pairs + 1):
            judge.look({name: each[:seen] for name, each in ratios.items()})
        lines.append(
            f"{measure} within {within:g}{', lenient' * lenient}, {pairs} pairs, "
            f"spread {spread:g}, {lost:.0%} lost: {len(judge.verdicts)} of {len(names)} settled, "
            f"next look at {judge.next_look}"
        )
        lines += [line(name, verdict) for name, verdict in judge.all(ratios).items()]
    check(lines)


def test_extreme_sessions(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal pairs, infinite ratios, one pair or none; one session has all resamples."""
    sessions: dict[str, list[float | None]] = {
        "equal": [0.0] * 8,
        "equal, not one": [0.7] * 6,
        "equal but one": [*[0.0] * 7, 0.01],
        "too large": [50.0, -50.0],
        "larger than floats": [701.0, 702.0, 700.5, 701.5, 701.2, 701.3],
        "smaller than floats": [-701.0, -800.0, -760.0, -750.0, -755.0, -757.0],
        "disturbed": [None] * 6,
        "one left": [None] * 5 + [0.1],
        "none": [],
        "at the tolerance": [*[math.log1p(0.05)] * 3, *[math.log1p(0.0501)] * 3],
        "skewed": [0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.2],
        "hopeless": [*[1.0, -1.0] * 4],
    }
    lines = [f"{verdicts.RESAMPLES} resamples"]
    lines += [line(*each) for each in session({"skewed": sessions["skewed"]}).items()]
    monkeypatch.setattr(verdicts, "RESAMPLES", 2_000)
    for measure in MEASURES:
        for name, values in sessions.items():
            found = session({name: values}, measure)
            lines += [f"{measure}{line(*each)[1:]}" for each in found.items()]
    settled = {"a": [0.3, 0.31, 0.305, 0.302, 0.308, 0.304], "b": [0.0, 0.4] * 3}
    judge = Judge(["a", "b"], 0.05)
    judge.look(settled)
    lines += [f"of two, {judge.open} is open, next look at {judge.next_look}"]
    judge.look({"b": [0.0, 0.4] * 6})
    lines += [f"  then at {judge.next_look}"]
    lines += [line(*each) for each in judge.all({"b": [0.0, 0.4] * 6}).items()]
    check(lines)


def test_estimates(check: Check) -> None:
    """One-sided probabilities, intervals and levels, by Student's t, with a prior and resampled."""
    random = np.random.default_rng(5)
    values = {
        "two": random.normal(0.01, 0.02, (2, 1)),
        "seven": random.normal(-0.02, 0.02, (7, 1)),
        "skewed": random.exponential(0.05, (12, 1)),
        "equal": np.full((4, 1), 0.3),
        "almost equal twice": np.array([[0.0], [1e-4], [1.0], [1.0001]]),
    }
    lines = [f"looks from {at}: {[*islice(looks(at), 6)]}" for at in (1, 2, 3, 6)]
    for name, pairs in values.items():
        for kind, estimate in {
            "Student": Estimate(pairs, Prior()),
            "prior": Estimate(pairs, COUNTED),
            "wide prior": Estimate(pairs, Prior(0.1, 5)),
            "resampled": Bootstrap(pairs, 999, np.random.default_rng(1)),
        }.items():
            lines.append(
                f"{name}, {kind}: {estimate.mean[0]:.4g} +- {estimate.error[0]:.4g}, "
                f"{estimate.freedom} degrees of freedom"
            )
            for level in (0.5, 0.05, 0.002, 0.0019, 1e-4):
                low, high = estimate.interval(level)
                lines.append(f"  {level:g}: {low[0]:.4g} to {high[0]:.4g}")
            lines += [
                f"  {at:g}: {estimate.below(at)[0]:.3g} {estimate.above(at)[0]:.3g}"
                for at in (-0.05, 0.0, 0.02)
            ]
            settle = [estimate.level_to_settle(*each)[0] for each in ((0.05, 0), (0.01, 0.01))]
            lines.append(f"  settle at {settle[0]:.3g}, lenient at {settle[1]:.3g}")
    for error, freedom, level, allowed in (
        (0.0, 5, 0.01, 0.0),
        (0.01, 5, 0.01, 0.0),
        (0.01, 29, 0.01, 0.05),
        (0.01, 29, 1e-6, 0.0),
        (100.0, 1, 0.01, 0.0),
    ):
        effect = verdicts.smallest_effect(error, freedom, level, allowed)
        lines.append(f"finds {effect:.4g}: {error:g}, {freedom}, {level:g}, {allowed:g}")
    lines += [f"exp {at:g}: {verdicts.exp(at):.6g}" for at in (-800.0, 0.0, 699.9, 700.0, 1e9)]
    check(lines)


def test_measures(check: Check) -> None:
    """What each measure is called, how its values are shown, and how it is judged."""
    values = (0.0, 1e-9, 0.00123456, 0.5, 9.9949, 9.995, 123.456, 999.6, 1234.5, 2e6, 3.06e6, 1e18)
    lines = [f"worse: {', '.join(sorted(WORSE))}"]
    for name, traits in MEASURES.items():
        lines += [
            f"{name}: {traits.quantity}, within {traits.within:g}, {traits.digits} digits",
            f"  first look at {traits.first_look}, prior {traits.prior.deviation:.4g} "
            f"{traits.prior.freedom}, {traits.finding}: {', '.join(traits.words)}",
            *(f"  {value:g}: {traits.show(value)} {traits.unit}" for value in values),
        ]
    check(lines)
