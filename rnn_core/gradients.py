"""Norms of gradients, and their clipping."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from rnn_core.config import Clip
from rnn_core.runtime import operators as op

# Clips gradients. Takes them and, if they have been computed already, their squared norms.
GradientClip = Callable[[Sequence[Tensor], Sequence[Tensor] | None], list[Tensor]]

# A sum of squares within these limits is accurate: no square overflowed, and for up to 1e7 numbers
# the squares that underflowed are less than the rounding of the sum.
SAFE_SQUARES = {paddle.float32: (1e-24, 1e30), paddle.float64: (1e-280, 1e280)}


def l2_norm(values: NDArray[np.floating]) -> float:
    """sqrt(sum of squares), in float64 and without overflow.

    In float32, the sum of squares overflows for norms above 1.8e19, which an explosion reaches, and
    the last digit differs between NumPy versions.
    """
    wide = values.astype(np.float64).ravel()
    with np.errstate(over="ignore", under="ignore"):
        # Not np.dot: BLAS uses threads for it, and waiting for them can take milliseconds.
        squares = float(np.square(wide).sum())
        if 1e-280 < squares < 1e280:
            return math.sqrt(squares)
        # Return zero, NaN and infinity as they are; scale everything else.
        largest = float(np.abs(wide).max())
        if largest == 0 or not np.isfinite(largest):
            return largest
        return largest * float(np.linalg.norm(wide / largest))


def squared_norms(gradients: Sequence[Tensor]) -> list[Tensor]:
    """The squared L2 norm of each gradient, `[1]` in its dtype, on its device."""
    return [op.squared_l2_norm(gradient) for gradient in gradients]


def read_norms(gradients: Sequence[Tensor], squares: Sequence[Tensor]) -> list[float]:
    """Copy norms to the host, from their squares.

    If a square overflowed or underflowed its dtype, the norm is computed from the gradient itself,
    in float64.

    Args:
        gradients: gradients of any shape.
        squares: squared norms of `gradients`, each `[1]`.
    """
    read = read_numbers(squares)
    low, high = SAFE_SQUARES[squares[0].dtype]
    return [
        math.sqrt(square) if low < square < high else l2_norm(gradient.numpy())
        for gradient, square in zip(gradients, read, strict=True)
    ]


def read_numbers(tensors: Sequence[Tensor]) -> list[float]:
    """Copy tensors of shape `[1]` to the host.

    From a GPU, where each read is a copy to wait for, they are joined and read once. On a CPU,
    reading them one by one takes less than half the time (docs/measurements/performance.md).
    """
    if tensors[0].place.is_cpu_place():
        return [tensor.item() for tensor in tensors]  # type: ignore[misc]
    return joined(tensors)


def joined(tensors: Sequence[Tensor]) -> list[float]:
    """Join tensors of shape `[1]` on their device, and copy them to the host at once."""
    numbers: list[float] = op.concat(list(tensors), 0).numpy().tolist()
    return numbers


def make_clip(clip: Clip, clip_norm: float | None) -> GradientClip | None:
    """The clipping function for these settings, or None for no clipping."""
    if clip == "none" or clip_norm is None:
        return None
    clips = {"by-norm": clip_by_norm, "by-global-norm": clip_by_global_norm}
    return partial(clips[clip], limit=clip_norm)


def clip_by_norm(
    gradients: Sequence[Tensor], squares: Sequence[Tensor] | None = None, *, limit: float
) -> list[Tensor]:
    """g * limit / max(||g||, limit), for each gradient g separately.

    float32 uses the operator of Paddle's `ClipGradByNorm`, which takes half the time of the
    formula. That operator has no float64 kernel in Paddle 2.6 to 3.3.
    """
    if gradients[0].dtype == paddle.float32:
        return [op.clip_by_norm(gradient, limit) for gradient in gradients]
    return [
        gradient * _shrink(square, limit)
        for gradient, square in zip(gradients, squares or squared_norms(gradients), strict=True)
    ]


def clip_by_global_norm(
    gradients: Sequence[Tensor], squares: Sequence[Tensor] | None = None, *, limit: float
) -> list[Tensor]:
    """g * limit / max(n, limit), where n is the norm of all gradients as one vector.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).
    """
    factor = _shrink(paddle.add_n(list(squares or squared_norms(gradients))), limit)
    return [gradient * factor for gradient in gradients]


def _shrink(square: Tensor, limit: float) -> Tensor:
    """limit / max(norm, limit), `[1]`, from the squared norm."""
    bound = paddle.full_like(square, limit)
    # In this order of arguments, NaN propagates on Paddle 2.6 too.
    factor: Tensor = bound / op.maximum(bound, square.sqrt())
    return factor
