"""Fixtures for all tests."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.runner import project_environment, run

# On an AMD EPYC with MKL_CBWR=AVX2 or AVX512, MKL ends the process in this product, as in all of
# float64 with at least 4 rows and 12 columns. Without the variable, or with COMPATIBLE, it does not.
COLUMNS = 12
PRODUCT = "import paddle; paddle.ones([4, 4], 'float64') @ paddle.ones([4, 12], 'float64')"


@pytest.fixture(autouse=True)
def _start_on_the_cpu() -> None:
    """Start every test on the CPU; Paddle for GPUs starts on its first GPU."""
    import paddle  # Not at the top: conftest.py sets the workers' environment before this import.

    paddle.device.set_device("cpu")


@pytest.fixture(scope="session", autouse=True)
def _skip_what_mkl_cannot_run() -> Iterator[None]:
    """Skip tests that run the recurrent operator in float64, where MKL_CBWR ends the process."""
    rounding = os.environ.get("MKL_CBWR") or "COMPATIBLE"
    command = [sys.executable, "-c", PRODUCT]
    if rounding == "COMPATIBLE" or run(command, project_environment()).status == 0:
        yield
        return
    import paddle

    from rnn_core.runtime import operators

    run_operator = operators.rnn

    def rnn(inputs: Any, states: Any, weights: Any, *others: Any) -> Any:
        if inputs.dtype == paddle.float64 and weights[0].shape[0] >= COLUMNS:
            pytest.skip(f"MKL_CBWR={rounding}: products of float64 end the process on this CPU")
        return run_operator(inputs, states, weights, *others)

    with pytest.MonkeyPatch.context() as patch:
        for module in (paddle._C_ops, operators):
            patch.setattr(module, "rnn", rnn)
        yield


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Shapes of all tensors that are copied to the host, in order."""
    import paddle

    shapes: list[list[int]] = []

    def counted(read: Callable[..., Any]) -> Callable[..., Any]:
        def count(self: Any, *args: Any) -> Any:
            shapes.append(list(self.shape))
            return read(self, *args)

        return count

    for name in ("numpy", "item"):
        monkeypatch.setattr(paddle.Tensor, name, counted(getattr(paddle.Tensor, name)))
    return shapes
