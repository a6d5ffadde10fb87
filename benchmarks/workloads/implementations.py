"""Implementations of one training step by name, and which of them are installed."""

from importlib.util import find_spec
from typing import Any, Literal, Protocol, cast, get_args

from numpy.typing import NDArray

from benchmarks.workloads.paddle_peer import peer_layout
from benchmarks.workloads.training_step import (
    CLIP_NORM,
    LEARNING_RATE,
    PADDLE_IMPLEMENTATIONS,
    PaddleImplementation,
    Shape,
    draw_batch,
    draw_model,
    make_work,
)
from rnn_core.config import Cell
from rnn_core.parameters import named_weights

Peer = Literal["torch", "jax"]
PEERS: tuple[str, ...] = get_args(Peer)
IMPLEMENTATIONS: tuple[str, ...] = (*PADDLE_IMPLEMENTATIONS, *PEERS)


class Contender(Protocol):
    """A model, a batch, and an implementation of the training step."""

    def step(self) -> object:
        """Run one training step, and wait until it is done."""

    def loss(self) -> float:
        """Return the mean squared error of the current weights."""

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return copies of all parameters, in the layout of `rnn_core` or of its peers."""


def absent(implementation: str) -> str | None:
    """Return why this implementation cannot run here, or None if it can."""
    # A mere folder of this name has a spec without an origin.
    if implementation in PEERS and getattr(find_spec(implementation), "origin", None) is None:
        return f"{implementation} is not installed: pip install {implementation}"
    return None


def make_contender(
    implementation: str,
    cell: Cell,
    shape: Shape,
    learning_rate: float = LEARNING_RATE,
    clip_norm: float | None = CLIP_NORM,
) -> Contender:
    """Return an implementation, with the same weights and batch as every other one.

    With None as `clip_norm`, nothing is clipped.
    """
    if implementation not in PEERS:
        paddle_implementation = cast("PaddleImplementation", implementation)
        return make_work(paddle_implementation, cell, shape, learning_rate, clip_norm)
    weights = peer_layout(named_weights(draw_model(cell, shape.size)))
    # Imported here because both are optional and take seconds to import.
    if implementation == "torch":
        from benchmarks.workloads.torch_peer import TorchContender

        return TorchContender(cell, weights, *draw_batch(shape), learning_rate, clip_norm)
    from benchmarks.workloads.jax_peer import JaxContender

    return JaxContender(cell, weights, *draw_batch(shape), learning_rate, clip_norm)
