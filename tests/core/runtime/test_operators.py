"""Paddle's private operators compute what `rnn_core` uses them for."""

import numpy as np
import paddle
import pytest

from rnn_core.config import DTYPES, DType
from rnn_core.runtime import operators as op
from tests.helpers.weights import to_tensor

over_dtypes = pytest.mark.parametrize("dtype", DTYPES)


@over_dtypes
def test_sgd_subtracts_rate_times_gradient(dtype: DType) -> None:
    """The parameter is changed in place: 3 - 0.5 * 4 = 1."""
    parameter, gradient = to_tensor(np.array([3.0]), dtype), to_tensor(np.array([4.0]), dtype)

    op.sgd_(parameter, to_tensor(np.array(0.5), dtype), gradient, None, False)

    assert parameter.tolist() == [1.0]


@over_dtypes
def test_squared_l2_norm_is_a_tensor_of_one_number(dtype: DType) -> None:
    """3^2 + 4^2 = 25."""
    assert op.squared_l2_norm(to_tensor(np.array([[3.0], [4.0]]), dtype)).tolist() == [25.0]


def test_clip_by_norm_scales_only_vectors_above_the_limit() -> None:
    """A vector above the limit is scaled down to it; any other is unchanged."""
    vector = paddle.to_tensor([3.0, 4.0])

    assert op.clip_by_norm(vector, 1.0).tolist() == pytest.approx([0.6, 0.8])
    assert op.clip_by_norm(vector, 6.0).tolist() == [3.0, 4.0]


def test_concat_joins_along_an_axis() -> None:
    """Here it is the second of two axes."""
    halves = [paddle.to_tensor([[1.0], [2.0]]), paddle.to_tensor([[3.0], [4.0]])]

    assert op.concat(halves, 1).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_rows_are_a_view() -> None:
    """They share the tensor's memory and are contiguous."""
    whole = paddle.arange(12).reshape([4, 3])

    view = op.rows(whole, 1, 3)
    assert view.tolist() == [[3, 4, 5], [6, 7, 8]]
    assert view.is_contiguous()

    whole[2, 0] = 60
    assert view.tolist() == [[3, 4, 5], [60, 7, 8]]


def test_reshape_transpose_and_maximum_agree_with_numpy() -> None:
    """The numbers are the same, in the same order."""
    whole = paddle.arange(-6, 6).reshape([2, 6])

    assert op.reshape(whole, [3, 4]).tolist() == whole.numpy().reshape(3, 4).tolist()
    assert op.transpose(whole, [1, 0]).tolist() == whole.numpy().T.tolist()
    assert op.maximum(whole, -whole).tolist() == np.abs(whole.numpy()).tolist()


@over_dtypes
def test_zeros_have_the_given_shape_and_dtype(dtype: DType) -> None:
    """Here the shape is [2, 3]."""
    zeros = op.zeros([2, 3], getattr(paddle, dtype))

    assert zeros.dtype == getattr(paddle, dtype)
    assert zeros.tolist() == [[0.0] * 3] * 2
