"""Norms do not overflow, and clipping does not change its input."""

import numpy as np
import paddle
import pytest

from rnn_core.config import Clip, DType
from rnn_core.gradients import l2_norm, make_clip, read_norms, read_numbers, squared_norms
from tests.helpers.parametrize import over_clips, over_dtypes
from tests.helpers.stand_in_gpu import StandIn
from tests.helpers.weights import to_tensor


@pytest.mark.parametrize(
    ("dtype", "norms", "rtol"),
    [
        ("float32", [0.0, 1e-25, 1e-19, 1e-13, 1e-3, 1.0, 1e14, 1e16, 1e25, 1e38], 1e-6),
        ("float64", [0.0, 1e-300, 1e-160, 1e-38, 1.0, 1e150, 1e300], 1e-12),
    ],
)
def test_read_norms_handles_extreme_squares(dtype: DType, norms: list[float], rtol: float) -> None:
    """The norm is correct whether or not the dtype can hold its square, or those of its parts."""
    units = np.array([[0.6], [-0.8]]), np.full(1000, 1000**-0.5)
    gradients = [to_tensor(norm * unit, dtype) for norm in norms for unit in units]

    expected = pytest.approx(np.repeat(norms, 2), rel=rtol, abs=0)
    with np.errstate(over="raise", under="raise"):
        assert read_norms(gradients, squared_norms(gradients)) == expected
        assert np.geterr()["over"] == "raise"


def test_norm_of_many_large_numbers_is_computed_in_float64() -> None:
    """Their squares would overflow in float32."""
    values = 1e30 * np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)

    assert l2_norm(values) == l2_norm(values.astype(np.float64))


def test_read_norms_keeps_nan_and_infinity() -> None:
    """Infinity stays infinity, NaN stays NaN, and other norms are not affected."""
    values = ([1.0, -np.inf], [np.nan, 1.0], [np.inf, np.nan], [3.0, 4.0])
    gradients = [to_tensor(np.array(each), "float32") for each in values]

    infinite, nan, both, harmless = read_norms(gradients, squared_norms(gradients))

    assert np.inf == infinite
    assert np.isnan(nan)
    assert np.isnan(both)
    assert pytest.approx(harmless, rel=1e-6) == 5


def test_read_norms_reads_only_gradients_with_squares_out_of_range(reads: list[list[int]]) -> None:
    """All squares are read first."""
    gradients = [to_tensor(np.full(2, value), "float32") for value in (1.0, 1e25, 2.0)]
    squares = squared_norms(gradients)

    read_norms(gradients, squares)

    assert reads == [[1], [1], [1], [2]]


def test_gpu_is_read_once(reads: list[list[int]], gpus: StandIn) -> None:
    """The numbers read from a GPU in one copy are those read from a CPU one by one."""
    numbers = [0.1, -2.0, np.inf]
    tensors = [to_tensor(np.array([number]), "float32") for number in numbers]
    one_by_one = read_numbers(tensors)
    assert reads == [[1], [1], [1]]

    paddle.device.set_device(gpus.devices[0])
    reads.clear()
    at_once = read_numbers(tensors)

    assert reads == [[3]]
    expected = [np.float32(number).item() for number in numbers]
    assert one_by_one == expected
    assert at_once == expected


@over_clips
@over_dtypes
def test_given_squares_do_not_change_clipping(clip: Clip, dtype: DType) -> None:
    """Clipping gives the same bits whether or not squared norms are passed to it."""
    random = np.random.default_rng(0)
    gradients = [to_tensor(random.normal(size=(4, n)), dtype) for n in range(1, 9)]
    clipping = make_clip(clip, 0.5)
    assert clipping is not None

    without, given = clipping(gradients, None), clipping(gradients, squared_norms(gradients))

    for expected, actual in zip(without, given, strict=True):
        assert actual.numpy().tolist() == expected.numpy().tolist()
