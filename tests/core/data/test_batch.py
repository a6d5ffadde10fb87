"""The notebook's samples, and the checks that any batch passes."""

from typing import Any

import paddle
import pytest

from rnn_core import load_data
from rnn_core.config import DType
from rnn_core.data.batch import check_labels, check_tokens


def test_four_samples_in_the_notebooks_order() -> None:
    """Two digits, eight zeros, and the sum of the digits as the label."""
    batches = list(load_data())

    zeros = [0] * 8
    assert [batch.tokens.tolist() for batch in batches] == [
        [[1, 2, *zeros]],
        [[2, 4, *zeros]],
        [[3, 2, *zeros]],
        [[3, 1, *zeros]],
    ]
    assert [batch.labels.tolist() for batch in batches] == [[[3.0]], [[6.0]], [[5.0]], [[4.0]]]


@pytest.mark.parametrize("num_steps", [2, 3, 50])
def test_padded_to_num_steps(num_steps: int) -> None:
    """A sequence is as long as asked for, and zero past its two digits."""
    for tokens, _ in load_data(num_steps):
        assert list(tokens.shape) == [1, num_steps]
        assert int(tokens[:, 2:].sum()) == 0 if num_steps > 2 else True


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [1, 1, 1, 1]), (2, [2, 2]), (3, [3, 1]), (4, [4])]
)
def test_batches_hold_all_samples(batch_size: int, sizes: list[int]) -> None:
    """Every sample comes once, whatever the size of a batch."""
    batches = list(load_data(batch_size=batch_size))

    assert [len(batch.labels) for batch in batches] == sizes
    assert [label for batch in batches for label in batch.labels.numpy().ravel().tolist()] == [
        3.0,
        6.0,
        5.0,
        4.0,
    ]
    assert [tokens for batch in batches for tokens in batch.tokens.numpy()[:, 0].tolist()] == [
        1,
        2,
        3,
        3,
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: DType) -> None:
    """Tokens are int64, labels of the dtype asked for."""
    tokens, labels = next(load_data(dtype=dtype))

    assert paddle.int64 == tokens.dtype
    assert getattr(paddle, dtype) == labels.dtype


def test_refuses_wrong_sizes_before_the_first_batch() -> None:
    """Wrong sizes are refused by the call itself, not when the first batch is drawn."""
    with pytest.raises(ValueError, match="num_steps must be at least 2, .* got 1"):
        load_data(1)
    with pytest.raises(ValueError, match="batch_size must be at most 4, the number of .* got 5"):
        load_data(batch_size=5)
    with pytest.raises(ValueError, match="^batch_size must be at least 1, got 0"):
        load_data(batch_size=0)
    with pytest.raises(ValueError, match="^dtype must be one of 'float32', 'float64', got 'int64'"):
        load_data(dtype="int64")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^num_steps must be an int, got 10\.0"):
        load_data(10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", [-1, -2, 10, 2**40])
def test_refuses_tokens_outside_the_vocabulary(token: int) -> None:
    """A token is at least 0 and less than the size of the vocabulary."""
    with pytest.raises(ValueError, match=rf"tokens must lie in \[0, 10\), got {token}"):
        check_tokens(paddle.to_tensor([[0, token]], dtype="int64"), 10)


def test_takes_every_token_of_the_vocabulary() -> None:
    """The first and the last token of the vocabulary are tokens, in int32 as in int64."""
    check_tokens(paddle.to_tensor([[0, 9]], dtype="int64"), 10)
    check_tokens(paddle.to_tensor([[0, 9]], dtype="int32"), 10)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_refuses_tokens_that_are_no_integers(dtype: Any) -> None:
    """Float tokens are refused, not truncated."""
    with pytest.raises(TypeError, match=f"tokens must be int32 or int64, got {dtype}"):
        check_tokens(paddle.to_tensor([[0, 1]], dtype=dtype), 10)


@pytest.mark.parametrize("shape", [[0, 3], [3, 0], [3], [1, 2, 3]])
def test_refuses_empty_or_misshapen_tokens(shape: list[int]) -> None:
    """Tokens are a batch of sequences, neither empty."""
    with pytest.raises(ValueError, match=r"tokens must be \[B >= 1, T >= 1\], got shape"):
        check_tokens(paddle.zeros(shape, dtype="int64"), 10)


def test_refuses_tokens_that_are_no_tensor() -> None:
    """A list is refused by name."""
    with pytest.raises(TypeError, match="tokens must be a Paddle tensor, got list"):
        check_tokens([[1, 2]], 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [[2], [1, 2], [2, 2], [1, 1], [2, 1, 1]])
def test_refuses_labels_that_would_broadcast(shape: list[int]) -> None:
    """Labels have the shape of the predictions, or Paddle would broadcast in silence."""
    with pytest.raises(ValueError, match=r"shape of the predictions, \[2, 1\], got \["):
        check_labels(paddle.zeros(shape), 2, "float32")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_refuses_labels_that_are_not_finite(value: str) -> None:
    """One NaN among the labels would make every weight NaN."""
    with pytest.raises(ValueError, match=f"labels must be finite, got {value}"):
        check_labels(paddle.to_tensor([[1.0], [float(value)]]), 2, "float32")


def test_refuses_labels_of_another_dtype() -> None:
    """Labels are of the model's dtype."""
    with pytest.raises(TypeError, match="labels must be float32 like the model, got int64"):
        check_labels(paddle.zeros([1, 1], dtype="int64"), 1, "float32")
    with pytest.raises(TypeError, match="labels must be a Paddle tensor, got float"):
        check_labels(3.0, 1, "float32")  # type: ignore[arg-type]
