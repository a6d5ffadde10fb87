"""Verdicts from pairs of processes: intervals for many benchmarks, after several looks.

A pair is two processes, one of each side; its value is the log of the ratio of what they measured.
docs/guides/comparing.md describes the method, with its sources: a bootstrap-t interval for times
and a moderated t interval for counts, Benjamini and Hochberg's procedure over the benchmarks, and a
part of the allowed error for each look.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.compare.measures import CANNOT_TELL, MEASURES, SAME, Prior, Word
from benchmarks.saved.saved_run import Measure

# Fraction of the verdicts that may be wrong.
ERROR = 0.01
# Fewest pairs that have a spread.
FEWEST_PAIRS = 2
# Late looks need tails beyond the 1e-5 quantile.
RESAMPLES = 100_000
# Probability with which the smallest effect is found.
POWER = 0.9
# How far ahead `pairs_to_settle` looks.
MOST_PAIRS = 10_000
# Largest argument for which `math.exp` does not overflow.
LARGEST = 700.0


@dataclass(frozen=True)
class Verdict:
    """The verdict on one benchmark.

    Attributes:
        word: the verdict; "same" if the whole interval is within the tolerance.
        pairs: number of pairs behind the verdict.
        measured: number of pairs measured for it, including those that do not count.
        ratio: ratio of the candidate's value to the baseline's, the geometric mean over the pairs.
        low: lower end of the ratio's interval; 0 if it is open.
        high: upper end of the ratio's interval; infinite if it is open.
        p: probability of a difference this large between equal sides, uncorrected.
        smallest_effect: increase that this many pairs find with a probability of 90%; 0.1 is 10%.
        pairs_to_settle: estimated number of further pairs until a verdict; 0 if there is one, None
            if more than 10,000.
    """

    word: Word
    pairs: int
    measured: int
    ratio: float
    low: float
    high: float
    p: float
    smallest_effect: float
    pairs_to_settle: int | None


def looks(first: int) -> Iterator[tuple[int, float]]:
    """Yield the number of pairs at each look, and the part of the error that it may spend.

    The number grows by a third each time. From the second look on it is even, because two pairs of
    times are one block, A, B, B, A.

    Args:
        first: number of pairs at the first look.
    """
    pairs, number = first, 1
    while True:
        yield pairs, ERROR / (number * (number + 1))
        pairs, number = 2 * math.ceil(pairs * 2 / 3), number + 1


class Judge:
    """Settles benchmarks while pairs are measured. A verdict is final.

    Args:
        names: names of all benchmarks that are judged together.
        within: tolerance of the verdict "same"; 0.05 stands for ratios from 1/1.05 to 1.05.
        measure: measure that they are judged by.
        lenient: whether a benchmark is worse only if its whole interval lies above the tolerance,
            and not already if it lies above 1.

    Attributes:
        verdicts: the verdicts so far, by name.
    """

    def __init__(
        self,
        names: Sequence[str],
        within: float,
        measure: Measure = "time",
        lenient: bool = False,
    ) -> None:
        self.names = list(names)
        self.margin = math.log1p(within)
        self.allowed = self.margin if lenient else 0.0
        self.traits = MEASURES[measure]
        self.verdicts: dict[str, Verdict] = {}
        self._looks = looks(self.traits.first_look)
        self.next_look, self._level = next(self._looks)

    @property
    def open(self) -> list[str]:
        """Return the benchmarks without a verdict."""
        return [name for name in self.names if name not in self.verdicts]

    def look(self, log_ratios: Mapping[str, Sequence[float | None]]) -> None:
        """Take every planned look for which there are enough pairs.

        Disturbed pairs also count towards the number of pairs of a look. So a benchmark that was
        disturbed once stays in step with the others, and a resumed comparison takes the same looks
        as an uninterrupted one.

        Args:
            log_ratios: log ratios of all pairs so far, for every benchmark without a verdict; None
                for a pair that does not count.
        """
        while True:
            names = [name for name in self.open if len(log_ratios[name]) >= self.next_look]
            if not names:
                return
            seen = {name: log_ratios[name][: self.next_look] for name in names}
            judged = self._judge(seen)
            self.verdicts.update(
                {name: verdict for name, verdict in judged.items() if verdict.word != CANNOT_TELL}
            )
            self.next_look, self._level = next(self._looks)

    def all(self, log_ratios: Mapping[str, Sequence[float | None]]) -> dict[str, Verdict]:
        """Return the current verdict on every benchmark, without taking a look."""
        seen = {name: log_ratios[name] for name in self.open}
        found = self.verdicts | self._judge(seen, settle=False)
        return {name: found[name] for name in self.names}

    def _judge(
        self, seen: Mapping[str, Sequence[float | None]], settle: bool = True
    ) -> dict[str, Verdict]:
        """Judge benchmarks at the level of the next look; without `settle`, settle none."""
        values = {name: [v for v in pairs if v is not None] for name, pairs in seen.items()}
        estimates = estimates_of(values, self.traits.prior)
        needed = {
            name: estimate.level_to_settle(self.margin, self.allowed)[at]
            for name, (estimate, at) in estimates.items()
        }
        before, count = len(self.verdicts), len(self.names)
        # Settled benchmarks come first; those with too few pairs count as undecided.
        late = np.ones(count - before - len(needed))
        levels = np.concatenate([np.zeros(before), list(needed.values()), late])
        corrected = stats.false_discovery_control(levels)[before : before + len(needed)]
        done = {
            name: settle and p <= self._level for name, p in zip(needed, corrected, strict=True)
        }
        level = self._level * max(1, before + sum(done.values())) / count
        judged = {}
        for name, pairs in seen.items():
            if name not in estimates:
                judged[name] = unknown(values[name], len(pairs))
                continue
            estimate, at = estimates[name]
            mean = estimate.mean[at]
            low, high = (ends[at] for ends in estimate.interval(level))
            word = CANNOT_TELL
            if done[name]:
                same = -self.margin <= low and high <= self.margin
                word = SAME if same else self.traits.worse if mean > 0 else self.traits.better
            judged[name] = Verdict(
                word,
                estimate.pairs,
                len(pairs),
                ratio=exp(mean),
                low=exp(low),
                high=exp(high),
                p=float(min(1, 2 * min(estimate.above(0)[at], estimate.below(0)[at]))),
                smallest_effect=smallest_effect(
                    float(estimate.error[at]), estimate.freedom, level, self.allowed
                ),
                pairs_to_settle=0 if done[name] else self._pairs_to_settle(estimate, at),
            )
        return judged

    def _pairs_to_settle(self, estimate: "Estimate", at: int) -> int | None:
        """Estimate the number of further pairs, assuming that mean and spread stay the same."""
        share = (len(self.verdicts) + 1) / len(self.names)
        planned = takewhile(lambda look: look[0] <= MOST_PAIRS, looks(self.traits.first_look))
        coming = np.array([look for look in planned if look[0] >= self.next_look])
        pairs, level = coming.T
        error = estimate.error[at] * np.sqrt(estimate.pairs / pairs)
        half = stats.t.isf(level * share / 2, estimate.freedom + pairs - estimate.pairs) * error
        mean = estimate.mean[at]
        enough = pairs[(half < max(mean - self.allowed, -mean)) | (half < self.margin - abs(mean))]
        return int(enough[0]) - estimate.pairs if len(enough) else None


class Estimate:
    """Mean log ratios of several benchmarks, and their uncertainty by a moderated t.

    The variance of the pairs is averaged with that of the prior, each weighted by its degrees of
    freedom. Without a prior, the intervals are Student's. If all pairs of a benchmark then have the
    same log ratio, its uncertainty cannot be estimated: it is not settled, and its interval is
    infinite.

    Args:
        values: log ratios, `[pairs, benchmarks]`, of at least 2 pairs.
        prior: what is known about their spread in advance.
    """

    def __init__(self, values: NDArray[np.float64], prior: Prior) -> None:
        self.pairs = len(values)
        self.freedom = self.pairs - 1 + prior.freedom
        # From the first pair on: the mean of equal pairs is theirs, to the last bit.
        self.mean = values[0] + (values - values[0]).mean(axis=0)
        squares = ((values - self.mean) ** 2).sum(axis=0) + prior.freedom * prior.deviation**2
        self.error = np.sqrt(squares / self.freedom / self.pairs)

    def above(self, value: float) -> NDArray[np.float64]:
        """Return the one-sided p against a mean of at most `value`."""
        p: NDArray[np.float64] = stats.t.sf(self._t(value), self.freedom)
        return p

    def below(self, value: float) -> NDArray[np.float64]:
        """Return the one-sided p against a mean of at least `value`."""
        p: NDArray[np.float64] = stats.t.cdf(self._t(value), self.freedom)
        return p

    def level_to_settle(self, margin: float, allowed: float) -> NDArray[np.float64]:
        """Return the smallest level whose interval gives a verdict.

        It lies above `allowed`, below 0, or within the margin.
        """
        different = np.minimum(self.above(allowed), self.below(0))
        same = np.maximum(self.above(-margin), self.below(margin))
        level: NDArray[np.float64] = np.minimum(1, 2 * np.minimum(different, same))
        return level

    def interval(self, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of the interval that misses the mean with a probability of `level`."""
        lower, upper = self._quantiles(level)
        with np.errstate(invalid="ignore"):
            low, high = self.mean - upper * self.error, self.mean - lower * self.error
        equal = self.error == 0
        return np.where(equal, -np.inf, low), np.where(equal, np.inf, high)

    def _quantiles(self, level: float) -> tuple[Any, Any]:
        """Return the quantiles of t at both ends of the interval."""
        quantile = stats.t.isf(level / 2, self.freedom)
        return -quantile, quantile

    def _t(self, value: float) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            t: NDArray[np.float64] = np.where(self.error > 0, (self.mean - value) / self.error, 0.0)
        return t


