"""Whether two runs differ by more than rounding: on made-up runs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.behaviour.envelope import GROWTH, ONE_STEP, allowed, allowed_operator, horizon
from benchmarks.behaviour.files import Recording, Trace, Traced, digest, step_digest
from benchmarks.behaviour.judge import (
    compare,
    differences,
    find_culprit,
    first_difference,
    judge,
)
from rnn_core import EXPERIMENTS
from tests.helpers.histories import make_history

EPOCH = 4  # steps
# Of each experiment, a loss and accuracies that behave as it should.
LAST_LOSS = {"exploding-rnn": 1e30, "clipped-rnn": 0.5, "clipped-lstm": 0.1}
LAST_ACCURACY = {"exploding-rnn": 0.0, "clipped-rnn": 0.5, "clipped-lstm": 1.0}


def healthy(experiment: str, epochs: int | None = None) -> dict[str, Any]:
    """Loss, norms and accuracy of a run that behaves."""
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
    """A run of these losses and norms, whose parameters are all the losses up to then."""
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
    """As recordings hold them."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1)


def pair(experiment: str, epochs: int | None = None, **change: Any) -> tuple[Recording, Recording]:
    """A healthy run, and the same with some quantities multiplied."""
    values = healthy(experiment, epochs)
    changed = {**values, **{name: values[name] * factor for name, factor in change.items()}}
    return recording(experiment, **values), recording(experiment, **changed)


def factor(experiment: str, first: int, size: float, epochs: int | None = None) -> Any:
    """1 before a step, 1 + size from it on."""
    steps = len(healthy(experiment, epochs)["loss"])
    return np.where(np.arange(1, steps + 1) < first, 1.0, 1.0 + size)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_same_bits(experiment: str) -> None:
    """Nothing differs, to the last step."""
    judged = judge(experiment, *pair(experiment))

    assert judged.verdict == "bitwise equal"
    assert len(healthy(experiment)["loss"]) == judged.until
    assert judged.first_step is None
    assert judged.difference == 0
    assert judged.reasons == ()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_last_digit_is_rounding(experiment: str) -> None:
    """One norm that is off by a last digit at one step is found, and forgiven."""
    steps = len(healthy(experiment, 2)["loss"])
    change = np.where(np.arange(1, steps + 1) == 3, 1 + 1e-7, 1.0)

    judged = judge(experiment, *pair(experiment, 2, norm=change))

    assert judged.verdict == "equal within rounding"
    assert judged.first_step == 3
    assert judged.until == steps
    assert 0 < judged.difference < 1e-7


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_chaos_ends_the_comparison(experiment: str) -> None:
    """Half of what is allowed within the horizon, and anything past it, is rounding."""
    steps = np.arange(1, len(healthy(experiment)["loss"]) + 1)
    change = np.array([1 + allowed(experiment, int(step)) / 2 for step in steps])
    change[horizon(experiment) + 3 :] = 9.0

    judged = judge(experiment, *pair(experiment, loss=change))

    assert judged.verdict == "equal within rounding", judged.reasons
    assert judged.first_step == 1
    assert horizon(experiment) + 3 == judged.until


@pytest.mark.parametrize(
    ("experiment", "step"),
    [("exploding-rnn", 4), ("clipped-rnn", 30), ("clipped-rnn", 75), ("clipped-lstm", 381)],
)
def test_too_far_apart_within_the_horizon(experiment: str, step: int) -> None:
    """The step at which the envelope is left is named; the first that differs, too."""
    change = factor(experiment, 1, 1e-7)
    change[step - 1] = 1 + 4 * allowed(experiment, step)

    judged = judge(experiment, *pair(experiment, loss=change))

    assert judged.verdict == "different"
    assert (1, step, step - 1) == (judged.first_step, judged.left, judged.until)
    assert judged.reasons[0].startswith(f"step {step}: losses or norms")


@pytest.mark.parametrize("experiment", ["clipped-rnn", "clipped-lstm"])
@pytest.mark.parametrize(("size", "verdict"), [(4.0, "different"), (0.1, "equal within rounding")])
def test_one_step_has_no_time_for_chaos(experiment: str, size: float, verdict: str) -> None:
    """Runs of the same bits up to a late step may differ there by one step's rounding only."""
    change = factor(experiment, 1000, size * ONE_STEP[experiment])

    judged = judge(experiment, *pair(experiment, norm=change))

    assert judged.verdict == verdict
    assert judged.first_step == 1000
    assert judged.until >= 999


