"""Random weights and data for the oracle's tests, and their conversion to Paddle and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
from numpy.random import Generator
from numpy.typing import NDArray

from rnn_core import LSTMState
from rnn_core.config import DType, Execution
from rnn_core.executions import LAYERS
from rnn_core.executions.traced import trace
from rnn_core.parameters import named_gradients, named_weights, set_weights
from tests.reference.network import CELLS, GATES, AnyCell, Array, Arrays, CellName


def draw(generator: Generator, *shape: int, scale: float = 1.0) -> Array:
    """Normal random numbers that float32 holds exactly, so that both precisions start equal."""
    return round_to_float32(generator.normal(0, scale, shape))


def round_to_float32(values: Array) -> Array:
    """The nearest float32 values, as float64."""
    return values.astype(np.float32).astype(np.float64)


def random_cell(generator: Generator, cell: AnyCell, emb_size: int, hidden_size: int) -> Arrays:
    """Parameters of a recurrent layer, all different, so that swapped gates show."""
    if cell in ("RNN", "ReLU"):
        shapes = {"W": (emb_size, hidden_size), "U": (hidden_size, hidden_size)}
        biases = ["b"]
    else:
        gates = GATES if cell == "LSTM" else "rzc"
        shapes = {f"w_{gate}": (emb_size, hidden_size) for gate in gates}
        shapes |= {f"u_{gate}": (hidden_size, hidden_size) for gate in gates}
        biases = [f"b_{gate}" for gate in (GATES if cell == "LSTM" else "rzcs")]
    # Sums over the rows are then about 1, where the activations bend but do not saturate.
    parameters = {
        name: draw(generator, *shape, scale=shape[0] ** -0.5) for name, shape in shapes.items()
    }
    return parameters | {name: draw(generator, 1, hidden_size, scale=0.5) for name in biases}


def random_model(
    generator: Generator, cell: CellName, vocab_size: int, emb_size: int, hidden_size: int
) -> Arrays:
    """Parameters of `NumericPrediction`, by their names in it."""
    recurrent = random_cell(generator, cell, emb_size, hidden_size)
    return {
        **{f"recurrent.{name}": value for name, value in recurrent.items()},
        "embedding.weight": draw(generator, vocab_size, emb_size),
        "linear.weight": draw(generator, hidden_size, 1),
        "linear.bias": draw(generator, 1),
    }


def random_labels(generator: Generator, batch: int) -> Array:
    """Labels `[B, 1]` far from the predictions of `random_model`.

    All gradients are multiples of prediction - label; if that were near zero, they would be only
    rounding.
    """
    return 6 + draw(generator, batch, 1, scale=0.5)


def random_state(generator: Generator, cell: AnyCell, batch: int, hidden_size: int) -> Arrays:
    """Random initial state."""
    return {
        name: draw(generator, batch, hidden_size, scale=0.5) for name in CELLS[cell].state_names
    }


def build_layer(
    cell: CellName, parameters: Arrays, dtype: DType = "float32", execution: Execution = "textbook"
) -> Any:
    """The layer of `rnn_core` with these parameters."""
    layer = LAYERS[execution][cell](*parameters["W" if cell == "RNN" else "w_i"].shape)
    layer.to(dtype=dtype)
    trace(layer, "forward", cell, execution)
    write_parameters(layer, parameters, dtype)
    return layer


def write_parameters(layer: paddle.nn.Layer, values: Mapping[str, Array], dtype: DType) -> None:
    """Set the parameters of a layer, by name; `values` must have all of them and no others."""
    set_weights(layer, {name: value.astype(dtype) for name, value in values.items()})


def read_parameters(layer: paddle.nn.Layer) -> Arrays:
    """Copies of a layer's parameters, by name."""
    return {name: weight.astype(np.float64) for name, weight in named_weights(layer).items()}


def read_gradients(layer: paddle.nn.Layer) -> Arrays:
    """Copies of the gradients of a layer's parameters, by name."""
    return {name: values.astype(np.float64) for name, values in named_gradients(layer).items()}


def to_array(tensor: Any) -> NDArray[np.float64]:
    """A copy of a tensor in float64."""
    return np.array(tensor.numpy(), dtype=np.float64)


def to_arrays(tensors: Mapping[str, Any]) -> Arrays:
    """Copies of tensors in float64, by name."""
    return {name: to_array(tensor) for name, tensor in tensors.items()}


def to_tensor(values: Array, dtype: DType, differentiable: bool = False) -> paddle.Tensor:
    """Paddle tensor with these values."""
    return paddle.to_tensor(values.astype(dtype), stop_gradient=not differentiable)


def to_state(tensors: Mapping[str, paddle.Tensor]) -> Any:
    """A state in the form that the cells of `rnn_core` take."""
    return LSTMState(**tensors) if "cell" in tensors else tensors["hidden"]


def from_state(state: Any) -> dict[str, paddle.Tensor]:
    """The parts of a state of `rnn_core`, by name."""
    # Paddle's tracing may lose the name of the tuple.
    return LSTMState(*state)._asdict() if isinstance(state, tuple) else {"hidden": state}


def go_back(tensors: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
    """Backward from the weighted sum of all entries, whose derivatives are the weights.

    `paddle.autograd.backward` accepts tensors and derivatives directly, but Paddle 2.6.2 raises
    "Unable to find next node" if one of the tensors was computed from another.
    """
    assert sorted(tensors) == sorted(weights)

    products = [
        (tensor * paddle.to_tensor(weights[name].astype(tensor.numpy().dtype))).sum()
        for name, tensor in tensors.items()
    ]
    paddle.add_n(products).backward()
