"""Fixtures for all tests."""

import gc
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.helpers.float64_products import COLUMNS, products_crash, skip_where_products_crash
from tests.helpers.stand_in_gpu import StandIn

# The same examples in every run, and no time limit: a failing test keeps failing.
settings.register_profile("tests", derandomize=True, deadline=None, database=None, max_examples=25)
settings.register_profile(
    "fuzz", derandomize=False, deadline=None, database=None, max_examples=2000
)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def _start_on_the_cpu() -> None:
    """Start every test on the CPU; Paddle for GPUs starts on its first GPU."""
    import paddle  # Not at the top: conftest.py sets the workers' environment before this import.

    paddle.device.set_device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _collect_only_what_is_new() -> None:
    """Leave modules and tests out of garbage collections, which take 0.2 seconds with them."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _interrupt_on_ctrl_c() -> None:
    """Make Ctrl-C raise KeyboardInterrupt; programs in the background of a script ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _skip_recurrent_operators_that_crash() -> Iterator[None]:
    """Skip tests that run the recurrent operator where its products of float64 end the process."""
    if not products_crash():
        yield
        return
    import paddle

    from rnn_core.runtime import operators

    run_operator = operators.rnn

    def rnn(inputs: Any, states: Any, weights: Any, *others: Any) -> Any:
        if inputs.dtype == paddle.float64 and max(max(w.shape) for w in weights) >= COLUMNS:
            skip_where_products_crash()
        return run_operator(inputs, states, weights, *others)

    with pytest.MonkeyPatch.context() as patch:
        for module in (paddle._C_ops, operators):
            patch.setattr(module, "rnn", rnn)
        yield


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A Paddle that reports two GPUs, whose work the CPU does."""
    return StandIn(monkeypatch, "gpu:0", "gpu:1")


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
