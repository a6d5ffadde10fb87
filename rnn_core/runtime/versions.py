"""Differences between versions of Paddle."""

import logging
import os
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from paddle import Tensor

# Warnings that do not apply: we compile no extensions, asking for a missing GPU raises, and Paddle
# itself asks for the place of a tensor while it traces.
IDLE_WARNINGS = (
    "No ccache found",
    "You are using GPU version Paddle, but your CUDA device",
    "Tensor do not have 'place' interface",
    "Value do not have 'place' interface",
)

# What Paddle 3 logs while it traces an LSTM with "sot", whose last output is not used.
IDLE_MESSAGE = "input provided by inputs has no use"

PADDLE_DISTRIBUTIONS = ("paddlepaddle", "paddlepaddle-gpu")


def installed_paddle() -> str | None:
    """Version of the installed Paddle, read without importing it; None if none is installed."""
    for name in PADDLE_DISTRIBUTIONS:
        for distribution in metadata.distributions(name=name):
            return distribution.version
    return None


def ignore_idle_warnings() -> None:
    """Ignore warnings of Paddle that do not apply, and what it logs while it compiles a graph.

    Has an effect on the log only before Paddle's import.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")  # Errors.
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


def numpy_for(paddle: str) -> str:
    """The requirement of NumPy that suits a version of Paddle: see `check_numpy`."""
    return "numpy<2" if _major(paddle) == 2 else "numpy"


def refused_tracing(cell: str, execution: str) -> str | None:
    """Why this Paddle cannot trace a model, with the known defect and a way out; None if it can."""
    version = installed_paddle()
    if (cell, execution) != ("LSTM", "sot") or version is None or _major(version) != 2:
        return None
    # It fails where it creates an `LSTMState`.
    return (
        f"execution 'sot' cannot compute an LSTM on Paddle {version}, which has the known defect "
        f"sot-named-tuple: use execution 'static', or Paddle 3"
    )


def prepare_tracing(cell: str, execution: str) -> None:
    """Prepare Paddle for tracing a model.

    Traced with unknown sizes, as "sot" does by default from the second shape on, some models end
    the process (Paddle 3.0.0 to 3.3.1). So every shape is traced with its own sizes.

    Raises:
        RuntimeError: a known defect prevents it.
    """
    if reason := refused_tracing(cell, execution):
        raise RuntimeError(reason)
    os.environ.setdefault("SOT_ALLOW_DYNAMIC_SHAPE", "0")
    logging.getLogger().addFilter(_is_not_idle)
    version = installed_paddle()
    if version is not None and _major(version) == 2:
        import paddle

        # The pass saves memory, and prints a line every time.
        paddle.set_flags({"FLAGS_pir_apply_inplace_pass": False})


def _is_not_idle(record: logging.LogRecord) -> bool:
    return record.msg != IDLE_MESSAGE


def traces_same_bits(cell: str) -> bool:
    """Whether a traced model computes the same bits as the eager one.

    Not the LSTM of Paddle 2.6.2, and not the LSTM with `FLAGS_prim_all=true` and the like, which
    decompose operators. Measured: docs/guides/static-graphs.md.
    """
    version = installed_paddle()
    decomposed = any(
        value.lower() not in ("", "0", "false")
        for name, value in os.environ.items()
        if name.startswith("FLAGS_prim_")
    )
    return cell == "RNN" or not (decomposed or (version is not None and _major(version) == 2))


def _major(version: str) -> int:
    return int(version.split(".")[0])