class Bootstrap(Estimate):
    """Mean log ratios and their uncertainty by a bootstrap-t, at least as large as Student's.

    The bootstrap alone raises false alarms if there are few pairs, Student's test if their noise is
    skewed: docs/guides/comparing.md has the rates.

    Args:
        values: log ratios, `[pairs, benchmarks]`, of at least 2 pairs.
        resamples: number of resamples of the pairs, the same for all benchmarks.
        random: random generator of the resamples.
    """

    def __init__(
        self, values: NDArray[np.float64], resamples: int, random: np.random.Generator
    ) -> None:
        super().__init__(values, Prior())
        self._boot = np.sort(self._resample(values - self.mean, resamples, random), axis=0)

    def _resample(
        self, centred: NDArray[np.float64], resamples: int, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return Student's t of each resample, `[resamples, benchmarks]`."""
        counts = random.multinomial(self.pairs, [1 / self.pairs] * self.pairs, resamples)
        weights = counts / self.pairs
        mean = weights @ centred
        variance = np.maximum(weights @ centred**2 - mean**2, 0)
        error = np.sqrt(variance / (self.pairs - 1))
        # A resample that repeats a single pair has no spread, and so an infinite t.
        lost = error <= 1e-6 * self.error
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(lost, np.copysign(np.inf, mean), mean / error)

    def above(self, value: float) -> NDArray[np.float64]:
        """Return the larger one-sided p of bootstrap and Student, as `Estimate.above` does."""
        beyond: NDArray[np.int64] = np.count_nonzero(self._boot >= self._t(value), axis=0)
        return np.maximum((1 + beyond) / (1 + len(self._boot)), super().above(value))

    def below(self, value: float) -> NDArray[np.float64]:
        """Return the larger one-sided p of bootstrap and Student, as `Estimate.below` does."""
        beyond: NDArray[np.int64] = np.count_nonzero(self._boot <= self._t(value), axis=0)
        return np.maximum((1 + beyond) / (1 + len(self._boot)), super().below(value))

    def _quantiles(self, level: float) -> tuple[Any, Any]:
        """Return the wider quantiles; infinite if beyond the most extreme resample."""
        lower, upper = super()._quantiles(level)
        rank = math.ceil(level / 2 * (len(self._boot) + 1)) - 1
        if rank < 1:
            return -math.inf, math.inf
        return np.minimum(self._boot[rank - 1], lower), np.maximum(self._boot[-rank], upper)


def exp(value: float) -> float:
    """Return e to the power of the value; infinite if that is too large for a float."""
    return math.exp(value) if value < LARGEST else math.inf


def smallest_effect(error: float, freedom: int, level: float, allowed: float = 0.0) -> float:
    """Return the increase that is found with a probability of 90%.

    Args:
        error: standard error of the log ratio.
        freedom: number of degrees of freedom of that error.
        level: level of the test.
        allowed: largest log ratio that is not worse.
    """
    quantiles = stats.t.isf(level / 2, freedom) + stats.t.isf(1 - POWER, freedom)
    return exp(allowed + float(quantiles * error)) - 1


def unknown(log_ratios: Sequence[float], measured: int) -> Verdict:
    """Return the verdict for too few pairs."""
    ratio = math.exp(float(np.mean(log_ratios))) if len(log_ratios) else math.nan
    pairs = len(log_ratios)
    return Verdict(CANNOT_TELL, pairs, measured, ratio, 0.0, math.inf, 1.0, math.inf, None)


def estimates_of(
    values: Mapping[str, Sequence[float]], prior: Prior
) -> dict[str, tuple["Estimate", int]]:
    """Return an estimate, and the benchmark's column in it, for each one with enough pairs.

    Benchmarks with the same number of pairs share an estimate, and so its resamples. The resamples
    are the same if a look is repeated, as with --resume.
    """
    found: dict[str, tuple[Estimate, int]] = {}
    for count in sorted({len(pairs) for pairs in values.values()}):
        names = [name for name, pairs in values.items() if len(pairs) == count]
        if count >= FEWEST_PAIRS:
            columns = np.array([values[name] for name in names]).T
            estimate = (
                Estimate(columns, prior)
                if prior.freedom
                else Bootstrap(columns, RESAMPLES, np.random.default_rng(count))
            )
            found.update({name: (estimate, at) for at, name in enumerate(names)})
    return {name: found[name] for name in values if name in found}
