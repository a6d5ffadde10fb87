"""One training step, and how little of it is read."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from rnn_core import NumericPrediction, TrainConfig, gradients, load_data, train
from rnn_core.config import EXECUTIONS, Cell, DType, Execution
from rnn_core.gradients import gradient_norms, make_clip
from rnn_core.step import TrainingStep


def small(
    cell: Cell = "RNN", dtype: DType = "float32", execution: Execution = "textbook"
) -> NumericPrediction:
    """A small model from seed 0."""
    paddle.seed(0)
    return NumericPrediction(10, 8, 4, cell, dtype, execution)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_measures_loss_and_norms(dtype: DType) -> None:
    """What is measured is the loss and the norms of the gradients that the parameters hold."""
    model = small("LSTM", dtype)
    tokens, labels = next(load_data(dtype=dtype))
    step = TrainingStep(model, 0.1)

    predictions, measured = step.gradients(tokens, labels, measure=True)

    assert measured is not None
    loss = F.mse_loss(predictions, labels)
    assert loss.item() == measured.loss
    assert gradient_norms(model) == pytest.approx(measured.raw_norms, rel=1e-6)
    assert measured.raw_norms == measured.clipped_norms
    assert list(gradient_norms(model)) == list(measured.raw_norms) == step.names


def test_measures_norms_before_and_after_clipping() -> None:
    """The parameters hold the clipped gradients; the raw norms are of those before."""
    free, clipped = small(), small()
    tokens, labels = next(load_data())
    TrainingStep(free, 0.1).gradients(tokens, labels, measure=False)

    _, measured = TrainingStep(clipped, 0.1, make_clip("by-norm", 0.5)).gradients(
        tokens, labels, measure=True
    )

    assert measured is not None
    assert gradient_norms(free) == pytest.approx(measured.raw_norms, rel=1e-6)
    assert gradient_norms(clipped) == pytest.approx(measured.clipped_norms, rel=1e-6)
    assert max(measured.raw_norms.values()) > 0.5
    assert max(measured.clipped_norms.values()) == pytest.approx(0.5, rel=1e-5)


def test_the_update_takes_the_gradients() -> None:
    """Parameters move against their gradients, times the learning rate; nothing moves before."""
    model = small()
    step = TrainingStep(model, 0.25)
    before = {name: p.numpy() for name, p in model.named_parameters()}

    step.gradients(*next(load_data()), measure=False)

    for name, parameter in model.named_parameters():
        assert before[name].tolist() == parameter.numpy().tolist(), name
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters()}  # type: ignore[union-attr]
    step.update()
    for name, parameter in model.named_parameters():
        expected = before[name] - np.float32(0.25) * gradients[name]
        np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-6, atol=1e-7)


def test_a_new_step_forgets_the_last_ones_gradients() -> None:
    """Two steps without an update between them have the same gradients, not their sum."""
    step = TrainingStep(small(), 0.1)
    tokens, labels = next(load_data())

    first, second = (step.gradients(tokens, labels, measure=True)[1] for _ in range(2))

    assert first == second


@pytest.fixture
def gpu_reads(reads: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The same, where numbers are read as from a GPU."""
    monkeypatch.setattr(gradients, "read_numbers", gradients.joined)
    return reads


@pytest.mark.parametrize("cell", ["RNN", "LSTM"])
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_measured_step_is_read_twice(
    cell: Cell, execution: Execution, gpu_reads: list[list[int]]
) -> None:
    """The loss, and all norms in one piece, however many parameters there are."""
    model = small(cell, execution=execution)
    tokens, labels = next(load_data())

    TrainingStep(model, 0.1, make_clip("by-norm", 0.5)).gradients(tokens, labels, measure=True)

    assert sorted(gpu_reads) == [[], [2 * len(model.parameters())]]


def test_a_step_that_is_not_measured_is_not_read(reads: list[list[int]]) -> None:
    """Nothing of it goes to the host."""
    step = TrainingStep(small(), 0.1, make_clip("by-global-norm", 0.5))

    _, measured = step.gradients(*next(load_data()), measure=False)
    step.update()

    assert measured is None
    assert reads == []


def test_a_recorded_step_of_a_run_is_read_four_times(gpu_reads: list[list[int]]) -> None:
    """Loss, norms, predictions and labels: a step more costs four reads more."""
    counts = []
    for epochs in (1, 2):
        gpu_reads.clear()
        train(TrainConfig("LSTM", epochs, clip_norm=0.5, emb_size=8, hidden_size=4))
        counts.append(len(gpu_reads))

    steps = 4
    assert 4 * steps == counts[1] - counts[0]
