"""Whether two recorded runs differ by more than rounding; the runs are made up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.behaviour.envelope import ENVELOPES, measured
from benchmarks.behaviour.files import Recording, digest, step_digest
from benchmarks.behaviour.judge import (
    INCOMPARABLE,
    Judgement,
    differences,
    first_difference,
    judge,
    judge_by,
    series_of,
)
from rnn_core import EXPERIMENTS
from tests.helpers.histories import make_history

EPOCH = 4  # steps
# Last loss and accuracy of a run that behaves as its experiment should.
LAST_LOSS = {"exploding-rnn": 1e30, "clipped-rnn": 0.5, "clipped-lstm": 0.1}
LAST_ACCURACY = {"exploding-rnn": 0.0, "clipped-rnn": 0.5, "clipped-lstm": 1.0}


def healthy(experiment: str, epochs: int | None = None) -> dict[str, Any]:
    """Return loss, norms and accuracy of a run that behaves as it should."""
    steps = EPOCH * (EXPERIMENTS[experiment].config.epochs if epochs is None else epochs)
    loss = np.geomspace(8.0, LAST_LOSS[experiment], steps)
    norm = np.linspace(3.0, 2.0, steps)
    if experiment == "exploding-rnn":
        loss = np.where(np.arange(steps) < 12, 8.0, loss)
        norm = np.where(np.arange(steps) < 12, norm, 0.0)
    return {
        "loss": loss,
        "norm": norm,
        "accuracy": np.full(steps // EPOCH, LAST_ACCURACY[experiment]),
    }


def recording(
    experiment: str,
    loss: NDArray[np.float64],
    norm: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> Recording:
    """Make a run with these losses and norms; its default weights are their running sum."""
    steps, names = len(loss), [f"recurrent.{name}" for name in "WUb"]
    history = make_history(
        config=replace(EXPERIMENTS[experiment].config, epochs=len(accuracy)),
        loss=loss,
        raw_norms=dict.fromkeys(names, norm),
        clipped_norms=dict.fromkeys(names, np.minimum(norm, 1.0)),
        accuracy=accuracy,
        epoch_ends=EPOCH * np.arange(1, len(accuracy) + 1),
    )
    if weights is None:
        weights = np.concatenate([[0.0], np.cumsum(np.nan_to_num(loss, posinf=0.0) + norm)])
    gradients = [step_digest(loss[k], [norm[k]], [norm[k : k + 1]]) for k in range(steps)]
    return Recording(history, rows(gradients), rows([digest([w.reshape(1)]) for w in weights]))


def rows(digests: list[bytes]) -> NDArray[np.uint8]:
    """Convert digests to the array of a recording."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1)


def pair(experiment: str, epochs: int | None = None, **change: Any) -> tuple[Recording, Recording]:
    """Return a healthy run, and the same run with some quantities multiplied."""
    values = healthy(experiment, epochs)
    changed = {**values, **{name: values[name] * factor for name, factor in change.items()}}
    return recording(experiment, **values), recording(experiment, **changed)


def factor(experiment: str, first: int, size: float, epochs: int | None = None) -> Any:
    """Return a factor for each step: 1 before step `first`, and 1 + `size` from that step on."""
    steps = len(healthy(experiment, epochs)["loss"])
    return np.where(np.arange(1, steps + 1) < first, 1.0, 1.0 + size)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_equal_runs_are_bitwise_equal(experiment: str) -> None:
    """The verdict holds up to the last step."""
    judged = judge(experiment, *pair(experiment))

    steps = len(healthy(experiment)["loss"])
    assert judged == Judgement("bitwise equal", steps, None, 0.0, None, ())
    assert judged.steps_to_trace == []


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_difference_in_the_last_digit_is_rounding(experiment: str) -> None:
    """The first step that differs is found, and the verdict is not "different"."""
    steps = len(healthy(experiment, 2)["loss"])
    change = np.where(np.arange(1, steps + 1) == 3, 1 + 1e-7, 1.0)

    judged = judge(experiment, *pair(experiment, 2, norm=change))

    assert judged.verdict == "equal within rounding"
    assert judged.first_step == 3
    assert judged.steps_to_trace == [3]
    assert judged.until == steps
    assert 0 < judged.difference < 1e-7
    assert judged.reasons == ()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_differences_beyond_the_horizon_are_rounding(experiment: str) -> None:
    """A difference of half the limit is rounding; beyond the horizon, any difference is."""
    steps = np.arange(1, len(healthy(experiment)["loss"]) + 1)
    change = np.array([1 + ENVELOPES[experiment].allowed(int(step)) / 2 for step in steps])
    change[ENVELOPES[experiment].horizon + 3 :] = 9.0

    one, other = pair(experiment, loss=change)
    judged = judge(experiment, one, other)

    assert judged.verdict == "equal within rounding", judged.reasons
    assert judged.first_step == 1
    horizon = ENVELOPES[experiment].horizon
    assert judged.until == horizon + 3
    apart = differences(series_of(one.history), series_of(other.history))
    shown = [*(2**k for k in range(9) if 2**k < horizon), horizon]
    expected = [(k, apart[k - 1], ENVELOPES[experiment].allowed(k)) for k in shown]
    assert [*judged.growth] == expected


