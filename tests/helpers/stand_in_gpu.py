"""Stand-in devices: Paddle reports GPUs, or others, whose work the CPU does.

As a plugin, `-p tests.helpers.stand_in_gpu`, it gives them to a whole run of pytest: two GPUs, or
what `STAND_IN_DEVICES` names. A benchmark whose time is read while a device is at work fails.
"""

import inspect
import os
from collections.abc import Callable
from functools import reduce, wraps
from time import perf_counter
from typing import Any

import pytest

# Functions that give a device work. Operators do too, but every benchmark calls one of these.
LAUNCHES = ("Tensor.backward", "nn.Layer.__call__", "nn.Layer.create_parameter", "create_parameter")


class StandIn:
    """Devices that Paddle reports until the end of a patch.

    Args:
        patch: pytest's fixture.
        devices: full names of the devices: GPUs, XPUs or those of one other type.

    Attributes:
        current: full name of Paddle's device.
        waited: names of the devices that were waited for, in order.
        busy: whether a device was given work since then.
    """

    def __init__(self, patch: pytest.MonkeyPatch, *devices: str) -> None:
        import paddle  # Not at the top: as a plugin, this module is imported before conftest.py.

        core: Any = paddle.base.core
        real_place, real_to = paddle.Tensor.place, paddle.Tensor.to
        self.devices, self.current, self.busy = devices, "cpu", False
        self.waited: list[str] = []

        class Place(core.Place):  # type: ignore[misc]
            """The CPU under the name of a device."""

            def __init__(self, name: str) -> None:
                super().__init__()
                self.set_place(core.CPUPlace())
                self.name = name

            def __str__(self) -> str:
                return f"Place({self.name})"

            def is_cpu_place(self) -> bool:
                return False

        def place(tensor: Any) -> Any:
            # Only a parameter remembers where it was made: in Paddle 2.6, no other tensor can.
            name = getattr(tensor, "stand_in", self.current)
            return real_place.__get__(tensor) if name == "cpu" else Place(name)

        def to(tensor: Any, *args: Any, **named: Any) -> Any:
            if args and args[0] in ("cpu", *devices):
                return tensor.clone()
            return real_to(tensor, *args, **named)

        def use(name: str) -> Any:
            self.current = name if name == "cpu" else self.existing(name)
            return core.CPUPlace() if name == "cpu" else Place(name)

        def wait(name: str) -> None:
            self.waited.append(self.existing(name))
            self.busy = False

        def launching(function: Callable[..., Any]) -> Callable[..., Any]:
            def launch(*args: Any, **named: Any) -> Any:
                self.busy |= self.current != "cpu"
                result = function(*args, **named)
                if function.__name__ == "create_parameter":
                    result.stand_in = self.current
                return result

            return launch

        def count(kind: str) -> int:
            return sum(name.startswith(f"{kind}:") for name in devices)

        others = [name for name in devices if not name.startswith(("gpu:", "xpu:"))]
        functions: dict[str, Callable[..., Any]] = {
            "Tensor.to": to,
            "device.cuda.device_count": lambda: count("gpu"),
            "device.cuda.get_device_name": lambda n: f"Stand-in {self.existing(f'gpu:{n}')}",
            # A device without others of its type has no number.
            "device.get_available_custom_device": lambda: (
                others if others[1:] else [name.partition(":")[0] for name in others] or None
            ),
            "device.get_device": lambda: self.current,
            "device.is_compiled_with_cuda": lambda: count("gpu") > 0,
            "device.is_compiled_with_xpu": lambda: count("xpu") > 0,
            "device.set_device": use,
            "device.synchronize": wait,
        }
        for path in (*functions, *LAUNCHES):
            *owners, name = path.split(".")
            owner: Any = reduce(getattr, owners, paddle)
            function = functions.get(path) or launching(getattr(owner, name))
            patch.setattr(owner, name, with_signature_of(getattr(owner, name), function))
        patch.setattr(paddle.Tensor, "place", property(place))
        # These are of C++ and have no signature. Only Paddle for XPUs has the last one.
        for which in ("current", "peak"):
            host = getattr(core, f"host_memory_stat_{which}_value")
            patch.setattr(
                core, f"device_memory_stat_{which}_value", lambda kind, _, host=host: host(kind, 0)
            )
        patch.setattr(core, "get_xpu_device_count", lambda: count("xpu"), raising=False)

    def existing(self, name: str) -> str:
        """Return the name of a device that is there; Paddle might end the process."""
        assert name in self.devices, f"{name} is not one of {self.devices}"
        return name

    def pytest_runtest_setup(self) -> None:
        """Begin a test on idle devices: the test before has ended with a read."""
        self.busy = False

    def timer(self) -> float:
        """Return the time, for pytest-benchmark, which needs it before and after a timed call."""
        assert not self.busy, "the time was read before the device had finished"
        return perf_counter()


def with_signature_of(real: Callable[..., Any], function: Callable[..., Any]) -> Any:
    """Return a function that refuses arguments as the function of this Paddle would."""
    signature = inspect.signature(real)

    @wraps(real)
    def call(*args: Any, **named: Any) -> Any:
        bound = signature.bind(*args, **named)
        return function(*bound.args, **bound.kwargs)

    return call


timer: Callable[[], float] = perf_counter


def pytest_configure(config: pytest.Config) -> None:
    """Replace Paddle's functions, and pytest-benchmark's timer, until the process ends.

    conftest.py comes before, and has set the environment; pytest-benchmark comes later.
    """
    global timer
    from rnn_core.runtime.versions import import_paddle

    import_paddle()
    devices = os.environ.get("STAND_IN_DEVICES", "gpu:0 gpu:1").split()
    stand_in = StandIn(pytest.MonkeyPatch(), *devices)
    config.pluginmanager.register(stand_in)
    timer = stand_in.timer
    config.option.benchmark_timer = f"{__name__}.timer"
