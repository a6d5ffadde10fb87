"""What holds for every test."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _start_on_the_cpu() -> None:
    """Begin on the CPU: Paddle for GPUs begins on its first GPU, and a test may have changed it."""
    import paddle  # Not above: the workers' environment is set between that and this.

    paddle.device.set_device("cpu")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The shape of every tensor that is read to the host, as they come."""
    import paddle

    shapes: list[list[int]] = []

    def counted(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def count(self: Any) -> Any:
            shapes.append(list(self.shape))
            return read(self)

        return count

    for name in ("numpy", "item"):
        monkeypatch.setattr(paddle.Tensor, name, counted(getattr(paddle.Tensor, name)))
    return shapes
