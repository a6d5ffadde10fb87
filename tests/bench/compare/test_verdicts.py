"""The statistics of comparisons, by simulation: how often verdicts are wrong or missing.

The simulated noise is like that of real processes: the log ratio of a pair has a standard deviation
of 2 to 4% (measured in November 2026), sometimes much more, and the machine's pace drifts. All
seeds are fixed.
"""

import math
from collections import Counter
from collections.abc import Mapping
from itertools import islice, product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.compare import verdicts
from benchmarks.compare.measures import CANNOT_TELL, COUNTED, Prior, Word
from benchmarks.compare.pairs import order
from benchmarks.compare.verdicts import (
    ERROR,
    Bootstrap,
    Estimate,
    Judge,
    looks,
    smallest_effect,
)

Values = NDArray[np.float64]

SPREAD = 0.03
# Number of benchmarks in a session, as `compare` chooses them.
COUNT = 8


def noise(kind: str, pairs: int, columns: int, seed: int = 0) -> Values:
    """Simulate log ratios of equal sides, `[pairs, columns]`."""
    random = np.random.default_rng(seed)
    shape = (pairs, columns)
    if kind == "normal":
        return np.asarray(SPREAD * random.standard_normal(shape))
    if kind == "heavy tails":
        return np.asarray(SPREAD * random.standard_t(3, shape) / math.sqrt(3))
    if kind == "busy moments":  # One process in ten takes much longer, on either side.
        slow = (random.random((2, *shape)) < 0.1) * random.exponential(0.3, (2, *shape))
        return np.asarray(SPREAD * random.standard_normal(shape) + slow[0] - slow[1])
    # The machine's pace drifts from process to process, and falls by 1% with each.
    wander = np.zeros((2 * pairs, columns))
    for at in range(1, len(wander)):
        wander[at] = 0.4 * wander[at - 1] + SPREAD * random.standard_normal(columns)
    wander += 0.01 * np.arange(len(wander))[:, None]
    signs = [1 if order(seed, number)[0] == "baseline" else -1 for number in range(pairs)]
    return np.asarray((wander[1::2] - wander[::2]) * np.array(signs)[:, None])


QUIET = ("normal", "heavy tails", "wandering pace")
KINDS = (*QUIET, "busy moments")


class StudentOnly(Estimate):
    """An estimate without the bootstrap, which is slow and only makes intervals wider."""

    def __init__(self, values: Values, *_: object) -> None:
        super().__init__(values, Prior())


@pytest.fixture
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use Student's interval alone."""
    monkeypatch.setattr(verdicts, "Bootstrap", StudentOnly)


def judged(log_ratios: Values, within: float = 0.05) -> Judge:
    """Return a judge that has looked at these log ratios."""
    judge = Judge([str(at) for at in range(log_ratios.shape[1])], within)
    judge.look(columns(log_ratios))
    return judge


