"""The available devices, and how to use and wait for one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import paddle
from paddle import Tensor

from rnn_core.config import check_device_name
from rnn_core.runtime.messages import shown


def available_devices() -> list[str]:
    """Names of the devices that Paddle can use here: "cpu", then "gpu:0", ..."""
    gpus = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    return ["cpu", *(f"gpu:{index}" for index in range(gpus))]


def resolve_device(name: str) -> str:
    """The full name of an available device: "gpu" becomes "gpu:0".

    If Paddle's launcher has started several processes, "gpu" becomes the GPU of this process.

    Some versions of Paddle crash when a missing GPU is named, so this checks first.

    Raises:
        ValueError: `name` is not the name of a device, or the device is not available.
    """
    check_device_name(name)
    # Paddle spells this variable in lower case.
    launched = os.environ.get("FLAGS_selected_gpus", "0")  # noqa: SIM112
    full = f"gpu:{launched}" if name == "gpu" else name
    devices = available_devices()
    if full not in devices:
        built = "with" if paddle.device.is_compiled_with_cuda() else "without"
        raise ValueError(
            f"device {shown(name)} is not available: Paddle {paddle.version.full_version}, "
            f"built {built} CUDA, finds {', '.join(devices)}"
        )
    return full


@contextmanager
def use_device(name: str) -> Iterator[str]:
    """Make `name` Paddle's device inside the `with` block; yield its full name.

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
    """Wait until a GPU has finished its work; on a CPU, Paddle returns when it has."""
    if name != "cpu":
        paddle.device.cuda.synchronize(int(name.partition(":")[2] or 0))


def device_name(name: str) -> str:
    """Product name of a GPU; "cpu" for the CPU."""
    if name == "cpu":
        return "cpu"
    return str(paddle.device.cuda.get_device_name(int(name.partition(":")[2] or 0)))
