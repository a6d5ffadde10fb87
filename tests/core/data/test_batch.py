"""The notebook's samples, and the checks of any batch."""

import paddle
import pytest

from rnn_core import load_data
from rnn_core.config import DType
from rnn_core.data.batch import batches_in


def test_error_says_why_data_are_not_batches() -> None:
    """In the words of Python; an error in data that are made shows where it happened."""
    with pytest.raises(TypeError, match=r"^data must hold batches .*: .*'labels'$") as caught:
        next(batches_in([(1,)]))
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("num_steps", [2, 3, 100])
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
