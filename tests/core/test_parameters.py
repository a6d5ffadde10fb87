"""Parameters by their names in the equations, whatever layout an execution stores them in."""

import numpy as np
import paddle
import pytest

from rnn_core import NumericPrediction
from rnn_core.config import Cell, Execution
from rnn_core.parameters import Parameters, named_weights, set_weights
from rnn_core.runtime import operators as op
from tests.helpers.parametrize import over_cells, over_executions
from tests.reference.network import Arrays


def model(cell: Cell, execution: Execution = "textbook", seed: int = 0) -> NumericPrediction:
    """A model whose embedding and hidden state differ in size."""
    paddle.seed(seed)
    return NumericPrediction(10, 5, 3, cell, execution=execution)


def bits(weights: Arrays) -> dict[str, bytes]:
    """Weights by name, in a form that compares bit for bit."""
    return {name: values.tobytes() for name, values in weights.items()}


@over_cells
@over_executions
def test_weights_are_copies(cell: Cell, execution: Execution) -> None:
    """Changing the returned arrays does not change the model."""
    ours = model(cell, execution)
    expected = bits(named_weights(ours))

    for values in named_weights(ours).values():
        values += 1

    assert bits(named_weights(ours)) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"recurrent.W": None, "linear.bias": None},
            "weights are missing: recurrent.W, linear.bias",
        ),
        ({"recurrent.V": np.ones(1)}, r"the model has no weights named \['recurrent.V'\]"),
        (
            {"recurrent.W": np.ones((3, 5), np.float32)},
            r"weight 'recurrent.W' must be float32 of shape \[5, 3\], "
            r"got float32 of shape \[3, 5\]",
        ),
        ({"recurrent.b": np.ones((1, 3))}, "must be float32 .* got float64"),
    ],
)
@over_executions
def test_set_weights_refuses_other_arrays(change: Arrays, words: str, execution: Execution) -> None:
    """A missing or unknown name, a wrong shape or dtype is refused, and no weight changes."""
    ours = model("RNN", execution)
    before = named_weights(ours)
    wrong = {**{name: values + 1 for name, values in before.items()}, **change}

    with pytest.raises(ValueError, match=words):
        set_weights(ours, {name: values for name, values in wrong.items() if values is not None})
    assert bits(named_weights(ours)) == bits(before)


def test_parameters_refuses_a_paddle_that_copies_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """With such a version, the update of a packed weight would be lost."""
    ours, rows = model("LSTM", "kernel"), op.rows
    monkeypatch.setattr(op, "rows", lambda *args: rows(*args).clone())

    with pytest.raises(RuntimeError, match=r"w_i: this Paddle copies slices instead of making vi"):
        Parameters(ours)