def test_an_update_shows_in_the_next_step() -> None:
    """Parameters that differ after a step make it the first that differs."""
    values = healthy("clipped-lstm", 3)
    one, other = (
        recording(
            "clipped-lstm", **values, weights=np.where(np.arange(13) < 5, 0.0, np.float64(size))
        )
        for size in (1.0, 2.0)
    )

    assert first_difference(one, other) == 5
    assert judge("clipped-lstm", one, other).verdict == "equal within rounding"

    later = {**values, "loss": values["loss"] * np.where(np.arange(12) < 5, 1, 1.01)}
    judged = judge("clipped-lstm", one, recording("clipped-lstm", **later, weights=2 * np.ones(13)))
    assert judged.verdict == "different"


def test_a_late_update_that_is_off() -> None:
    """Past the horizon too, an update's difference is judged by the step that shows it."""
    values, weights = healthy("clipped-lstm"), np.where(np.arange(2001) < 1000, 0.0, 1.0)
    off = {**values, "loss": values["loss"] * factor("clipped-lstm", 1001, 1e-2)}
    one = recording("clipped-lstm", **values, weights=weights)

    judged = judge("clipped-lstm", one, recording("clipped-lstm", **off, weights=2 * weights))

    assert (judged.verdict, judged.first_step, judged.left) == ("different", 1000, 1001)


def test_weights_that_are_drawn_differently() -> None:
    """They make the first step the first that differs, even if it hides them."""
    values, drawn = healthy("clipped-rnn", 2), np.where(np.arange(9) == 0, 1.0, 0.0)
    one, other = (recording("clipped-rnn", **values, weights=w) for w in (drawn, 2 * drawn))

    assert first_difference(one, other) == 1


def test_a_run_that_ends_early() -> None:
    """NaN on one side, within the horizon, is a difference whatever the losses were before."""
    values = healthy("clipped-rnn", 2)
    short = {**values, "loss": values["loss"][:6], "norm": values["norm"][:6]}
    one = recording("clipped-rnn", **values)
    other = recording("clipped-rnn", **{**short, "accuracy": values["accuracy"]})

    judged = judge("clipped-rnn", one, other)

    assert judged.verdict == "different"
    assert "the runs end after 8 and 6 steps" in judged.reasons[0]


