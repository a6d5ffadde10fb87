"""Fixtures for all tests."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _start_on_the_cpu() -> None:
    """Start every test on the CPU; Paddle for GPUs starts on its first GPU."""
    import paddle  # Not at the top: conftest.py sets the workers' environment before this import.

    paddle.device.set_device("cpu")


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
