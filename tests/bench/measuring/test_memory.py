"""Peak of the memory that Paddle allocates."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import paddle
import pytest

from benchmarks.measuring.memory import allocated, allocated_peak
from tests.helpers.threads import in_another_thread


def test_allocated_peak_is_that_of_the_call() -> None:
    """Earlier, higher peaks do not hide it; what is held before the call counts too.

    Paddle counts for each thread what it has allocated; here, one frees what another has allocated.
    """
    empty = partial(paddle.empty, dtype="uint8")
    empty([2**24])
    with ThreadPoolExecutor(1) as thread:
        thread.submit(empty, [2**24]).result()
        least = allocated_peak(lambda: None, "cpu")
        held = empty([2**20])
        peaks = [allocated_peak(partial(empty, [size]), "cpu") for size in (1, 2**21 + 2**19)]
        highest = allocated("cpu", "peak")
        allocated_peak(lambda: None, "cpu")

    assert [peak - least for peak in peaks] == [
        pytest.approx(mebibytes * 2**20, abs=1e4) for mebibytes in (1, 3.5)
    ]
    assert allocated("cpu", "peak") == pytest.approx(highest, abs=1e4)
    assert held.shape == [2**20]


def test_measuring_raises_the_peak_by_little() -> None:
    """Even if another thread allocated what this one freed since the last measurement."""
    allocated_peak(lambda: None, "cpu")
    before = allocated("cpu", "peak")
    for _ in range(12):
        in_another_thread(paddle.empty, [2**16], "uint8")
        allocated_peak(lambda: None, "cpu")

    assert allocated("cpu", "peak") - before < 2**22
