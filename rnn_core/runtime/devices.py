"""Which devices there are, and how to use and wait for one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import paddle
from paddle import Tensor

from rnn_core.config import check_device_name


def available_devices() -> list[str]:
    """Names of the devices of this machine that this Paddle can use: "cpu", then "gpu:0", ..."""
    return ["cpu", *(f"gpu:{index}" for index in range(_gpu_count()))]


def resolve_device(name: str) -> str:
    """The full name of a device that is there: "gpu" becomes "gpu:0".

    Or it becomes the GPU that Paddle's launcher gives this process, one of several.

    Paddle itself ends the process on some versions when a GPU is named where there is none, so
    this looks first.

    Raises:
        ValueError: `name` is no device's name, or that device is not there.
    """
    check_device_name(name)
    # Spelt by Paddle.
    launched = os.environ.get("FLAGS_selected_gpus", "0")  # noqa: SIM112
    full = f"gpu:{launched}" if name == "gpu" else name
    devices = available_devices()
    if full not in devices:
        built = "with" if paddle.device.is_compiled_with_cuda() else "without"
        raise ValueError(
            f"device {name!r} is not available: Paddle {paddle.version.full_version}, "
            f"built {built} CUDA, finds {', '.join(devices)}"
        )
    return full


@contextmanager
def use_device(name: str) -> Iterator[str]:
    """Make `name` Paddle's device inside the `with` block, and the former one after it.

    Raises:
        ValueError: as `resolve_device`.
    """
    full, before = resolve_device(name), paddle.device.get_device()
    paddle.device.set_device(full)
    try:
        yield full
    finally:
        paddle.device.set_device(before)


def device_of(tensor: Tensor) -> str:
    """The full name of the device that holds a tensor."""
    return str(tensor.place).removeprefix("Place(").removesuffix(")")


def synchronize(name: str) -> None:
    """Wait until a GPU has done all it was given; a CPU has, when Paddle returns."""
    if name != "cpu":
        paddle.device.cuda.synchronize(int(name.partition(":")[2] or 0))


def device_name(name: str) -> str:
    """What the maker calls the GPU; "cpu" for the CPU."""
    if name == "cpu":
        return "cpu"
    return str(paddle.device.cuda.get_device_name(int(name.partition(":")[2] or 0)))


def _gpu_count() -> int:
    return int(paddle.device.cuda.device_count()) if paddle.device.is_compiled_with_cuda() else 0