def columns(log_ratios: Values) -> Mapping[str, list[float]]:
    """Return the log ratios of each benchmark, by name."""
    return {str(at): list(column) for at, column in enumerate(log_ratios.T)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pairs", [6, 12])
def test_single_look_has_the_error_of_its_level(kind: str, pairs: int) -> None:
    """A test at 1% rejects about 10 of 1000 equal sides; more than 20 have a probability of 0.1%.

    A percentile bootstrap rejects 30 to 80 here, and normal quantiles 20 to 50.
    """
    estimate = Bootstrap(noise(kind, pairs, 1000), 2000, np.random.default_rng(1))
    p = 2 * np.minimum(estimate.above(0), estimate.below(0))

    assert (p < 0.01).sum() <= 20


@pytest.mark.parametrize("kind", KINDS)
def test_interval_covers_the_true_ratio(kind: str) -> None:
    """A 95% interval covers it in at least 95%, less twice the error of the simulation."""
    truth = 0.07
    estimate = Bootstrap(truth + noise(kind, 16, 1000), 2000, np.random.default_rng(1))
    low, high = estimate.interval(0.05)
    covered = (low < truth) & (truth < high)

    assert covered.mean() > 0.935
    if kind in QUIET:  # Nor is it too wide: Student's is 4.3 standard errors wide.
        assert np.median(high - low) < 6 * SPREAD / math.sqrt(16)


@pytest.mark.parametrize("rank", [1, 2, 2.01, 3, 60, 100])
def test_interval_ends_where_p_is_half_of_its_level(rank: float) -> None:
    """Intervals and p-values agree, resample by resample; beyond all 255, the ends are open."""
    values = 0.02 + noise("heavy tails", 16, 20)
    estimate = Bootstrap(values, 255, np.random.default_rng(1))
    p = rank / 256
    low, high = estimate.interval(2 * p)

    if rank == 1:
        assert set(low) == {-math.inf}
        assert set(high) == {math.inf}
    else:
        for at in range(20):
            assert estimate.above(low[at] - 1e-9)[at] < p <= estimate.above(low[at] + 1e-9)[at]
            assert estimate.below(high[at] + 1e-9)[at] < p <= estimate.below(high[at] - 1e-9)[at]


def test_skewed_noise_widens_the_interval_on_one_side() -> None:
    """The bootstrap takes the skew into account; Student's interval is symmetric."""
    values = np.array([[0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.2]]).T
    estimate = Bootstrap(values, 20_000, np.random.default_rng(0))
    low, high = estimate.interval(0.05)

    mirrored = Bootstrap(-values, 20_000, np.random.default_rng(0))

    assert high[0] - estimate.mean[0] > 2 * (estimate.mean[0] - low[0])
    for value in (-0.01, 0.0, 0.03, 0.1):
        assert mirrored.below(-value) == pytest.approx(estimate.above(value))
        assert mirrored.above(-value) == pytest.approx(estimate.below(value))
    assert np.concatenate(mirrored.interval(0.05)) == pytest.approx(
        -np.concatenate([high, low]), rel=1e-6
    )


def test_looks_spend_the_allowed_error() -> None:
    """The numbers of pairs are even and grow by a third; the parts add up to the error."""
    planned = list(islice(looks(6), 30))
    pairs = [number for number, _ in planned]

    assert pairs[:8] == [6, 8, 12, 16, 22, 30, 40, 54]
    assert all(number % 2 == 0 for number in pairs)
    assert sum(level for _, level in planned) == pytest.approx(ERROR, rel=0.04)
    assert sum(level for _, level in planned) < ERROR


def words(kind: str, slowdown: float, sessions: int) -> Counter[str]:
    """Return how often each verdict is given in sessions with this slowdown."""
    shift = math.log1p(slowdown)
    judges = [judged(shift + noise(kind, 54, COUNT, seed)) for seed in range(sessions)]
    return Counter(verdict.word for judge in judges for verdict in judge.verdicts.values())


@pytest.mark.usefixtures("_fast")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sessions", [5, pytest.param(25, marks=pytest.mark.slow)])
def test_equal_sides_are_rarely_called_different(kind: str, sessions: int) -> None:
    """At most 1% of the verdicts are wrong, though each session has eight looks."""
    found = words(kind, 0, sessions)

    assert found["slower"] + found["faster"] <= 0.01 * sessions * COUNT
    if kind in QUIET:  # On a busy machine, "cannot tell" is right.
        assert found["same"] >= 0.9 * sessions * COUNT


@pytest.mark.usefixtures("_fast")
@pytest.mark.parametrize(("slowdown", "least"), [(0.1, 0.9), (0.2, 0.99)])
@pytest.mark.parametrize("kind", QUIET)
def test_planted_slowdowns_are_found(kind: str, slowdown: float, least: float) -> None:
    """54 pairs, or less than 10 minutes, are enough; none is called the same or faster."""
    found = words(kind, slowdown, sessions=15)

    assert found["slower"] >= least * 15 * COUNT
    assert found["same"] + found["faster"] == 0


class Given(StudentOnly):
    """An estimate whose levels are given, to test the procedure that follows."""

    levels: tuple[float, ...] = ()

    def level_to_settle(self, margin: float, allowed: float) -> Values:
        """Return the given levels, whatever the limits."""
        del margin, allowed
        return np.array(self.levels[: len(self.mean)])


@pytest.mark.parametrize(
    ("levels", "settled"),
    [
        # The first look may spend 0.005. The k-th smallest of four levels needs k/4 of it.
        ((0.00124, 0.1, 0.1, 0.1), 1),
        ((0.00126, 0.1, 0.1, 0.1), 0),
        ((0.0024, 0.0024, 0.1, 0.1), 2),
        ((0.0049, 0.0049, 0.0049, 0.0049), 4),
        ((0.0049, 0.0049, 0.0049, 0.0051), 0),
    ],
)
def test_benchmarks_are_settled_together(
    levels: tuple[float, ...], settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They follow the Benjamini-Hochberg step-up procedure, at the level of the look."""
    monkeypatch.setattr(Given, "levels", levels)
    monkeypatch.setattr(verdicts, "Bootstrap", Given)

    found = judged(0.05 + noise("normal", 6, 4)).verdicts

    # Alone, each would need some more.
    assert [verdict.pairs_to_settle for verdict in found.values()] == [0] * settled


@pytest.mark.parametrize(("level", "settled"), [(0.0016, 2), (0.0017, 1)])
def test_settled_benchmarks_count_in_later_corrections(
    level: float, settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of two benchmarks may use all of the second look's error, a sixth of 1%."""
    monkeypatch.setattr(verdicts, "Bootstrap", Given)
    monkeypatch.setattr(Given, "levels", (0.0001, 0.1))
    values = 0.5 + noise("normal", 8, 2)
    judge = judged(values[:6])
    monkeypatch.setattr(Given, "levels", (level,))
    judge.look(columns(values))

    assert len(judge.verdicts) == settled


def test_each_verdict_agrees_with_its_interval() -> None:
    """This holds for slower, faster, same and cannot tell."""
    shifts = np.array([math.log(1.1), math.log(0.9), 0.0, 0.0])
    widths = np.array([0.1, 0.1, 0.1, 3.0])
    judge = judged(shifts + widths * noise("normal", 16, 4))
    found = judge.all(columns(shifts + widths * noise("normal", 16, 4)))

    assert judge.all(columns(shifts + widths * noise("normal", 16, 4))) == found
    assert [verdict.word for verdict in found.values()] == ["slower", "faster", "same", CANNOT_TELL]
    slower, faster, same, unsettled = found.values()
    assert 1 < slower.low < slower.ratio == pytest.approx(1.1, rel=0.01)
    assert slower.ratio < slower.high
    assert faster.high < 1
    assert 1 / 1.05 <= same.low < 1 < same.high <= 1.05
    assert unsettled.low < 1 / 1.05
    assert unsettled.high > 1.05
    assert slower.pairs_to_settle == 0
    assert unsettled.pairs_to_settle is not None
    assert unsettled.pairs_to_settle > 16
    assert unsettled.smallest_effect > 0.05


def test_resamples_are_studentised_like_the_sample() -> None:
    """The statistics of all resamples of four pairs are computed one by one.

    A resample that repeats a single pair has an infinite one, even if that pair is the mean.
    """
    values = np.array([0.0, 1.0, 2.0, 5.0])
    estimate = Bootstrap(values[:, None], 5000, np.random.default_rng(0))
    expected = {
        round((np.mean(drawn) - 2.0) / (np.std(drawn, ddof=1) / math.sqrt(4)), 6)
        for drawn in product(values, repeat=4)
        if len(set(drawn)) > 1
    }

    assert {round(float(t), 6) for t in estimate._boot[:, 0]} == {*expected, math.inf, -math.inf}


@pytest.mark.usefixtures("_fast")
def test_interval_has_the_level_at_which_the_procedure_ended() -> None:
    """If the first look settles one of four benchmarks, that one gets a quarter of its error."""
    values = np.array([0.3, 0.0, 0.0, 0.0]) + noise("normal", 6, 4)
    judge = judged(values)
    low, high = StudentOnly(values, 0, np.random.default_rng(0)).interval(0.005 / 4)

    assert list(judge.verdicts) == ["0"]
    assert judge.verdicts["0"].low == pytest.approx(math.exp(low[0]))
    assert judge.verdicts["0"].high == pytest.approx(math.exp(high[0]))


@pytest.mark.usefixtures("_fast")
def test_pairs_to_settle_wait_for_the_next_look() -> None:
    """Seven clear pairs after the look at six are judged at the look at eight."""
    judge = judged(3 * noise("normal", 6, 1))
    clear = math.log(1.5) + 0.01 * noise("normal", 7, 1)

    assert judge.verdicts == {}
    assert judge.all(columns(clear))["0"].pairs_to_settle == 1


@pytest.mark.usefixtures("_fast")
def test_verdict_is_final() -> None:
    """Later pairs do not change it, because its error is spent."""
    before = math.log(1.2) + 0.1 * noise("normal", 6, 1)
    judge = judged(before)
    first = judge.verdicts["0"]
    judge.look(columns(np.concatenate([before, -before, -before])))

    assert first.word == "slower"
    assert judge.all(columns(-before))["0"] is first


def test_benchmark_with_few_pairs_counts_in_the_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two benchmarks needs half of the level, even if the other has too few pairs."""
    monkeypatch.setattr(verdicts, "Bootstrap", Given)
    for level, settled in ((0.0024, 1), (0.0026, 0)):
        monkeypatch.setattr(Given, "levels", (level,))
        judge = Judge(["0", "1"], 0.05)
        judge.look({"0": [0.4, 0.5, 0.6] * 2, "1": [0.5]})
        assert len(judge.verdicts) == settled


def test_smallest_effect_is_found_in_90_percent() -> None:
    """With that effect, Student's t is a noncentral one; its power is known."""
    freedom, level, error = 29, 0.01, 0.005
    effect = math.log1p(smallest_effect(error, freedom, level))
    found = stats.nct.sf(stats.t.isf(level / 2, freedom), freedom, effect / error)

    assert found == pytest.approx(0.9, abs=0.01)


@pytest.mark.usefixtures("_fast")
@pytest.mark.parametrize("others", [[], [9.0]], ids=["alone", "beside one that is not settled"])
def test_pairs_to_settle_are_enough_and_needed(others: list[float]) -> None:
    """With the same mean and spread, that many more pairs give a verdict, and fewer do not."""
    two = [[0.05, *others], [-0.03, *(-other for other in others)]]
    values = np.tile(two, (6, 1))
    judge = judged(values)
    missing = judge.all(columns(values))["0"].pairs_to_settle
    assert missing is not None
    longer = np.tile(two, ((12 + missing) // 2, 1))
    planned = [pairs for pairs, _ in islice(looks(6), 20)]
    before = planned[planned.index(12 + missing) - 1]

    assert len(judge.verdicts) == 0
    assert judged(longer[:before]).verdicts == {}
    assert judged(longer).verdicts["0"].pairs == 12 + missing


def counted(share: float, spread: float, pairs: int, columns: int) -> Values:
    """Simulate log ratios of counts whose candidate executes more by a share.

    Args:
        share: additional instructions; 0.01 is 1%.
        spread: standard deviation of a process; negative for 0.03%, and one process in ten whose
            count is 0.3% off.
        pairs: number of pairs.
        columns: number of benchmarks.
    """
    random = np.random.default_rng(0)
    processes = max(spread, 0.0003 * (spread < 0)) * random.standard_normal((2, pairs, columns))
    if spread < 0:
        processes += (random.random(processes.shape) < 0.1) * 0.003
    return np.asarray(math.log1p(share) + processes[1] - processes[0])


@pytest.mark.parametrize("spread", [0, 0.0003, 0.001, -1])
@pytest.mark.parametrize(
    ("share", "within", "expected"),
    [(0, 0.005, "same"), (0.01, 0.005, "more instructions"), (0.005, 0.0025, "more instructions")],
)
def test_counts_settle_quickly(spread: float, share: float, within: float, expected: Word) -> None:
    """Of 40 benchmarks, at least 95% get the right verdict, and at most one a wrong one."""
    values = columns(counted(share, spread, 8, 40))
    judge = Judge(list(values), within, "instructions")
    judge.look(values)

    found = [verdict.word for verdict in judge.verdicts.values()]

    assert found.count(expected) >= max(0.95 * 40, len(found) - 1)


def test_three_equal_counts_settle_at_the_first_look() -> None:
    """What is known of other processes stands in for the missing spread."""
    judge = Judge(["same", "more"], 0.005, "instructions")
    judge.look({"same": [0.0] * 3, "more": [0.01] * 3})
    same, more = (judge.verdicts[name] for name in ("same", "more"))
    error = COUNTED.deviation * math.sqrt(2 / 4) / math.sqrt(3)
    half = stats.t.isf(0.005 / 2, 4) * error

    assert (same.word, more.word) == ("same", "more instructions")
    assert (same.pairs, same.low, same.high) == pytest.approx((3, math.exp(-half), math.exp(half)))
    assert (same.p, more.p) == pytest.approx((1, 2 * stats.t.sf(0.01 / error, 4)))
    assert 0 < same.smallest_effect < 0.005


@pytest.mark.parametrize(
    ("share", "strict", "lenient"),
    [
        (-0.02, "fewer instructions", "fewer instructions"),
        (0.0, "same", "same"),
        (0.008, "same", "same"),
        (0.0095, "more instructions", CANNOT_TELL),
        (0.0105, "more instructions", CANNOT_TELL),
        (0.012, "more instructions", "more instructions"),
    ],
)
def test_lenient_judge_is_certain_of_its_finding(share: float, strict: Word, lenient: Word) -> None:
    """Three equal counts have an interval of 0.16% to either side; the tolerance is 1%."""
    values = {"0": [math.log1p(share)] * 3}
    judges = [Judge(["0"], 0.01, "instructions", choice) for choice in (False, True)]
    for judge in judges:
        judge.look(values)
    found = [judge.all(values)["0"] for judge in judges]

    assert [verdict.word for verdict in found] == [strict, lenient]
    assert found[0].smallest_effect < 0.01 < found[1].smallest_effect
    assert found[1].pairs_to_settle == (0 if lenient != CANNOT_TELL else 19)


def test_moderated_variance_is_the_weighted_mean() -> None:
    """A prior with 4 degrees of freedom counts twice as much as three pairs.

    The variance of 0, 1 and 2 is 1: it divides by the number of pairs less one.
    """
    plain = Bootstrap(np.array([[0.0], [1.0], [2.0]]), 10, np.random.default_rng(0))
    estimate = Estimate(np.array([[0.0], [1.0], [2.0]]), Prior(deviation=3.0, freedom=4))

    assert plain.error == pytest.approx(1 / math.sqrt(3))
    assert estimate.error == pytest.approx(math.sqrt((4 * 9 + 2 * 1) / 6 / 3))
    assert estimate.above(0) == pytest.approx(stats.t.sf(1 / estimate.error, 6))
    assert estimate.below(0) == pytest.approx(stats.t.cdf(1 / estimate.error, 6))
    assert estimate.level_to_settle(margin=0.1, allowed=2.0) == 1
