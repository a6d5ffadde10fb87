"""Parameters by their names in the equations, whatever layout an execution stores them in."""

from types import MappingProxyType

import numpy as np
import paddle
import pytest

from rnn_core import NumericPrediction, TrainConfig, new_model
from rnn_core.config import Cell, Execution
from rnn_core.parameters import Parameters, named_weights, set_weights
from rnn_core.runtime import operators as op
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.stand_in_gpu import StandIn
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
    """Changing the returned arrays, or those that were set, does not change the model.

    What was set may have any order in memory, and be any mapping in any order. Weights of a frozen
    model keep their names.
    """
    ours = model(cell, execution)
    expected = bits(named_weights(ours))
    for parameter in ours.parameters():
        parameter.stop_gradient = True

    for arranged in (np.array, np.asfortranarray):
        named = reversed(named_weights(ours).items())
        weights = {name: arranged(values) for name, values in named}
        set_weights(ours, MappingProxyType(weights))
        for values in (*weights.values(), *named_weights(ours).values()):
            values += 1

        assert bits(named_weights(ours)) == expected
    assert all(parameter.stop_gradient for parameter in ours.parameters())


def test_replaced_layer_is_found() -> None:
    """Nothing is remembered of the layer before."""
    ours = model("RNN")
    for size in (1, 2):
        ours.linear = paddle.nn.Linear(3, size)
        assert named_weights(ours)["linear.bias"].shape == (size,)


@over_cells
@over_executions
def test_shared_parameter_is_found_once(cell: Cell, execution: Execution) -> None:
    """By its first name, and its update comes once."""
    ours, other = model(cell, execution), paddle.nn.Linear(3, 1)
    names = [*named_weights(ours)]
    ours.other, other.weight = other, ours.linear.weight
    ours.again = ours.recurrent

    assert [*named_weights(ours)] == [*names, "other.bias"]


@pytest.mark.parametrize(
    "change",
    [
        {"more": np.ones(1)},
        {"linear.bias": np.ones((1, 1), np.float32)},
        {"linear.bias": np.ones(1)},
        {"linear.bias": np.ones(1, ">f4")},
    ],
)
@over_executions
def test_refused_arrays_change_no_weight(change: Arrays, execution: Execution) -> None:
    """They are checked before the first weight is set."""
    ours = model("RNN", execution)
    before = named_weights(ours)
    others = {name: values + 1 for name, values in before.items()}

    with pytest.raises(ValueError, match="more|linear.bias"):
        set_weights(ours, others | change)
    assert bits(named_weights(ours)) == bits(before)


def test_weights_are_set_on_the_models_device(
    gpus: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the current device is, which stays."""
    ours = new_model(TrainConfig(emb_size=5, hidden_size=3, device="gpu:1"))
    seen: list[str] = []
    monkeypatch.setattr(paddle.Tensor, "set_value", lambda *_: seen.append(gpus.current))

    set_weights(ours, named_weights(ours))

    assert seen == ["gpu:1"] * 6
    assert gpus.current == "cpu"


def test_parameters_refuses_a_paddle_that_copies_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """With such a version, the update of a packed weight would be lost."""
    ours, rows = model("LSTM", "kernel"), op.rows
    monkeypatch.setattr(op, "rows", lambda *args: rows(*args).clone())

    words = "w_i: this Paddle copies slices instead of making views; set FLAGS_use_stride_kernel=1$"
    with pytest.raises(RuntimeError, match=words):
        Parameters(ours)