@pytest.mark.parametrize(
    ("experiment", "step"),
    [("exploding-rnn", 4), ("clipped-rnn", 30), ("clipped-rnn", 75), ("clipped-lstm", 381)],
)
def test_large_difference_up_to_the_horizon_is_different(experiment: str, step: int) -> None:
    """The verdict names the step that leaves the envelope, and the first step that differs."""
    change = factor(experiment, 1, 1e-7)
    change[step - 1] = 1 + 4 * ENVELOPES[experiment].allowed(step)

    judged = judge(experiment, *pair(experiment, loss=change))

    assert judged.verdict == "different"
    assert (judged.first_step, judged.left, judged.until) == (1, step, step - 1)
    assert judged.steps_to_trace == [1, step]
    assert judged.reasons[0] == (
        f"step {step}: losses or norms differ by {judged.difference:.1e}, rounding explains "
        f"{ENVELOPES[experiment].allowed(step):.1e}"
    )
    assert judged.growth[0].step == 1


@pytest.mark.parametrize("experiment", ["clipped-rnn", "clipped-lstm"])
@pytest.mark.parametrize(("size", "verdict"), [(4.0, "different"), (0.1, "equal within rounding")])
def test_first_difference_has_its_own_limit(experiment: str, size: float, verdict: str) -> None:
    """If the runs first differ at a late step, the difference has not had time to grow."""
    change = factor(experiment, 1000, size * ENVELOPES[experiment].one_step)
    change[1000:] = 1

    judged = judge(experiment, *pair(experiment, norm=change))

    assert judged.verdict == verdict
    assert judged.first_step == 1000
    assert judged.until >= 999
    assert ", rounding in one step explains " in " ".join(judged.reasons) or verdict != "different"


@pytest.mark.parametrize(
    ("changed", "first"), [(np.arange(13) >= 5, 5), (np.arange(13) == 0, 1)], ids=["step 5", "seed"]
)
def test_different_parameters_make_their_step_first(changed: NDArray[np.bool_], first: int) -> None:
    """It holds for initial parameters and for updated ones, even if the losses are equal."""
    values = healthy("clipped-lstm", 3)
    one, other = (
        recording("clipped-lstm", **values, weights=np.where(changed, size, 0.0))
        for size in (1.0, 2.0)
    )

    assert first_difference(one, other) == first
    assert judge("clipped-lstm", one, other).verdict == "equal within rounding"
    values["norm"] = values["norm"] * factor("clipped-lstm", 2, 1e-7, 3)
    other = recording("clipped-lstm", **values, weights=np.where(changed, 1.0, 0.0))
    assert first_difference(one, other) == 2


@pytest.mark.parametrize(("epochs", "step"), [(3, 5), (500, 1000)])
def test_wrong_update_is_judged_by_the_next_step(epochs: int, step: int) -> None:
    """The loss of the next step shows the difference, even beyond the horizon."""
    values = healthy("clipped-lstm", epochs)
    weights = np.where(np.arange(4 * epochs + 1) < step, 0.0, 1.0)
    wrong = {**values, "loss": values["loss"] * factor("clipped-lstm", step + 1, 1e-2, epochs)}
    one = recording("clipped-lstm", **values, weights=weights)

    judged = judge("clipped-lstm", one, recording("clipped-lstm", **wrong, weights=2 * weights))

    assert (judged.verdict, judged.first_step, judged.left) == ("different", step, step + 1)


