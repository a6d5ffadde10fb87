"""The same training step in JAX: one compiled function, with `lax.scan` over time."""

import os
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_core.config import Cell

# Without this, JAX looks for other devices and reports that it found none.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Untyped: JAX is optional, and not installed where types are checked.
jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")

Weights = dict[str, Any]


def mean_squared_error(weights: Weights, tokens: Any, labels: Any, cell: Cell) -> Any:
    """Return the mean squared error of the model, `[]`.

    The model is an embedding, a recurrent layer and a linear map of its last hidden state.
    """
    x = weights["embedding.weight"][tokens].transpose(1, 0, 2)
    # x_t W + b does not depend on the state, so one product computes it for all steps.
    projected = x @ weights["recurrent.weight_ih"].T + weights["recurrent.bias_ih"]
    U = weights["recurrent.weight_hh"].T
    zeros = jnp.zeros((tokens.shape[0], U.shape[0]), x.dtype)

    def rnn(state: tuple[Any], z: Any) -> tuple[tuple[Any], None]:
        (h,) = state
        return (jnp.tanh(z + h @ U),), None

    def lstm(state: tuple[Any, Any], z: Any) -> tuple[tuple[Any, Any], None]:
        h, c = state
        i, f, a, o = jnp.split(z + h @ U, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(a)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    steps = {"RNN": (rnn, (zeros,)), "LSTM": (lstm, (zeros, zeros))}
    step, start = steps[cell]
    (h, *_), _ = jax.lax.scan(step, start, projected)
    predictions = h @ weights["linear.weight"] + weights["linear.bias"]
    return jnp.mean((predictions - labels) ** 2)


def training_step(
    weights: Weights, tokens: Any, labels: Any, learning_rate: Any, clip_norm: Any, cell: Cell
) -> Weights:
    """Return the weights after one step of SGD, with each gradient clipped by its own norm."""

    def update(weight: Any, gradient: Any) -> Any:
        norm = jnp.sqrt(jnp.sum(gradient * gradient))
        return weight - learning_rate * gradient * jnp.minimum(1.0, clip_norm / norm)

    gradients = jax.grad(mean_squared_error)(weights, tokens, labels, cell)
    updated: Weights = jax.tree_util.tree_map(update, weights, gradients)
    return updated


# At module level, so that each cell and shape is compiled once for all contenders.
# The old weights are donated: the new ones reuse their memory.
_step: Any = partial(jax.jit, static_argnames="cell", donate_argnums=0)(training_step)
_loss: Any = partial(jax.jit, static_argnames="cell")(mean_squared_error)


class JaxContender:
    """The compiled step, with its weights and batch on JAX's first CPU."""

    def __init__(
        self,
        cell: Cell,
        weights: Mapping[str, NDArray[Any]],
        tokens: NDArray[np.int64],
        labels: NDArray[np.float32],
        learning_rate: float,
        clip_norm: float | None,
    ) -> None:
        """Start from weights named as in `peer_layout`, `tokens` `[B, T]` and `labels` `[B, 1]`."""
        self.cell = cell
        put = partial(jax.device_put, device=jax.devices("cpu")[0])
        # Copies, because donated arrays must not be shared.
        self.weights: Weights = {name: put(values.copy()) for name, values in weights.items()}
        self.batch = put(tokens.astype(np.int32)), put(labels)
        # With an infinite limit, the same compiled function clips nothing.
        limit = np.inf if clip_norm is None else clip_norm
        self.settings = put(np.float32(learning_rate)), put(np.float32(limit))

    def step(self) -> None:
        """Run one training step, and wait for it."""
        self.weights = _step(self.weights, *self.batch, *self.settings, cell=self.cell)
        jax.block_until_ready(self.weights)

    def loss(self) -> float:
        """Return the mean squared error of the current weights."""
        return float(_loss(self.weights, *self.batch, cell=self.cell))

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return copies of all parameters, named and laid out as in `peer_layout`."""
        return {name: np.array(values) for name, values in self.weights.items()}
