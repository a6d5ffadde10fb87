"""Batches, the notebook's four samples, and the checks of any batch."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import Tensor

from rnn_core.config import DTYPES, DType, check_one_of, check_size

# Two digits and their sum, as in the notebook.
SAMPLES = (((1, 2), 3), ((2, 4), 6), ((3, 2), 5), ((3, 1), 4))


class Batch(NamedTuple):
    """The data of one training step.

    Attributes:
        tokens: digits, `[B, T]` int64.
        labels: expected predictions, `[B, 1]` float32 or float64.
    """

    tokens: Tensor
    labels: Tensor


class BatchStream(ABC):
    """Batches that are made when they are needed, for data that do not fit into memory.

    A batch must be the same whenever and in whichever process it is made.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches."""

    @abstractmethod
    def __getitem__(self, index: int) -> Batch:
        """Make batch `index`, from 0. A plain tuple of tokens and labels is accepted too."""

    def __iter__(self) -> Iterator[Batch]:
        """Make all batches in order."""
        return (self[index] for index in range(len(self)))


def load_data(
    num_steps: int = 10, batch_size: int = 1, dtype: DType = "float32"
) -> Iterator[Batch]:
    """Yield the notebook's samples in their order, one batch at a time.

    Each sample is two digits followed by zeros up to `num_steps`; its label is their sum. The
    last batch is smaller if `batch_size` does not divide four.

    Args:
        num_steps: length of every sequence, T, at least 2.
        batch_size: number of samples in a batch, 1 to 4.
        dtype: dtype of the labels.

    Raises:
        TypeError: `num_steps` or `batch_size` is not an int.
        ValueError: `num_steps` or `batch_size` is out of range, or `dtype` is unknown.
    """
    check_size("num_steps", num_steps)
    check_size("batch_size", batch_size)
    check_one_of("dtype", dtype, DTYPES)
    if num_steps < 2:
        raise ValueError(f"num_steps must be at least 2, one per digit, got {num_steps}")
    if batch_size > len(SAMPLES):
        raise ValueError(
            f"batch_size must be at most {len(SAMPLES)}, the number of samples, got {batch_size}"
        )
    return _batches(num_steps, batch_size, dtype)


def _batches(num_steps: int, batch_size: int, dtype: DType) -> Iterator[Batch]:
    for start in range(0, len(SAMPLES), batch_size):
        samples = SAMPLES[start : start + batch_size]
        tokens = [list(digits) + [0] * (num_steps - len(digits)) for digits, _ in samples]
        labels = [[label] for _, label in samples]
        yield Batch(paddle.to_tensor(tokens, dtype="int64"), paddle.to_tensor(labels, dtype=dtype))


def batches_in(data: Iterable[Any]) -> Iterator[Batch]:
    """Each pair of tokens and labels as a batch.

    Raises:
        TypeError: `data` does not hold such pairs.
    """
    try:
        for batch in data:
            yield Batch(*batch)
    except TypeError as error:
        raise TypeError(f"data must hold batches (tokens, labels): {error}") from error


def check_tokens(tokens: Tensor, vocab_size: int) -> None:
    """Raise unless tokens are valid indices of an embedding.

    Paddle itself silently reads token -1 out of bounds, and checks no tokens on a GPU.

    Raises:
        TypeError: `tokens` is not a tensor of integers.
        ValueError: `tokens` is not `[B >= 1, T >= 1]`, or a token is outside `[0, vocab_size)`.
    """
    if not isinstance(tokens, Tensor):
        raise TypeError(f"tokens must be a Paddle tensor, got {type(tokens).__name__}")
    if tokens.dtype not in (paddle.int32, paddle.int64):
        raise TypeError(f"tokens must be int32 or int64, got {dtype_name(tokens)}")
    shape = list(tokens.shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"tokens must be [B >= 1, T >= 1], got shape {shape}")
    values = tokens.numpy()
    low, high = values.min(), values.max()
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        raise ValueError(f"tokens must lie in [0, {vocab_size}), got {wrong}")


def check_labels(labels: Tensor, batch_size: int, dtype: DType) -> None:
    """Raise unless labels are finite and have the shape and dtype of the predictions.

    Labels of another shape would silently broadcast.

    Raises:
        TypeError: `labels` is not a tensor of `dtype`.
        ValueError: `labels` is not `[batch_size, 1]`, or holds NaN or infinity.
    """
    check_tensor("labels", labels, getattr(paddle, dtype))
    if list(labels.shape) != [batch_size, 1]:
        raise ValueError(
            f"labels must have the shape of the predictions, {[batch_size, 1]}, "
            f"got {list(labels.shape)}"
        )
    values = labels.numpy()
    if not np.isfinite(values).all():
        raise ValueError(f"labels must be finite, got {values[~np.isfinite(values)][0]}")


def check_tensor(name: str, value: Any, dtype: Any) -> None:
    """Raise TypeError unless `value` is a tensor, or one of a graph, of the model's dtype."""
    if not paddle.is_tensor(value):
        raise TypeError(f"{name} must be a Paddle tensor, got {type(value).__name__}")
    # Since Paddle 3 there is one object for each dtype; comparing them takes a microsecond.
    if value.dtype is not dtype and value.dtype != dtype:
        raise TypeError(f"{name} must be {_name(dtype)} like the model, got {dtype_name(value)}")


def dtype_name(tensor: Tensor) -> str:
    """Name of the dtype without its module, such as "int64", in every version of Paddle."""
    return _name(tensor.dtype)


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[-1]
