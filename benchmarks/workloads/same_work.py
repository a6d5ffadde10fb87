"""Check that all implementations do the same work, before any of them is timed.

Clipping by norm acts on each parameter separately. Paddle, PyTorch and JAX hold the LSTM's four
gates in one parameter, `rnn_core` in four: with clipping, their runs differ after the first step.
So two other things are compared:

- the losses of three steps without clipping, where the layout of the parameters does not matter.
  This finds a wrong gradient, a wrong update, and gradients that accumulate;
- the first clipped step of each parameter with the textbook's unclipped gradients, laid out as in
  the implementation and clipped in NumPy. This finds wrong or missing clipping.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads.implementations import make_contender
from benchmarks.workloads.paddle_peer import peer_layout
from benchmarks.workloads.training_step import CLIP_NORM, LEARNING_RATE, Shape
from rnn_core.config import Cell
from rnn_core.gradients import l2_norm

STEPS = 3
# Largest relative differences over both cells and the four shapes, measured on a 2-core x86-64 CPU
# (November 2026): 3.8e-7 for a loss, 7.2e-7 for a gradient. A gate in the wrong place makes a
# difference of more than 0.1.
CPU_TOLERANCE = 1e-5
# PyTorch 2.13 sums the squares of a norm less accurately: with a million numbers the norm, and so
# the clipping factor, was off by 7.2e-5.
TORCH_TOLERANCE = 1e-3
# With this rate, the weights after a step are the gradients to the last digit: the weights before
# it are lost in the rounding. A power of two, so that dividing by it is exact.
HUGE_RATE = 2.0**20


class DifferentWorkError(Exception):
    """An implementation does not do the textbook's work, so its time cannot be compared."""


def check_same_work(
    implementations: Iterable[str], cell: Cell, shape: Shape, tolerance: float = CPU_TOLERANCE
) -> None:
    """Compare each implementation with the textbook, on Paddle's current device.

    Raises:
        DifferentWorkError: an implementation differs; the message names it.
    """
    losses = unclipped_losses("textbook", cell, shape)
    gradients = applied_gradients("textbook", cell, shape, None)
    for implementation in implementations:
        what = f"{implementation}, {cell}, {shape}"
        found = (
            losses
            if implementation == "textbook"
            else unclipped_losses(implementation, cell, shape)
        )
        for number, (theirs, ours) in enumerate(zip(found, losses, strict=True), 1):
            # Not `error > tolerance`, which NaN would pass.
            if not abs(theirs - ours) <= tolerance * abs(ours):
                raise DifferentWorkError(
                    f"{what}: loss {theirs:.9g} before step {number}, textbook {ours:.9g}"
                )
        allowed = max(tolerance, TORCH_TOLERANCE) if implementation == "torch" else tolerance
        applied = applied_gradients(implementation, cell, shape, CLIP_NORM)
        raw = gradients if gradients.keys() == applied.keys() else peer_layout(gradients)
        for name, gradient in applied.items():
            expected = clip(raw[name])
            error = l2_norm(gradient - expected) / l2_norm(expected)
            if not error <= allowed:
                raise DifferentWorkError(
                    f"{what}: clipped gradient of {name} differs by {error:.1e} of its norm"
                )


def unclipped_losses(implementation: str, cell: Cell, shape: Shape) -> list[float]:
    """Return the loss before each of three steps without clipping."""
    contender = make_contender(implementation, cell, shape, LEARNING_RATE, None)
    losses = [contender.loss()]
    while len(losses) < STEPS:
        contender.step()
        losses.append(contender.loss())
    return losses


def applied_gradients(
    implementation: str, cell: Cell, shape: Shape, clip_norm: float | None
) -> dict[str, NDArray[Any]]:
    """Return the gradients that the first step applies, in float64.

    They are the decreases of the parameters, divided by the learning rate.
    """
    contender = make_contender(implementation, cell, shape, HUGE_RATE, clip_norm)
    before = contender.parameters()
    contender.step()
    after = contender.parameters()
    return {
        name: (before[name].astype(np.float64) - after[name].astype(np.float64)) / HUGE_RATE
        for name in before
    }


def clip(gradient: NDArray[Any]) -> NDArray[Any]:
    """Return g * limit / max(||g||, limit)."""
    return gradient * (CLIP_NORM / max(l2_norm(gradient), CLIP_NORM))
