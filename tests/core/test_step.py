"""One training step, and how many reads from the device it makes."""

import gc
from dataclasses import replace
from typing import Any

import paddle
import pytest

from rnn_core import NumericPrediction, TrainConfig, load_data, train
from rnn_core.config import CLIPS, Cell, Clip, Execution
from rnn_core.gradients import make_clip
from rnn_core.parameters import named_weights
from rnn_core.step import TrainingStep
from tests.helpers.memory import tensor_bytes
from tests.helpers.parametrize import over_cells, over_executions


def small(cell: Cell = "RNN", execution: Execution = "textbook") -> NumericPrediction:
    """A small model from seed 0."""
    paddle.seed(0)
    return NumericPrediction(10, 8, 4, cell, execution=execution)


@pytest.mark.usefixtures("gpus")
@over_cells
@over_executions
def test_a_recorded_step_is_read_four_times(
    cell: Cell, execution: Execution, reads: list[list[int]]
) -> None:
    """It reads the loss, all norms at once, predictions and labels."""
    config = TrainConfig(cell, 1, device="gpu", clip_norm=0.5, emb_size=8, hidden_size=4)
    counts = []
    for epochs in (1, 2):
        reads.clear()
        train(replace(config, epochs=epochs, execution=execution))
        counts.append(len(reads))

    steps = 4
    assert counts[1] - counts[0] == 4 * steps


@over_cells
@over_executions
def test_update_reaches_a_model_whose_memory_has_moved(cell: Cell, execution: Execution) -> None:
    """`Layer.to` gives the tensors new memory; every weight is trained all the same."""
    model, (tokens, labels) = small(cell, execution=execution), next(load_data())
    step = TrainingStep(model, 0.25)
    for _ in range(2):
        model.to(dtype="float64")
        model(tokens)
        model.to(dtype="float32")
        before = named_weights(model)

        step.gradients(tokens, labels, measure=False)
        step.update()

        for name, after in named_weights(model).items():
            assert (after != before[name]).any(), name


@pytest.mark.parametrize("clip", CLIPS)
@over_cells
@over_executions
def test_memory_of_a_step_is_free_before_the_next(
    cell: Cell, execution: Execution, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients, clipped ones, and what the backward pass needs would add to its peak.

    The latter is free before the gradients are clipped.
    """
    model: Any = small(cell, execution=execution)
    step, batch = TrainingStep(model, 0.25, make_clip(clip, 0.5)), next(load_data())
    before: list[int] = []
    after: list[int] = []
    model.register_forward_pre_hook(lambda *_: before.append(tensor_bytes()))
    clip_gradients = TrainingStep.clip_gradients

    def watched(step: TrainingStep, measure: bool) -> Any:
        after.append(tensor_bytes())
        return clip_gradients(step, measure)

    monkeypatch.setattr(TrainingStep, "clip_gradients", watched)
    gc.collect()
    for _ in range(2):
        step.gradients(*batch, measure=True)
    step.clipped = []

    assert before[0] == before[1]
    assert after[1] - tensor_bytes() < 100  # The predictions, states and loss.


@over_executions
def test_norms_are_those_of_the_clipped_gradients(execution: Execution) -> None:
    """Even where the square of a norm underflows, and the norm is computed otherwise."""
    for limit in (1e-3, 1e-15, 1e-30):
        step = TrainingStep(small(execution=execution), 0.25, make_clip("by-norm", limit))
        _, measured = step.gradients(*next(load_data()), measure=True)

        assert measured is not None
        assert [*measured.clipped_norms.values()] == pytest.approx([limit] * 6, rel=1e-6)


def test_clipping_again_replaces_the_gradients_for_the_update() -> None:
    """The update subtracts them once, and nothing is kept of the first time."""
    model = small()
    step = TrainingStep(model, 0.25, make_clip("by-norm", 0.5))
    step.gradients(*next(load_data()), measure=False)
    expected = [
        (w - 0.25 * g).tolist() for w, g in zip(model.parameters(), step.clipped, strict=True)
    ]

    norms = step.clip_gradients(measure=True)
    step.update()

    assert norms is not None
    assert [w.tolist() for w in model.parameters()] == expected
