"""One pass through the whole model agrees with the reference and with finite differences."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from rnn_core import NumericPrediction
from rnn_core.config import DType, Execution
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells, over_dtypes, over_executions
from tests.helpers.tolerances import FORWARD, GRADIENT
from tests.helpers.weights import (
    random_labels,
    random_model,
    read_gradients,
    to_arrays,
    to_tensor,
    write_parameters,
)
from tests.reference.network import Array, Arrays, CellName, Shape, model_pass

SHAPES = [(1, 2, 3, 5), (4, 10, 5, 3), (3, 50, 4, 4)]  # B, T, E, H
VOCAB = 7


def random_batch(generator: np.random.Generator, batch: int, steps: int) -> tuple[Array, Array]:
    """Tokens, many of them repeated, and labels."""
    return generator.integers(0, VOCAB, (batch, steps)), random_labels(generator, batch)


def build(
    cell: CellName, parameters: Arrays, dtype: DType, execution: Execution
) -> NumericPrediction:
    """The model of `rnn_core` with these parameters."""
    emb_size = parameters["embedding.weight"].shape[1]
    hidden_size = len(parameters["linear.weight"])
    model = NumericPrediction(VOCAB, emb_size, hidden_size, cell, dtype, execution)
    write_parameters(model, parameters, dtype)
    return model


@pytest.mark.parametrize("shape", SHAPES, ids="B{0[0]}-T{0[1]}-E{0[2]}-H{0[3]}".format)
@over_cells
@over_dtypes
@over_executions
def test_pass_agrees_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution, shape: Shape
) -> None:
    """Hidden state, predictions, loss and every gradient agree with the reference."""
    B, T, E, H = shape
    generator = np.random.default_rng(4)
    parameters = random_model(generator, cell, VOCAB, E, H)
    tokens, labels = random_batch(generator, B, T)
    expected = model_pass(parameters, tokens, labels)

    model = build(cell, parameters, dtype, execution)
    predictions, hidden = model(paddle.to_tensor(tokens))
    loss = F.mse_loss(predictions, to_tensor(labels, dtype)).reshape([])
    loss.backward()

    assert_close(
        {"hidden": expected.hidden, "predictions": expected.predictions, "loss": expected.loss},
        to_arrays({"hidden": hidden, "predictions": predictions, "loss": loss}),
        FORWARD[dtype],
    )
    assert_close(expected.gradients, read_gradients(model), GRADIENT[dtype], where="gradient")


@over_cells
@over_executions
def test_gradients_of_two_passes_add_up(cell: CellName, execution: Execution) -> None:
    """Two backward passes without clearing between them leave the sum of both gradients."""
    generator = np.random.default_rng(6)
    parameters = random_model(generator, cell, VOCAB, emb_size=3, hidden_size=4)
    model = build(cell, parameters, "float64", execution)
    expected = {name: np.zeros_like(values) for name, values in parameters.items()}
    for steps in (3, 5):
        tokens, labels = random_batch(generator, 2, steps)
        for name, gradient in model_pass(parameters, tokens, labels).gradients.items():
            expected[name] += gradient
        predictions, _ = model(paddle.to_tensor(tokens))
        F.mse_loss(predictions, to_tensor(labels, "float64")).backward()

    assert_close(expected, read_gradients(model), GRADIENT["float64"], where="gradient")
