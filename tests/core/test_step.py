"""One training step, and how many reads from the device it makes."""

from typing import Any

import paddle
import pytest

from rnn_core import NumericPrediction, TrainConfig, load_data, train
from rnn_core.config import Cell, Execution
from rnn_core.gradients import make_clip
from rnn_core.parameters import named_weights
from rnn_core.step import TrainingStep
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.stand_in_gpu import StandIn


def small(cell: Cell = "RNN", execution: Execution = "textbook") -> NumericPrediction:
    """A small model from seed 0."""
    paddle.seed(0)
    return NumericPrediction(10, 8, 4, cell, execution=execution)


@pytest.fixture
def gpu_reads(reads: list[list[int]], gpus: StandIn) -> list[list[int]]:
    """The reads of a test on a GPU."""
    paddle.device.set_device(gpus.devices[0])
    return reads


@over_cells
@over_executions
def test_step_is_read_twice(cell: Cell, execution: Execution, gpu_reads: list[list[int]]) -> None:
    """One read for the loss and one for all norms, however many parameters there are."""
    step = TrainingStep(small(cell, execution=execution), 0.1, make_clip("by-norm", 0.5))
    tokens, labels = next(load_data())
    gpu_reads.clear()

    step.gradients(tokens, labels, measure=True)

    assert sorted(gpu_reads) == [[], [2 * len(step.names)]]


def test_a_recorded_step_of_a_run_is_read_four_times(gpu_reads: list[list[int]]) -> None:
    """Each recorded step reads the loss, norms, predictions and labels."""
    counts = []
    for epochs in (1, 2):
        gpu_reads.clear()
        train(TrainConfig("LSTM", epochs, device="gpu", clip_norm=0.5, emb_size=8, hidden_size=4))
        counts.append(len(gpu_reads))

    steps = 4
    assert counts[1] - counts[0] == 4 * steps


@over_executions
def test_update_reaches_a_model_whose_memory_has_moved(execution: Execution) -> None:
    """`Layer.to` gives the tensors new memory; every weight is trained all the same."""
    model = small("LSTM", execution=execution)
    step = TrainingStep(model, 0.25)
    model.to(dtype="float64")
    model.to(dtype="float32")
    before = named_weights(model)

    step.gradients(*next(load_data()), measure=False)
    step.update()

    for name, after in named_weights(model).items():
        assert (after != before[name]).any(), name


def test_clipped_gradients_are_freed_before_the_next_step() -> None:
    """Their memory would add to its peak."""
    model: Any = small()
    step = TrainingStep(model, 0.25, make_clip("by-norm", 0.5))
    kept: list[int] = []
    model.register_forward_pre_hook(lambda *_: kept.append(len(step.clipped)))

    for _ in range(2):
        step.gradients(*next(load_data()), measure=False)

    assert kept == [0, 0]


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