@pytest.mark.parametrize(
    ("experiment", "change", "words"),
    [
        ("exploding-rnn", {"loss": [5.0]}, "loss or a gradient norm explodes"),
        ("exploding-rnn", {"norm": [1.0]}, "exact zeros"),
        ("clipped-rnn", {"loss": [1e9]}, "no explosion"),
        ("clipped-rnn", {"accuracy": [1.0], "loss": [1e-9]}, "4/4 never stays"),
        ("clipped-lstm", {"loss": [2.0]}, "the last epoch beats every constant"),
        ("clipped-lstm", {"loss": [np.inf]}, "no NaN or infinity"),
    ],
)
def test_a_behaviour_that_breaks_late(
    experiment: str, change: dict[str, list[float]], words: str
) -> None:
    """Past the horizon, what holds for every rounding still has to hold, on both sides."""
    values = healthy(experiment)
    broken = {name: array.copy() for name, array in values.items()}
    broken["norm"] *= 1 + 1e-7  # Rounding, from the first step on: nothing else tells them apart.
    past = horizon(experiment) + EPOCH
    for name, value in change.items():
        broken[name][past // EPOCH if name == "accuracy" else past :] = value
    good, bad = recording(experiment, **values), recording(experiment, **broken)

    for sides, where in (((good, bad), "the candidate"), ((bad, good), "the baseline")):
        judged = judge(experiment, *sides)
        assert judged.verdict == "different"
        assert any(words in reason and where in reason for reason in judged.reasons)
    both = judge(experiment, bad, bad)
    assert both.verdict == "bitwise equal"
    assert any("both sides" in reason and words in reason for reason in both.reasons)


def test_clipped_norms_over_the_threshold() -> None:
    """Clipping that does not clip is seen, however chaotic the run."""
    one, other = pair("clipped-rnn")
    norms = other.history.clipped_norms["recurrent.U"].copy()
    norms[-1] = 1.001
    other.history.clipped_norms["recurrent.U"] = norms
    other = replace(other, gradients=rows([bytes(16)] * 2000))

    assert (
        "broken on the candidate: no clipped norm over 1"
        in judge("clipped-rnn", one, other).reasons
    )


def test_differences_of_what_is_not_finite() -> None:
    """NaN and infinity equal themselves, and are infinitely far from all else."""
    a = np.array([[1.0, np.nan, np.inf, np.inf, np.nan, 0.0, 3.0, 1e300]])
    b = np.array([[1.0, np.nan, np.inf, -np.inf, 1.0, -0.0, 1.0, 1.5e300]])

    expected = [0, 0, 0, np.inf, np.inf, 0, 0.5, 1 / 3]
    assert pytest.approx(differences(a, b).tolist()) == expected


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_envelope_grows(experiment: str) -> None:
    """Steps and sizes rise, up to a last entry that no difference reaches."""
    steps, sizes = zip(*GROWTH[experiment], strict=True)

    assert steps[0] == 1
    assert sorted(set(steps)) == list(steps)
    assert sorted(set(sizes)) == list(sizes)
    assert steps[-1] - 1 == horizon(experiment)
    assert sizes[1] == allowed(experiment, steps[1])
    assert sizes[0] == allowed(experiment, steps[1] - 1)
    assert sizes[-2] == allowed(experiment, 10_000)


def traced(*values: Any, scale: float = 1.0, operator: str = "tanh") -> Trace:
    """A trace of tensors a, b, ..."""
    tensors = [
        Traced(name, operator, np.asarray(value), scale)
        for name, value in zip("abcdef", values, strict=False)
    ]
    return Trace(tensors, b"", b"", b"")


def test_the_first_tensor_that_differs() -> None:
    """NaN equals NaN; the others are counted and measured."""
    one = traced(np.array([np.nan, 1.0, np.inf]), np.array([2.0, 3.0, 4.0]), np.array([5.0]))
    other = traced(np.array([np.nan, 1.0, np.inf]), np.array([2.0, 3.5, 4.25]), np.array([6.0]))

    found = find_culprit(one, other, None)

    assert found is not None
    assert (found.tensor.name, *found[1:]) == ("b", 2, 0.5, 0.5, True)
    assert "b, made by tanh: 2 of 3 numbers differ, by at most 5.0e-01" in str(found)
    assert find_culprit(one, one, None) is None


def test_an_operator_that_is_wrong_comes_before_one_that_rounds() -> None:
    """The replay, where none inherits an error, decides which tensor is to blame."""
    one = traced(np.array([1.0]), np.array([1.0]), np.array([1.0]))
    other = traced(np.array([1 + 1e-7]), np.array([1.1]), np.array([1.2]))
    replay = traced(np.array([1 + 1e-7]), np.array([1.0]), np.array([1.1]))

    found = find_culprit(one, other, replay)
    rounding = find_culprit(one, other, one)

    assert found is not None
    assert rounding is not None
    assert (found.tensor.name, found.beyond) == ("c", True)
    assert (rounding.tensor.name, rounding.beyond) == ("a", False)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros(3), -np.zeros(3), "zeros of another sign"),
        (np.zeros(3, np.float32), np.zeros(3), "another dtype or shape"),
        (np.zeros(3), np.zeros((3, 1)), "another dtype or shape"),
        (np.zeros(2), np.array([0, np.nan]), "1 of 2 numbers differ, by at most inf"),
        (np.array([1, 2]), np.array([1, 3]), "1 of 2 numbers differ, by at most 1.0e+00"),
    ],
)
def test_tensors_of_every_kind(a: Any, b: Any, words: str) -> None:
    """Zeros, shapes, dtypes and integers are told apart in words."""
    (found,) = compare(traced(a, scale=0.0), traced(b, scale=0.0))

    assert words in str(found)


def test_a_whole_layer_may_be_further_off() -> None:
    """It is many operators, whose states grow."""
    assert allowed_operator("gradient of kernel RNN") == allowed_operator("kernel LSTM")
    assert allowed_operator("gradient of matmul") < allowed_operator("kernel LSTM")
