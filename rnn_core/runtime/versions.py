"""Differences between versions of Paddle."""

import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from paddle import Tensor

# Import warnings that do not apply: we compile no extensions, and asking for a missing GPU raises.
IDLE_WARNINGS = ("No ccache found", "You are using GPU version Paddle, but your CUDA device")

PADDLE_DISTRIBUTIONS = ("paddlepaddle", "paddlepaddle-gpu")


def installed_paddle() -> str | None:
    """Version of the installed Paddle, read without importing it; None if none is installed."""
    for name in PADDLE_DISTRIBUTIONS:
        for distribution in metadata.distributions(name=name):
            return distribution.version
    return None


def ignore_idle_warnings() -> None:
    """Ignore warnings of Paddle's import that do not apply."""
    for message in IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=message, category=UserWarning)


def import_paddle() -> None:
    """Import Paddle without warnings that do not apply.

    Raises:
        ImportError: as `check_numpy`; or Paddle is not installed.
    """
    check_numpy()
    with warnings.catch_warnings():
        ignore_idle_warnings()
        try:
            import paddle  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name != "paddle":
                raise
            raise ImportError(
                "Paddle is not installed: pip install paddlepaddle, or paddlepaddle-gpu"
            ) from error


def tensor_of(values: "NDArray[Any]") -> "Tensor":
    """A tensor of the same values, shape and dtype, on the current device.

    `paddle.to_tensor` leaks memory at every call since Paddle 3.2 (docs/measurements/long-runs.md).
    """
    import paddle

    tensor: Tensor = paddle.empty(list(values.shape), dtype=getattr(paddle, str(values.dtype)))
    tensor.set_value(values)
    return tensor


def check_numpy() -> None:
    """Raise ImportError if Paddle 2 would be used with NumPy 2.

    Paddle 2.6.2 declares no upper bound for NumPy, but was built for NumPy 1. With NumPy 2, a
    process once ended with "free(): invalid pointer", which could not be repeated.

    Raises:
        ImportError: Paddle 2 and NumPy 2 or newer are installed together.
    """
    paddle, numpy = installed_paddle(), metadata.version("numpy")
    if paddle is not None and _major(paddle) == 2 and _major(numpy) >= 2:
        raise ImportError(
            f'Paddle {paddle} was built for NumPy 1, got {numpy}: install "numpy<2" or Paddle 3'
        )


def _major(version: str) -> int:
    return int(version.split(".")[0])
