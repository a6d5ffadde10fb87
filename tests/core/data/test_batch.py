"""The notebook's samples, and the checks of any batch."""

import paddle
import pytest

from rnn_core import load_data
from rnn_core.config import DType
from rnn_core.data.batch import check_labels, check_tokens


@pytest.mark.parametrize("num_steps", [2, 3, 10])
@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [1, 1, 1, 1]), (2, [2, 2]), (3, [3, 1]), (4, [4])]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_load_data_yields_the_four_samples_of_the_notebook(
    num_steps: int, batch_size: int, sizes: list[int], dtype: DType
) -> None:
    """Each is two digits and zeros, with the sum of the digits as label."""
    batches = list(load_data(num_steps, batch_size, dtype))

    zeros = [0] * (num_steps - 2)
    assert [len(batch.labels) for batch in batches] == sizes
    tokens, labels = (paddle.concat(list(parts)) for parts in zip(*batches, strict=True))
    assert tokens.tolist() == [[1, 2, *zeros], [2, 4, *zeros], [3, 2, *zeros], [3, 1, *zeros]]
    assert labels.tolist() == [[3.0], [6.0], [5.0], [4.0]]
    assert (tokens.dtype, labels.dtype) == (paddle.int64, getattr(paddle, dtype))


def test_load_data_rejects_wrong_sizes_at_the_call() -> None:
    """The error does not wait until the first batch is made."""
    with pytest.raises(ValueError, match="num_steps must be at least 2, .* got 1"):
        load_data(1)
    with pytest.raises(ValueError, match="batch_size must be at most 4, the number of .* got 5"):
        load_data(batch_size=5)


@pytest.mark.parametrize("token", [-1, -2, 10, 2**40])
def test_check_tokens_rejects_tokens_outside_the_vocabulary(token: int) -> None:
    """A token is at least 0 and less than the vocabulary's size."""
    with pytest.raises(ValueError, match=rf"tokens must lie in \[0, 10\), got {token}"):
        check_tokens(paddle.to_tensor([[0, token]], dtype="int64"), 10)


def test_check_tokens_accepts_the_whole_vocabulary() -> None:
    """Both int32 and int64 are accepted."""
    check_tokens(paddle.to_tensor([[0, 9]], dtype="int64"), 10)
    check_tokens(paddle.to_tensor([[0, 9]], dtype="int32"), 10)


@pytest.mark.parametrize("shape", [[0, 3], [3, 0], [3], [1, 2, 3]])
def test_check_tokens_rejects_other_shapes(shape: list[int]) -> None:
    """Tokens must be `[B, T]`, not empty."""
    with pytest.raises(ValueError, match=r"tokens must be \[B >= 1, T >= 1\], got shape"):
        check_tokens(paddle.zeros(shape, dtype="int64"), 10)


@pytest.mark.parametrize("shape", [[2], [1, 2], [2, 2], [1, 1], [2, 1, 1]])
def test_check_labels_rejects_labels_that_would_broadcast(shape: list[int]) -> None:
    """Labels must have the shape of the predictions."""
    with pytest.raises(ValueError, match=r"shape of the predictions, \[2, 1\], got \["):
        check_labels(paddle.zeros(shape), 2, "float32")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_check_labels_rejects_nan_and_infinity(value: str) -> None:
    """One NaN among the labels would make every weight NaN."""
    with pytest.raises(ValueError, match=f"labels must be finite, got {value}"):
        check_labels(paddle.to_tensor([[1.0], [float(value)]]), 2, "float32")
