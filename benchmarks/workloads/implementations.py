"""Every implementation of one training step, by its name, and whether it can be had here."""

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
    """A model, a batch and one way to train on it."""

    def step(self) -> object:
        """One whole training step, which is done when this returns."""

    def loss(self) -> float:
        """Mean squared error of the weights as they are."""

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Values of all parameters, in the layout of `rnn_core` or in that of its peers."""


def absent(implementation: str) -> str | None:
    """Why this implementation cannot run here; None where it can."""
    if implementation in PEERS and find_spec(implementation) is None:
        return f"{implementation} is not installed: pip install {implementation}"
    return None


def make_contender(
    implementation: str,
    cell: Cell,
    shape: Shape,
    learning_rate: float = LEARNING_RATE,
    clip_norm: float | None = CLIP_NORM,
) -> Contender:
    """The same weights and the same batch, whatever the implementation; None clips nothing."""
    if implementation not in PEERS:
        paddle_implementation = cast("PaddleImplementation", implementation)
        return make_work(paddle_implementation, cell, shape, learning_rate, clip_norm)
    weights = peer_layout(named_weights(draw_model(cell, shape.size)))
    # Here, not above: both are optional, and take seconds to import.
    if implementation == "torch":
        from benchmarks.workloads.torch_peer import TorchContender

        return TorchContender(cell, weights, *draw_batch(shape), learning_rate, clip_norm)
    from benchmarks.workloads.jax_peer import JaxContender

    return JaxContender(cell, weights, *draw_batch(shape), learning_rate, clip_norm)
