"""Counting of correct predictions, positions, and steps that are not finite."""

from dataclasses import replace

import numpy as np
import paddle
import pytest

from rnn_core import TrainConfig
from rnn_core.recorder import Position, Recorder, Step, count_correct
from rnn_core.step import Measured
from tests.helpers.histories import ENVIRONMENT

NORMS = {"W": 1.0}


def recorder(record: int, start: Position = Position()) -> Recorder:  # noqa: B008 - immutable
    """A recorder of a run with two batches per epoch, which starts at the beginning."""
    return Recorder(TrainConfig(record=record), ENVIRONMENT, ["W"], 2, start, None)


def train_steps(recorder: Recorder, errors: list[float]) -> list[Step]:
    """Record steps of one prediction each with these errors; return the recorded ones."""
    steps = []
    for error in errors:
        measured = Measured(error**2, NORMS, NORMS) if recorder.due else None
        predictions, labels = paddle.to_tensor([[error]]), paddle.to_tensor([[0.0]])
        steps.append(recorder.record(predictions, labels, 1, measured))
    return [step for step in steps if step is not None]


def test_recorder_numbers_steps_within_epochs() -> None:
    """Number and epoch start at 1, the index at 0; the counts restart in each epoch."""
    steps = train_steps(recorder(1), [0.0, 1.0, 0.0])

    assert [(s.number, s.epoch, s.index, s.last) for s in steps] == [
        (1, 1, 0, False),
        (2, 1, 1, True),
        (3, 2, 0, False),
    ]
    assert [(s.correct, s.total) for s in steps] == [(1, 1), (1, 2), (1, 1)]


@pytest.mark.parametrize("record", [1, 2, 5])
def test_position_counts_waiting_predictions(record: int) -> None:
    """Predictions of unrecorded steps count before a checkpoint, and only once."""
    run = recorder(record)
    train_steps(run, [1.0, 1.0, 0.0])

    assert run.position() == Position(epoch=2, batch=1, correct=1, total=1)
    assert run.position() == Position(epoch=2, batch=1, correct=1, total=1)
    train_steps(run, [0.0])
    assert run.position() == Position(epoch=2, batch=2, correct=2, total=2)
    assert run.history("finished").accuracy.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("what", ["loss", "raw_norms", "clipped_norms"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_step_is_finite_only_if_loss_and_norms_are(what: str, value: float) -> None:
    """A single NaN or infinity makes the step non-finite."""
    step = Step(1, 1, 0, 1.0, NORMS, NORMS, 0, 1, last=True)

    assert step.finite
    changes: dict[str, object] = {what: value if what == "loss" else {"W": value}}
    assert not replace(step, **changes).finite  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prediction", "label", "correct"),
    [
        (2.0, 2.0, 1),
        (2.099, 2.0, 1),
        (1.901, 2.0, 1),
        (2.101, 2.0, 0),
        (1.899, 2.0, 0),
        (0.1, 0.0, 0),  # As in the notebook.
        (np.nan, 2.0, 0),
    ],
)
def test_prediction_is_right_within_a_tenth(prediction: float, label: float, correct: int) -> None:
    """The error must be less than 0.1."""
    # In float32, 0.1 is more than a tenth.
    predictions = paddle.to_tensor([[prediction], [9.0]], dtype="float64")
    labels = paddle.to_tensor([[label], [1.0]], dtype="float64")

    assert count_correct(predictions, labels) == correct
