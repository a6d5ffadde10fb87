"""Peak of the memory that Paddle allocates."""

import gc
from collections.abc import Iterator
from functools import partial

import paddle
import pytest

from benchmarks.measuring.memory import allocated_peak


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    """Tensors that earlier tests have left, freed between two peaks, would lower the second."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collection")
def test_allocated_peak_is_that_of_the_call() -> None:
    """An earlier, higher peak does not hide it; what is held before the call counts too."""
    empty = partial(paddle.empty, dtype="uint8")
    empty([2**24])
    least = allocated_peak(lambda: None, "cpu")
    held = empty([2**20])
    peaks = [allocated_peak(partial(empty, [size]), "cpu") for size in (1, 2**21)]

    assert [peak - least for peak in peaks] == [
        pytest.approx(mebibytes * 2**20, abs=1e4) for mebibytes in (1, 3)
    ]
    assert held.shape == [2**20]
