"""Devices are checked before they are used."""

from types import SimpleNamespace
from typing import Any

import paddle
import pytest

from rnn_core import TrainConfig, train
from rnn_core.runtime import devices as device
from tests.helpers.stand_in_gpu import StandIn

ELEVEN = " ".join(f"gpu:{number}" for number in range(11))


@pytest.mark.parametrize(
    "names",
    ["gpu:0", ELEVEN, "xpu:0 xpu:1", "npu:0", "npu:0 npu:1", "my_npu:0 my_npu:1"],
)
def test_devices_that_paddle_lists_can_be_used(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A type alone is its first device, or the one that the launcher assigned; results name it."""
    devices = names.split()
    kind = devices[0].partition(":")[0]
    stand_in = StandIn(monkeypatch, *devices)
    environment = train(TrainConfig(epochs=1, hidden_size=4, device=kind)).environment

    assert environment["device"] == f"{kind}:0"
    assert environment["device_name"] == ("Stand-in gpu:0" if kind == "gpu" else kind)
    assert device.device_name(devices[-1]) == (f"Stand-in {devices[-1]}" if kind == "gpu" else kind)
    assert device.available_devices() == ["cpu", *devices]
    tensor: Any = SimpleNamespace(place=f"Place({devices[0]})")
    assert device.device_of(tensor) == devices[0]
    monkeypatch.setenv(f"FLAGS_selected_{kind}s", devices[-1].partition(":")[2])
    assert device.resolve_device(kind) == devices[-1]
    assert device.resolve_device(f"{kind}:0") == f"{kind}:0"
    missing = f"{kind}:{len(devices)}"
    with pytest.raises(ValueError, match=f"'{missing}' is not .* finds cpu, {', '.join(devices)}$"):
        device.resolve_device(missing)
    device.synchronize("cpu")
    device.synchronize(devices[-1])
    assert stand_in.waited == [devices[-1]]


def test_devices_of_all_types_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One type does not hide another."""
    StandIn(monkeypatch, "gpu:0", "xpu:0", "npu:0")

    assert device.available_devices() == ["cpu", "gpu:0", "xpu:0", "npu:0"]


def test_stand_ins_have_the_signatures_of_this_paddle(gpus: StandIn) -> None:
    """They refuse what Paddle would refuse, and to tell the time of unfinished work."""
    functions: Any = paddle.device
    with pytest.raises(TypeError, match="too many positional arguments"):
        functions.synchronize("gpu:0", 1)
    with pytest.raises(TypeError, match="missing a required argument: 'device'"):
        functions.set_device()
    with pytest.raises(AssertionError, match="gpu:2 is not one of"):
        functions.set_device("gpu:2")
    with pytest.raises(AssertionError, match="before the device had finished"):
        gpus.busy = True
        gpus.timer()


@pytest.mark.parametrize(("built", "gpus"), [("with", 0), ("without", 2)])
def test_paddle_without_cuda_or_gpu_has_the_cpu_only(
    built: str, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how Paddle was built; a GPU that a launcher assigned changes nothing."""
    monkeypatch.setenv("FLAGS_selected_gpus", "0")
    monkeypatch.setenv("FLAGS_selected_cpus", "1")
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: built == "with")
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: gpus)

    assert device.available_devices() == ["cpu"]
    assert device.resolve_device("cpu") == "cpu"
    with device.use_device("cpu"):
        assert paddle.device.get_device() == "cpu"
    for name in ("gpu", "cpu:1"):
        with pytest.raises(ValueError, match=f"'{name}' .*, built {built} CUDA, finds cpu$"):
            device.resolve_device(name)


def test_use_device_restores_the_device(gpus: StandIn) -> None:
    """Each block restores the device that it found, even after an error in it."""
    gpus.current = "gpu:1"

    with device.use_device("gpu"):
        with pytest.raises(KeyboardInterrupt), device.use_device("cpu") as name:
            assert (name, gpus.current) == ("cpu", "cpu")
            raise KeyboardInterrupt
        assert gpus.current == "gpu:0"

    with device.use_device("gpu:1"):
        gpus.current = "cpu"
    assert gpus.current == "gpu:1"
