"""Paddle's private operators mean what they are used for."""

import numpy as np
import paddle
import pytest

from rnn_core.config import DTYPES, DType
from rnn_core.runtime import operators as op
from tests.helpers.weights import to_tensor

over_dtypes = pytest.mark.parametrize("dtype", DTYPES)


@over_dtypes
def test_in_place_operators_are_those_out_of_place(dtype: DType) -> None:
    """The underscored operators write their function into the tensor and return it."""
    values = np.linspace(-3, 3, 7)
    for in_place, function in (
        (op.tanh_, paddle.tanh),
        (op.sigmoid_, paddle.nn.functional.sigmoid),
    ):
        tensor = to_tensor(values, dtype)
        expected = function(to_tensor(values, dtype)).tolist()

        assert expected == in_place(tensor).tolist() == tensor.tolist()


@over_dtypes
def test_sgd_subtracts_rate_times_gradient(dtype: DType) -> None:
    """The parameter is changed in place: 3 - 0.5 * 4 = 1."""
    parameter, gradient = to_tensor(np.array([3.0]), dtype), to_tensor(np.array([4.0]), dtype)

    op.sgd_(parameter, to_tensor(np.array(0.5), dtype), gradient, None, False)

    assert parameter.tolist() == [1.0]


@over_dtypes
def test_squared_l2_norm(dtype: DType) -> None:
    """3^2 + 4^2 = 25, as a tensor of one number."""
    assert op.squared_l2_norm(to_tensor(np.array([[3.0], [4.0]]), dtype)).tolist() == [25.0]


def test_clip_by_norm() -> None:
    """A vector past the limit is shortened to it, another stays."""
    vector = paddle.to_tensor([3.0, 4.0])

    assert pytest.approx(op.clip_by_norm(vector, 1.0).tolist()) == [0.6, 0.8]
    assert op.clip_by_norm(vector, 6.0).tolist() == [3.0, 4.0]


def test_matmul_transposes_what_it_is_told() -> None:
    """The flags are for the left and for the right factor, in this order."""
    a, b = np.arange(6.0).reshape(2, 3), np.arange(6.0, 12).reshape(2, 3)
    left, right = paddle.to_tensor(a), paddle.to_tensor(b)

    assert (a.T @ b).tolist() == op.matmul(left, right, True, False).tolist()
    assert (a @ b.T).tolist() == op.matmul(left, right, False, True).tolist()


def test_pieces_and_wholes() -> None:
    """Split and concat are along one axis; unbind and stack take it away and bring it."""
    whole = paddle.arange(12).reshape([2, 6])
    halves = op.split(whole, 2, 1)

    assert [h.tolist() for h in halves] == [[[0, 1, 2], [6, 7, 8]], [[3, 4, 5], [9, 10, 11]]]
    assert whole.tolist() == op.concat(list(halves), 1).tolist()
    assert whole.tolist() == op.stack(op.unbind(whole, 0), 0).tolist()
    assert whole.numpy().T.tolist() == op.transpose(whole, [1, 0]).tolist()
    assert whole.tolist() == op.maximum(whole, paddle.zeros_like(whole)).tolist()
