"""What holds for every test."""

import pytest


@pytest.fixture(autouse=True)
def _start_on_the_cpu() -> None:
    """Begin on the CPU: Paddle for GPUs begins on its first GPU, and a test may have changed it."""
    import paddle  # Not above: the workers' environment is set between that and this.

    paddle.device.set_device("cpu")
