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

# Takes gradients and, where they are at hand, the squares of their norms; gives them clipped.
GradientClip = Callable[[Sequence[Tensor], Sequence[Tensor] | None], list[Tensor]]

# Between these a sum of squares has lost nothing: no square was infinite, and what fell below the
# smallest number is less than the rounding of the sum, for up to 1e7 numbers.
SAFE_SQUARES = {paddle.float32: (1e-24, 1e30), paddle.float64: (1e-280, 1e280)}


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


def squared_norms(gradients: Sequence[Tensor]) -> list[Tensor]:
    """The square of each gradient's L2 norm, `[1]` of its dtype, left on the device."""
    return [op.squared_l2_norm(gradient) for gradient in gradients]


def read_norms(gradients: Sequence[Tensor], squares: Sequence[Tensor]) -> list[float]:
    """Read the norms of gradients whose squared norms are at hand.

    Where squares leave the range of the dtype, as float32's do from norms of 1e19 on, where an
    explosion passes through, the gradient itself is read.
    """
    read = read_numbers(squares)
    low, high = SAFE_SQUARES[squares[0].dtype]
    return [
        math.sqrt(square) if low < square < high else l2_norm(gradient.numpy())
        for gradient, square in zip(gradients, read, strict=True)
    ]


def read_numbers(tensors: Sequence[Tensor]) -> list[float]:
    """Read tensors of one number each, `[1]`, to the host: from a GPU in one piece.

    There each read is a copy to wait for. A CPU reads them where they are, in less than half the
    time that joining them takes (12 numbers: 11 us against 28, Paddle 3.3.1, November 2026).
    """
    if tensors[0].place.is_cpu_place():
        return [tensor.item() for tensor in tensors]  # type: ignore[misc]
    return joined(tensors)


def joined(tensors: Sequence[Tensor]) -> list[float]:
    """What `read_numbers` reads, by one operator and one copy."""
    numbers: list[float] = op.concat(list(tensors), 0).numpy().tolist()
    return numbers


def make_clip(clip: Clip, clip_norm: float | None) -> GradientClip | None:
    """Clipping of this kind and threshold; None where nothing is to be clipped."""
    if clip == "none" or clip_norm is None:
        return None
    clips = {"by-norm": clip_by_norm, "by-global-norm": clip_by_global_norm}
    return partial(clips[clip], limit=clip_norm)


def clip_by_norm(
    gradients: Sequence[Tensor], squares: Sequence[Tensor] | None = None, *, limit: float
) -> list[Tensor]:
    """g * limit / max(||g||, limit), for each gradient g by itself.

    By the operator under Paddle's `ClipGradByNorm`, which takes half the time of a product with a
    norm that is at hand; in float64, which it refuses (Paddle 2.6 to 3.3), by the formula.
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
    """limit / max(norm, limit), `[1]`: 1 up to the limit."""
    bound = paddle.full_like(square, limit)
    # In this order a NaN comes through on Paddle 2.6 too.
    factor: Tensor = bound / op.maximum(bound, square.sqrt())
    return factor
