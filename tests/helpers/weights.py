"""Random weights and data for the oracle's tests, and their way into Paddle and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray

from rnn_core import LSTMState
from rnn_core.config import DType
from rnn_core.parameters import named_gradients, named_weights, set_weights
from tests.reference.network import CELLS, GATES, Array, Arrays, CellName


def draw(generator: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Normal numbers that float32 holds exactly, so that both precisions start from the same."""
    return round_to_float32(generator.normal(0, scale, shape))


def round_to_float32(values: Array) -> Array:
    """The nearest float32 values, as float64."""
    return values.astype(np.float32).astype(np.float64)


def random_cell(
    generator: np.random.Generator, cell: CellName, emb_size: int, hidden_size: int
) -> Arrays:
    """Parameters of a recurrent layer, all different: a swapped gate or a lost bias shows."""
    if cell == "RNN":
        shapes = {"W": (emb_size, hidden_size), "U": (hidden_size, hidden_size)}
        biases = ["b"]
    else:
        shapes = {f"w_{gate}": (emb_size, hidden_size) for gate in GATES}
        shapes |= {f"u_{gate}": (hidden_size, hidden_size) for gate in GATES}
        biases = [f"b_{gate}" for gate in GATES]
    # Sums over the rows are then of size 1: inside the bend of the activations, not past it.
    parameters = {
        name: draw(generator, *shape, scale=shape[0] ** -0.5) for name, shape in shapes.items()
    }
    return parameters | {name: draw(generator, 1, hidden_size, scale=0.5) for name in biases}


def random_model(
    generator: np.random.Generator, cell: CellName, vocab_size: int, emb_size: int, hidden_size: int
) -> Arrays:
    """Parameters of `NumericPrediction` by their names there."""
    recurrent = random_cell(generator, cell, emb_size, hidden_size)
    return {
        **{f"recurrent.{name}": value for name, value in recurrent.items()},
        "embedding.weight": draw(generator, vocab_size, emb_size),
        "linear.weight": draw(generator, hidden_size, 1),
        "linear.bias": draw(generator, 1),
    }


def random_labels(generator: np.random.Generator, batch: int) -> Array:
    """Labels `[B, 1]` well above what `random_model` predicts.

    All gradients are multiples of prediction - label; near zero that would be rounding alone.
    """
    return 6 + draw(generator, batch, 1, scale=0.5)


def random_state(
    generator: np.random.Generator, cell: CellName, batch: int, hidden_size: int
) -> Arrays:
    """A state to start from."""
    return {
        name: draw(generator, batch, hidden_size, scale=0.5) for name in CELLS[cell].state_names
    }


def write_parameters(layer: paddle.nn.Layer, values: Mapping[str, Array], dtype: DType) -> None:
    """Give a layer these parameters, by name; all of them and no others."""
    set_weights(layer, {name: value.astype(dtype) for name, value in values.items()})


def read_parameters(layer: paddle.nn.Layer) -> Arrays:
    """A layer's parameters by name, copied."""
    return {name: weight.astype(np.float64) for name, weight in named_weights(layer).items()}


def read_gradients(layer: paddle.nn.Layer) -> Arrays:
    """The gradients of a layer's parameters by name, copied."""
    return {name: values.astype(np.float64) for name, values in named_gradients(layer).items()}


def to_array(tensor: Any) -> NDArray[np.float64]:
    """A copy as float64."""
    return np.array(tensor.numpy(), dtype=np.float64)


def to_tensor(values: Array, dtype: DType, differentiable: bool = False) -> paddle.Tensor:
    """These values on Paddle's side."""
    return paddle.to_tensor(values.astype(dtype), stop_gradient=not differentiable)


def to_state(tensors: Mapping[str, paddle.Tensor]) -> Any:
    """A state as the cells of `rnn_core` take it."""
    return LSTMState(**tensors) if "cell" in tensors else tensors["hidden"]


def from_state(state: Any) -> dict[str, paddle.Tensor]:
    """A state that a cell of `rnn_core` returned, by name."""
    return state._asdict() if isinstance(state, LSTMState) else {"hidden": state}


def go_back(tensors: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
    """Backward from the sum of all entries times their weights, which so are their derivatives.

    `paddle.autograd.backward` would take both as they are, but Paddle 2.6.2 raises "Unable to find
    next node" where one of the tensors was made from another.
    """
    assert sorted(tensors) == sorted(weights)

    products = [
        (tensor * paddle.to_tensor(weights[name].astype(tensor.numpy().dtype))).sum()
        for name, tensor in tensors.items()
    ]
    paddle.add_n(products).backward()
