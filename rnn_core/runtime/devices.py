"""The available devices, and how to use and wait for one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import paddle
from paddle import Tensor

from rnn_core.config import check_device_name
from rnn_core.runtime.messages import shown


def available_devices() -> list[str]:
    """Names of the devices that Paddle can use here: "cpu", then "gpu:0", "npu:0" etc."""
    device, core = paddle.device, cast("Any", paddle.base.core)
    gpus = device.cuda.device_count() if device.is_compiled_with_cuda() else 0
    xpus = core.get_xpu_device_count() if device.is_compiled_with_xpu() else 0
    found = [f"gpu:{index}" for index in range(gpus)] + [f"xpu:{index}" for index in range(xpus)]
    # The only device of a plugged-in type is listed without its number.
    plugged = device.get_available_custom_device() or ()
    return ["cpu", *found, *(name if ":" in name else f"{name}:0" for name in plugged)]


def resolve_device(name: str) -> str:
    """The full name of an available device: "gpu" becomes "gpu:0".

    If Paddle's launcher has started several processes, "gpu" becomes the GPU of this process. Other
    types of devices, such as "npu", likewise.

    Some versions of Paddle crash when a missing GPU is named, so this checks first.

    Raises:
        ValueError: `name` is not the name of a device, or the device is not available.
    """
    check_device_name(name)
    launched = os.environ.get(f"FLAGS_selected_{name}s", "0")
    full = name if name == "cpu" or ":" in name else f"{name}:{launched}"
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
    """Wait until a device has finished its work; on a CPU, Paddle returns when it has."""
    if name != "cpu":
        paddle.device.synchronize(name)


def device_name(name: str) -> str:
    """Product name of a GPU; type of another device, as not every Paddle knows its product.

    Args:
        name: full name of the device.
    """
    kind, _, number = name.partition(":")
    return str(paddle.device.cuda.get_device_name(int(number))) if kind == "gpu" else kind
