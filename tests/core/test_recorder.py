"""Correct predictions, and steps that are not finite."""

from dataclasses import replace
from functools import partial

import numpy as np
import paddle
import pytest

from rnn_core import TrainConfig
from rnn_core.recorder import Position, Recorder, Step, count_correct
from rnn_core.step import Measured
from tests.helpers.memory import object_bytes

# Finite, although their sum is not.
NORMS = {"W": 1e308, "U": 1e308}


@pytest.mark.parametrize("what", ["loss", "raw_norms", "clipped_norms"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_step_is_finite_only_if_loss_and_norms_are(what: str, value: float) -> None:
    """A single NaN or infinity makes the step non-finite."""
    step = Step(1, 1, 0, 1.0, NORMS, NORMS, 0, 1, last=True)

    assert step.finite
    changes: dict[str, object] = {what: value if what == "loss" else {"W": 1.0, "U": value}}
    assert not replace(step, **changes).finite  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prediction", "label", "correct"),
    [
        (2.0, 2.0, 1),
        (2.099, 2.0, 1),
        (1.901, 2.0, 1),
        (2.101, 2.0, 0),
        (1.899, 2.0, 0),
        (200.101, 200.0, 0),
        (0.1, 0.0, 0),  # As in the notebook.
        (np.nan, 2.0, 0),
    ],
)
def test_prediction_is_right_within_a_tenth(prediction: float, label: float, correct: int) -> None:
    """The error must be less than 0.1, in a large batch, too."""
    for many in (1, 100):
        # In float32, 0.1 is more than a tenth.
        predictions = paddle.to_tensor([[prediction], [9.0]] * many, dtype="float64")
        labels = paddle.to_tensor([[label], [1.0]] * many, dtype="float64")

        assert count_correct(predictions, labels) == many * correct


def test_a_step_that_is_recorded_counts() -> None:
    """Even if Ctrl-C comes before it is counted, and it is the first."""
    recorder, one = Recorder(TrainConfig(), {}, ["W"], 1, Position(), None), paddle.ones([1, 1])
    recorder.record(one, one, 1, Measured(1.0, {"W": 1.0}, {"W": 1.0}))
    recorder.trained = 0

    assert recorder.history("interrupted").steps == 1


def test_earlier_steps_are_not_copied_when_a_step_is_recorded() -> None:
    """Long runs would take a time that grows with the square of their length."""
    recorder, one = Recorder(TrainConfig(), {}, ["W"], 1, Position(), None), paddle.ones([1, 1])
    measured = Measured(1.0, {"W": 1.0}, {"W": 1.0})
    for _ in range(1000):
        recorder.record(one, one, 1, measured)
    record = partial(recorder.record, one, one, 1, measured)

    # Measured: 1.2 kB; a copy of the list of steps would have 8 kB.
    assert min(object_bytes(record)[1] for _ in range(5)) < 4000


def test_all_predictions_of_a_long_epoch_count() -> None:
    """Although one of its steps is recorded; if the run records nothing, none is kept."""
    recorder, silent = (
        Recorder(TrainConfig(record=record), {}, ["W"], 5000, Position(), None)
        for record in (10_000, 0)
    )
    predictions = paddle.to_tensor([[1.0], [2.0], [3.0]] * 20)
    both, one = (paddle.to_tensor([[1.0], [0.0], [right]] * 20) for right in (3.0, 0.0))
    measured = {1999: Measured(1.0, {"W": 1.0}, {"W": 1.0})}
    for number, labels in enumerate([both] * 2000 + [one] * 3000):
        step = recorder.record(predictions, labels, 60, measured.get(number))
        assert step is None or (step.correct, step.total) == (80_000, 120_000)
        silent.record(predictions, labels, 60, None)

    assert recorder.history("finished").accuracy.tolist() == [7000 / 15_000]
    assert silent.position() == (1, 5000, 0, 300_000)
