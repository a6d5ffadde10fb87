"""Norms of gradients, and their clipping by Paddle's own operators."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from rnn_core.config import Clip, DType

# Takes and gives parameters with their gradients, as Paddle's ClipGradBy* classes do.
GradientClip = Callable[[list[tuple[Tensor, Tensor]]], list[tuple[Tensor, Tensor]]]


def gradient_norms(model: paddle.nn.Layer) -> dict[str, float]:
    """The L2 norm of every parameter's gradient, by the parameter's name, in the model's order.

    Raises:
        RuntimeError: a parameter has no gradient: `backward` has not run or did not reach it.
    """
    norms = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            raise RuntimeError(f"parameter {name!r} has no gradient")
        norms[name] = l2_norm(parameter.grad.numpy())
    return norms


def l2_norm(values: NDArray[np.floating]) -> float:
    """sqrt(sum of squares), in float64 and without overflow.

    float32 would overflow from 1e19 on, where an explosion passes through, and its last digit
    differs between NumPy versions.
    """
    wide = values.astype(np.float64).ravel()
    with np.errstate(over="ignore"):
        # Not np.dot: BLAS spreads it over threads, whose wait on a busy machine is milliseconds.
        squares = float(np.square(wide).sum())
    if 1e-280 < squares < 1e280:
        return math.sqrt(squares)
    # Zero, NaN and infinity come out as they are; what is left is finite and needs scaling.
    largest = float(np.abs(wide).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(wide / largest))


def make_clip(clip: Clip, clip_norm: float | None, dtype: DType = "float32") -> GradientClip | None:
    """Clipping of this kind and threshold; None where nothing is to be clipped.

    It is Paddle's own, but for by-norm in float64, which Paddle's kernel refuses (2.6 to 3.3).
    """
    if clip == "none" or clip_norm is None:
        return None
    if clip == "by-global-norm":
        return paddle.nn.ClipGradByGlobalNorm(clip_norm)
    if dtype == "float64":
        return ClipByNormFloat64(clip_norm)
    return paddle.nn.ClipGradByNorm(clip_norm)


class ClipByNormFloat64:
    """g * c / max(||g||, c), for each parameter's gradient g by itself, with threshold c."""

    def __init__(self, clip_norm: float) -> None:
        self.clip_norm = clip_norm

    @paddle.no_grad()
    def __call__(self, params_grads: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
        """Give each parameter with its gradient clipped."""
        return [
            (parameter, gradient * (self.clip_norm / gradient.norm().clip(min=self.clip_norm)))
            for parameter, gradient in params_grads
        ]


def clip_gradients(clip: GradientClip, parameters: Sequence[Tensor]) -> None:
    """Replace every parameter's gradient by its clipped one.

    The optimizer could clip inside its `step`, as in the notebook: the same bits, but then
    nobody sees what reaches the update.
    """
    for parameter, gradient in clip([(p, p.grad) for p in parameters if p.grad is not None]):
        parameter.grad = gradient
