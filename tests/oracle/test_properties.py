"""Properties of batches and sequences, tried on examples by hypothesis."""

import numpy as np
import paddle
import paddle.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from rnn_core import NumericPrediction
from rnn_core.config import Execution
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.tolerances import FORWARD, GRADIENT
from tests.helpers.weights import (
    build_layer,
    draw,
    from_state,
    random_cell,
    random_labels,
    random_model,
    read_gradients,
    to_arrays,
    to_tensor,
    write_parameters,
)
from tests.reference.network import Array, Arrays, CellName


@given(st.integers(2, 5), st.integers(1, 8), st.integers(0, 2**32 - 1))
@over_cells
@over_executions
def test_batch_rows_are_independent(
    cell: CellName, execution: Execution, batch: int, steps: int, seed: int
) -> None:
    """Each row gives the same result alone; the batch's gradients are the mean of the rows'."""
    generator = np.random.default_rng(seed)
    model = NumericPrediction(5, 3, 4, cell, execution=execution)
    write_parameters(model, random_model(generator, cell, 5, 3, 4), "float32")
    tokens, labels = generator.integers(0, 5, (batch, steps)), random_labels(generator, batch)

    together, gradients = predictions_and_gradients(model, tokens, labels)
    rows = [
        predictions_and_gradients(model, tokens[k : k + 1], labels[k : k + 1]) for k in range(batch)
    ]

    alone = {name: np.concatenate([row[name] for row, _ in rows]) for name in together}
    assert_close(alone, together, FORWARD["float32"])
    mean = {name: np.mean([g[name] for _, g in rows], axis=0) for name in gradients}
    assert_close(mean, gradients, GRADIENT["float32"])


def predictions_and_gradients(
    model: NumericPrediction, tokens: Array, labels: Array
) -> tuple[Arrays, Arrays]:
    """The predictions and last hidden states `[B, ...]`, and the gradients of the mean loss."""
    model.clear_gradients()
    predictions, hidden = model(paddle.to_tensor(tokens))
    F.mse_loss(predictions, to_tensor(labels, "float32")).backward()
    return to_arrays({"predictions": predictions, "hidden": hidden}), read_gradients(model)


@given(st.integers(1, 3), st.integers(2, 12), st.data())
@over_cells
@over_executions
def test_sequence_may_be_split_anywhere(
    cell: CellName, execution: Execution, batch: int, steps: int, data: st.DataObject
) -> None:
    """With the state carried over, the second part ends in the state of the whole sequence.

    It is equal bit for bit if each step is a separate product; one product for all steps may be
    rounded differently, depending on their number.
    """
    cut = data.draw(st.integers(1, steps - 1))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    layer = build_layer(cell, random_cell(generator, cell, 3, 4), execution=execution)
    x = to_tensor(draw(generator, batch, steps, 3), "float32")

    whole = from_state(layer(x))
    parts = from_state(layer(x[:, cut:], layer(x[:, :cut])))

    assert_close(to_arrays(whole), to_arrays(parts), FORWARD["float32"])
    if execution == "textbook":
        for name, tensor in whole.items():
            np.testing.assert_array_equal(tensor.numpy(), parts[name].numpy())
