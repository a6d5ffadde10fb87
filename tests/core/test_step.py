"""One training step, and how many reads from the device it makes."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from rnn_core import NumericPrediction, TrainConfig, gradients, load_data, train
from rnn_core.config import CELLS, EXECUTIONS, Cell, DType, Execution
from rnn_core.gradients import l2_norm, make_clip
from rnn_core.parameters import named_gradients, named_weights
from rnn_core.step import TrainingStep
from tests.helpers.kernel_float64 import skip_where_it_dies


def small(
    cell: Cell = "RNN", dtype: DType = "float32", execution: Execution = "textbook"
) -> NumericPrediction:
    """A small model from seed 0."""
    paddle.seed(0)
    return NumericPrediction(10, 8, 4, cell, dtype, execution)


over_cells = pytest.mark.parametrize("cell", CELLS)
over_executions = pytest.mark.parametrize("execution", EXECUTIONS)


def raw_norms(model: NumericPrediction) -> dict[str, float]:
    """Norms of the gradients that the parameters hold."""
    return {name: l2_norm(gradient) for name, gradient in named_gradients(model).items()}


def clipped_norms(step: TrainingStep) -> dict[str, float]:
    """Norms of the gradients that the next update takes."""
    gradients = step.parameters.arrays(step.clipped)
    return {name: l2_norm(gradient) for name, gradient in gradients.items()}


@over_executions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_measures_loss_and_norms(dtype: DType, execution: Execution) -> None:
    """A measured step returns the loss and the norms of the parameters' gradients."""
    if execution != "textbook":
        skip_where_it_dies("LSTM", dtype)
    model = small("LSTM", dtype, execution)
    tokens, labels = next(load_data(dtype=dtype))
    step = TrainingStep(model, 0.1)

    predictions, measured = step.gradients(tokens, labels, measure=True)

    assert measured is not None
    loss = F.mse_loss(predictions, labels)
    assert measured.loss == loss.item()
    assert measured.raw_norms == pytest.approx(raw_norms(model), rel=1e-6)
    assert measured.clipped_norms == measured.raw_norms
    assert list(measured.raw_norms) == step.names
    assert list(named_gradients(model)) == step.names


@over_cells
@over_executions
def test_clips_every_parameter_by_its_own_norm(cell: Cell, execution: Execution) -> None:
    """Each parameter of the equations is clipped by its own norm, packed or not."""
    model = small(cell, execution=execution)
    step = TrainingStep(model, 0.1, make_clip("by-norm", 0.5))

    _, measured = step.gradients(*next(load_data()), measure=True)

    assert measured is not None
    raw = raw_norms(model)
    assert measured.raw_norms == pytest.approx(raw, rel=1e-6)
    assert max(raw.values()) > 0.5
    expected = {name: min(norm, 0.5) for name, norm in raw.items()}
    assert measured.clipped_norms == pytest.approx(expected, rel=1e-5)
    assert clipped_norms(step) == pytest.approx(expected, rel=1e-5)


@over_cells
@over_executions
def test_update_subtracts_the_clipped_gradients(cell: Cell, execution: Execution) -> None:
    """Every weight moves by the learning rate times its own clipped gradient, and not before."""
    model = small(cell, execution=execution)
    step = TrainingStep(model, 0.25, make_clip("by-norm", 0.5))
    before = named_weights(model)

    step.gradients(*next(load_data()), measure=False)
    untouched, gradients = named_weights(model), named_gradients(model)
    step.update()

    for name, after in named_weights(model).items():
        assert untouched[name].tolist() == before[name].tolist(), name
        gradient = gradients[name] * min(1, 0.5 / l2_norm(gradients[name]))
        expected = before[name] - 0.25 * gradient
        np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_new_step_forgets_the_last_ones_gradients() -> None:
    """Two steps without an update between them have the same gradients: they do not add up."""
    step = TrainingStep(small(), 0.1)
    tokens, labels = next(load_data())

    first, second = (step.gradients(tokens, labels, measure=True)[1] for _ in range(2))

    assert first == second


@pytest.fixture
def gpu_reads(reads: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The reads of a test, with numbers read as from a GPU."""
    monkeypatch.setattr(gradients, "read_numbers", gradients.joined)
    return reads


@over_cells
@over_executions
def test_a_measured_step_is_read_twice(
    cell: Cell, execution: Execution, gpu_reads: list[list[int]]
) -> None:
    """One read for the loss and one for all norms, however many parameters there are."""
    step = TrainingStep(small(cell, execution=execution), 0.1, make_clip("by-norm", 0.5))
    tokens, labels = next(load_data())
    gpu_reads.clear()

    step.gradients(tokens, labels, measure=True)

    assert sorted(gpu_reads) == [[], [2 * len(step.names)]]


def test_a_step_that_is_not_measured_is_not_read(reads: list[list[int]]) -> None:
    """An unmeasured step reads nothing to the host."""
    step = TrainingStep(small(), 0.1, make_clip("by-global-norm", 0.5))

    _, measured = step.gradients(*next(load_data()), measure=False)
    step.update()

    assert measured is None
    assert reads == []


def test_a_recorded_step_of_a_run_is_read_four_times(gpu_reads: list[list[int]]) -> None:
    """Each recorded step reads the loss, norms, predictions and labels."""
    counts = []
    for epochs in (1, 2):
        gpu_reads.clear()
        train(TrainConfig("LSTM", epochs, clip_norm=0.5, emb_size=8, hidden_size=4))
        counts.append(len(gpu_reads))

    steps = 4
    assert counts[1] - counts[0] == 4 * steps
