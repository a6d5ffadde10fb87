"""Clipping, gradient descent and training in NumPy, written from the equations."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tests.reference.network import Array, Arrays, Parameters, model_pass

Clip = Callable[[Parameters], Arrays]


def norm(values: Array) -> float:
    """sqrt(sum of squares), scaled first so that no square overflows."""
    largest = float(np.abs(values).max())
    return largest * float(np.sqrt(np.sum((values / largest) ** 2))) if largest > 0 else 0.0


def no_clip(gradients: Parameters) -> Arrays:
    """The gradients, unchanged."""
    return dict(gradients)


def clip_by_norm(gradients: Parameters, limit: float) -> Arrays:
    """Each gradient whose norm exceeds the limit becomes g * limit / ||g||."""
    return {name: g * (limit / norm(g)) if norm(g) > limit else g for name, g in gradients.items()}


def clip_by_global_norm(gradients: Parameters, limit: float) -> Arrays:
    """All become g * limit / n if n, the norm of all of them as one vector, exceeds the limit.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).
    """
    n = norm(np.array([norm(g) for g in gradients.values()]))
    return {name: g * (limit / n) if n > limit else g for name, g in gradients.items()}


def sgd(p: Parameters, gradients: Parameters, learning_rate: float) -> Arrays:
    """Gradient descent: p - learning_rate * g."""
    return {name: value - learning_rate * gradients[name] for name, value in p.items()}


class TrainingStep(NamedTuple):
    """One step: loss and gradients before the update, clipped gradients, updated parameters."""

    loss: float
    gradients: Arrays
    clipped: Arrays
    updated: Arrays


def train(
    p: Parameters,
    batches: Iterable[tuple[Array, Array]],
    learning_rate: float,
    clip: Clip = no_clip,
) -> Iterator[TrainingStep]:
    """Train on one batch of tokens and labels after another; yield every step."""
    for tokens, labels in batches:
        result = model_pass(p, tokens, labels)
        clipped = clip(result.gradients)
        p = sgd(p, clipped, learning_rate)
        yield TrainingStep(float(result.loss), result.gradients, clipped, dict(p))
