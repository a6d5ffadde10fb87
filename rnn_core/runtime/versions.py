"""The one place that knows where Paddle versions differ."""

import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from paddle import Tensor

# What Paddle warns of at import that is no news here: it could compile extensions faster, and none
# is compiled; there is no GPU, which whoever asks for one is told.
IDLE_WARNINGS = ("No ccache found", "You are using GPU version Paddle, but your CUDA device")

PADDLE_DISTRIBUTIONS = ("paddlepaddle", "paddlepaddle-gpu")


def installed_paddle() -> str | None:
    """Version of the installed Paddle, read without importing it; None where there is none."""
    versions = [
        distribution.version
        for name in PADDLE_DISTRIBUTIONS
        for distribution in metadata.distributions(name=name)
    ]
    return versions[0] if versions else None


def import_paddle() -> None:
    """Import Paddle for the first time, where that can work, and without its idle warnings.

    Raises:
        ImportError: as `check_numpy`; or Paddle is not installed.
    """
    check_numpy()
    with warnings.catch_warnings():
        for message in IDLE_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        try:
            import paddle  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name != "paddle":
                raise
            raise ImportError(
                "Paddle is not installed: pip install paddlepaddle, or paddlepaddle-gpu"
            ) from error


def tensor_of(values: NDArray[Any]) -> "Tensor":
    """A tensor of the same numbers, shape and dtype, on the current device.

    Not by `paddle.to_tensor`, which on Paddle 3.3.1 leaves 113 bytes behind at every call, on 2.6.2
    and 3.0.0 none (November 2026): nothing in a short run, 20 MB in a day of one batch a second.
    """
    import paddle

    tensor: Tensor = paddle.empty(list(values.shape), dtype=getattr(paddle, str(values.dtype)))
    tensor.set_value(values)
    return tensor


def check_numpy() -> None:
    """Refuse Paddle 2 beside NumPy 2.

    Paddle 2.6.2 declares no upper bound for NumPy, but was built for NumPy 1: under NumPy 2 the
    process ends with "free(): invalid pointer", which no `except` can catch.

    Raises:
        ImportError: Paddle 2 and NumPy 2 or newer are installed together.
    """
    paddle, numpy = installed_paddle(), metadata.version("numpy")
    if paddle is not None and _major(paddle) == 2 and _major(numpy) >= 2:
        raise ImportError(
            f"Paddle {paddle} ends the process under NumPy {numpy}: "
            f'install "numpy<2" beside it, or Paddle 3'
        )


def _major(version: str) -> int:
    return int(version.split(".")[0])
