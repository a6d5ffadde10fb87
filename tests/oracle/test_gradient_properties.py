"""Properties of clipping and norms, tried on examples by hypothesis."""

import math
from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from paddle.nn import ClipGradByGlobalNorm, ClipGradByNorm

from rnn_core import gradients as ours
from rnn_core.config import Clip, DType
from rnn_core.gradients import l2_norm, make_clip
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_clips, over_dtypes
from tests.helpers.tolerances import CLIPPING
from tests.helpers.weights import to_array, to_tensor
from tests.reference.network import Array, Arrays
from tests.reference.training import clip_by_global_norm, clip_by_norm, norm

numbers = st.floats(-100, 100, width=32, allow_subnormal=False)
gradients = st.lists(
    arrays(np.float64, array_shapes(max_dims=2, max_side=4), elements=numbers),
    min_size=1,
    max_size=3,
)
limits = st.floats(0.125, 8, width=32)
ORACLE = {"by-norm": clip_by_norm, "by-global-norm": clip_by_global_norm}
THEIRS = {ours.clip_by_norm: ClipGradByNorm, ours.clip_by_global_norm: ClipGradByGlobalNorm}


def clipped(clip: Any, values: list[Array], dtype: DType = "float32") -> list[Array]:
    """The gradients after clipping: of the same dtype, and in memory of their own.

    Paddle's class for the optimizer does the same.
    """
    tensors = [to_tensor(value, dtype) for value in values]
    before = [tensor.numpy().tobytes() for tensor in tensors]

    after = clip(tensors, None)

    assert [tensor.numpy().tobytes() for tensor in tensors] == before
    assert not {each.data_ptr() for each in tensors} & {each.data_ptr() for each in after}
    assert {tensor.dtype for tensor in after} == {getattr(paddle, dtype)}
    theirs: Any = THEIRS[clip.func](clip.keywords["limit"])
    if isinstance(theirs, ClipGradByNorm):
        defective = dtype == "float64"  # Its operator has no such kernel.
    else:
        defective = paddle.version.major == "2" and any(np.isnan(each).any() for each in values)
    if not defective:
        pairs = theirs([(tensor, tensor) for tensor in tensors])  # May write into them.
        for mine, (_, other) in zip(after, pairs, strict=True):
            np.testing.assert_allclose(other.numpy(), mine.numpy(), rtol=1e-6, atol=1e-30)
    return [to_array(tensor) for tensor in after]


def numbered(values: list[Array]) -> Arrays:
    """Arrays, named by their position."""
    return {f"gradient {index}": value for index, value in enumerate(values)}


@given(gradients, limits)
@example([np.full(1, 3.0)] * 70, 2)
@example([np.array([3.0, 4.0])], 2.0**70)
@example([np.array([3.0, 4.0])], 2.0**-70)
@example([np.array([3.0, 4.0])], np.float64(1.7))
@over_dtypes
@over_clips
def test_clipping_agrees_with_the_reference(
    clip: Clip, dtype: DType, values: list[Array], limit: float
) -> None:
    """Clipping agrees for any gradients, zeros included, and any limit."""
    expected = ORACLE[clip](numbered(values), limit)

    actual = clipped(make_clip(clip, limit), values, dtype)

    assert_close(expected, numbered(actual), CLIPPING[dtype])


@given(gradients)
@example([np.array([2.0**-140, 1])])  # One number is denormal in float32.
@over_dtypes
@over_clips
def test_clipping_leaves_small_gradients(clip: Clip, dtype: DType, values: list[Array]) -> None:
    """Gradients whose norm is below the limit keep every bit."""
    limit = 1.001 * norm(np.concatenate([value.ravel() for value in values])) + 0.001

    actual = clipped(make_clip(clip, limit), values, dtype)

    for before, after in zip(values, actual, strict=True):
        np.testing.assert_array_equal(before, after)


HUGE, SMALL = np.array([1e20, -1.0]), np.array([3.0, 4.0])
NAN, INF = np.array([np.nan, 1.0]), np.array([np.inf, 1.0])
SMALL_CLIPPED = np.array([0.6, 0.8])


@pytest.mark.parametrize(
    ("clip", "values", "expected"),
    [
        # The square of 1e20 is infinite in float32, and 1 / inf is 0: the whole gradient vanishes.
        ("by-norm", [HUGE, SMALL], [[0, 0], SMALL_CLIPPED]),
        ("by-global-norm", [HUGE, SMALL], [[0, 0], [0, 0]]),
        # The square of 1e18 is finite.
        ("by-norm", [HUGE / 100, SMALL], [[1, 0], SMALL_CLIPPED]),
        ("by-global-norm", [HUGE / 100, SMALL], [[1, 0], [0, 0]]),
        ("by-norm", [np.array([0.0, 1.0]), SMALL], [[0, 1], SMALL_CLIPPED]),
        # inf * 0 is NaN.
        ("by-norm", [INF, SMALL], [[np.nan, 0], SMALL_CLIPPED]),
        ("by-global-norm", [INF, SMALL], [[np.nan, 0], [0, 0]]),
        ("by-norm", [NAN, SMALL], [[np.nan, np.nan], SMALL_CLIPPED]),
        # One NaN makes the global norm NaN, and with it all gradients.
        ("by-global-norm", [NAN, SMALL], [[np.nan, np.nan], [np.nan, np.nan]]),
    ],
)
@pytest.mark.parametrize("size", [2, 67])
@over_dtypes
def test_clipping_out_of_range(
    clip: Clip, values: list[Array], expected: list[list[float]], size: int, dtype: DType
) -> None:
    """Gradients that cannot be squared are clipped as Paddle 2.6.2 to 3.3.1 do it, at any size.

    In float64, the large ones are larger.
    """
    if dtype == "float64":
        values = [np.where(value > 1e15, value * 1e136, value) for value in values]
    # Zeros before the values, which only NaN changes.
    padded = [np.pad(value, (size - 2, 0)) for value in values]

    actual = clipped(make_clip(clip, 1.0), padded, dtype)

    for e, a in zip(expected, actual, strict=True):
        np.testing.assert_allclose(a[-2:], e, rtol=1e-6, atol=1e-15)
        np.testing.assert_array_equal(a[:-2], np.nan if np.isnan(e).all() else 0.0)


@given(
    arrays(np.float64, array_shapes(max_dims=2, max_side=5), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([1e-300, 1e-160, 1e-20, 1.0, 1e19, 1e30, 1e160, 1e300]),
)
def test_l2_norm_is_exact_at_any_scale(values: Array, scale: float) -> None:
    """It is the root of the sum of squares, however large or small the values."""
    expected = scale * math.sqrt(math.fsum((values**2).ravel()))

    scaled = values * scale
    with np.errstate(all="raise"):
        found = l2_norm(scaled)
    # Below 1e-308, numbers have fewer digits.
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-305)