@pytest.mark.parametrize(("experiment", "steps"), [("clipped-rnn", 6), ("exploding-rnn", 4)])
def test_run_that_ends_early_is_different(experiment: str, steps: int) -> None:
    """One side ends with NaN before the horizon, or at the horizon, after equal losses."""
    values = healthy(experiment, 2)
    short = {name: values[name][:steps] for name in ("loss", "norm")}
    one, other = recording(experiment, **values), recording(experiment, **{**values, **short})
    early = steps < ENVELOPES[experiment].horizon

    judged = judge(experiment, one, other)

    assert judged.verdict == ("different" if early else "equal within rounding")
    assert [each.step for each in judged.growth] == [steps]
    assert judged.reasons == (f"the runs end after 8 and {steps} steps",) * early
    judged = judge(experiment, other, one)
    assert judged.reasons == (f"the runs end after {steps} and 8 steps",) * early


@pytest.mark.parametrize(
    ("experiment", "change", "words"),
    [
        ("exploding-rnn", {"loss": [5.0]}, "loss or a gradient norm explodes"),
        ("exploding-rnn", {"norm": [1.0]}, "exact zeros"),
        ("clipped-rnn", {"loss": [1e9]}, "no explosion"),
        ("clipped-rnn", {"accuracy": [1.0], "loss": [1e-9]}, "4 of 4 correct in at most half"),
        ("clipped-lstm", {"loss": [2.0] * EPOCH}, "loss of the last epoch below 1.25"),
        ("clipped-lstm", {"loss": [np.inf]}, "no NaN or infinity"),
    ],
)
def test_broken_behaviour_beyond_the_horizon_is_different(
    experiment: str, change: dict[str, list[float]], words: str
) -> None:
    """The reason names the behaviour and the side, or both sides."""
    values = healthy(experiment)
    broken = {name: array.copy() for name, array in values.items()}
    broken["norm"] *= 1 + 1e-7  # Rounding from step 1 on, so that only the behaviour is judged.
    late = ENVELOPES[experiment].horizon + EPOCH
    for name, value in change.items():
        start = late // EPOCH if name == "accuracy" else late
        broken[name][start if len(value) == 1 else -len(value) :] = value
    good, bad = recording(experiment, **values), recording(experiment, **broken)

    for sides, where in (((good, bad), "the candidate"), ((bad, good), "the baseline")):
        judged = judge(experiment, *sides)
        assert judged.verdict == "different"
        found = [reason.partition(": ")[0] for reason in judged.reasons if words in reason]
        assert found == [f"does not hold on {where}"]
    both = judge(experiment, bad, bad)
    assert both.verdict == "bitwise equal"
    assert any(each.startswith("does not hold on both sides: ") for each in both.reasons)


def test_clipped_norm_above_1_is_a_broken_behaviour() -> None:
    """Missing clipping is detected beyond the horizon."""
    one, other = pair("clipped-rnn")
    norms = other.history.clipped_norms["recurrent.U"].copy()
    norms[-1] = 1.001
    other.history.clipped_norms["recurrent.U"] = norms
    other = replace(other, gradients=rows([bytes(16)] * 2000))

    reasons = judge("clipped-rnn", one, other).reasons
    assert "does not hold on the candidate: no clipped norm above 1" in reasons


def test_verdict_says_that_not_even_the_first_step_is_comparable() -> None:
    """Rounding changes its loss or norms so much that no difference means anything."""
    run = healthy("clipped-lstm")
    one, other = (
        recording("clipped-lstm", **run),
        recording("clipped-lstm", **run | {"loss": run["loss"] + 1}),
    )
    judged = judge_by(measured(np.ones(len(run["loss"])), 1e-7), one, other)

    assert (judged.verdict, judged.until, judged.difference) == ("equal within rounding", 0, 0)
    assert judged.reasons == (INCOMPARABLE,)


def test_nan_and_infinity_equal_only_themselves() -> None:
    """Their difference from every other value is infinite."""
    a = np.array([[1.0, np.nan, np.inf, np.inf, np.nan, 0.0, 3.0, 1e300, 1e308]])
    b = np.array([[1.0, np.nan, np.inf, -np.inf, 1.0, -0.0, 1.0, 1.5e300, -1e308]])

    expected = [0, 0, 0, np.inf, np.inf, 0, 0.5, 1 / 3, np.inf]
    assert differences(a, b).tolist() == pytest.approx(expected)
