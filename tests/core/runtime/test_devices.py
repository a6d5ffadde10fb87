"""Devices are looked for before they are used."""

import paddle
import pytest

from rnn_core import TrainConfig, train
from rnn_core.runtime import devices as device

needs_no_gpu = pytest.mark.skipif(
    len(device.available_devices()) > 1, reason="there is a GPU, which this test would find"
)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a Paddle that finds two GPUs."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 2)


def test_the_cpu_is_always_there() -> None:
    """The CPU comes first, and by its own name."""
    assert device.available_devices()[0] == "cpu"
    assert device.resolve_device("cpu") == "cpu"


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_numbered() -> None:
    """GPUs come after the CPU; "gpu" is the first of them."""
    assert device.available_devices() == ["cpu", "gpu:0", "gpu:1"]
    assert device.resolve_device("gpu") == "gpu:0"
    assert device.resolve_device("gpu:1") == "gpu:1"
    with pytest.raises(ValueError, match="'gpu:2' is not available: .* finds cpu, gpu:0, gpu:1"):
        device.resolve_device("gpu:2")


def test_a_cuda_build_without_a_gpu_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paddle's GPU wheel finds no GPU where there is none, and the error says so."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 0)

    with pytest.raises(ValueError, match="built with CUDA, finds cpu$"):
        device.resolve_device("gpu")


def test_a_build_without_cuda_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paddle's CPU wheel is not asked for GPUs, and the error says what it is."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: False)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 2)

    assert device.available_devices() == ["cpu"]
    with pytest.raises(ValueError, match=", built without CUDA, finds cpu$"):
        device.resolve_device("gpu")


@needs_no_gpu
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:7"])
def test_a_gpu_that_is_not_there_is_an_error(name: str) -> None:
    """Training on a GPU where there is none is an error that can be caught."""
    with pytest.raises(ValueError, match=rf"device '{name}' is not available: Paddle .* finds cpu"):
        train(TrainConfig(device=name))


def test_the_former_device_comes_back() -> None:
    """After the block, and after an error in it, Paddle's device is what it was."""
    before = paddle.device.get_device()
    with pytest.raises(RuntimeError), device.use_device("cpu") as name:
        assert "cpu" == name == paddle.device.get_device()
        raise RuntimeError

    assert paddle.device.get_device() == before


def test_a_tensor_knows_its_device() -> None:
    """A tensor's device has the name that devices have here."""
    assert device.device_of(paddle.zeros([1])) == "cpu"


@pytest.mark.usefixtures("two_gpus")
def test_waits_for_the_gpu_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synchronising waits for the GPU of that number, and for none on the CPU."""
    waited: list[int] = []
    monkeypatch.setattr("paddle.device.cuda.synchronize", waited.append)

    device.synchronize("cpu")
    device.synchronize("gpu:1")
    device.synchronize("gpu")

    assert waited == [1, 0]


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_has_its_makers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU's name is Paddle's answer for its number."""
    monkeypatch.setattr("paddle.device.cuda.get_device_name", lambda index: f"GPU number {index}")

    assert device.device_name("gpu:1") == "GPU number 1"
    assert device.device_name("gpu") == "GPU number 0"
    assert device.device_name("cpu") == "cpu"


def test_gpu_is_the_one_that_a_launched_process_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paddle's launcher tells each process its GPU; without it, "gpu" is the first."""
    monkeypatch.setattr(
        "rnn_core.runtime.devices.available_devices", lambda: ["cpu", "gpu:0", "gpu:1"]
    )
    assert device.resolve_device("gpu") == "gpu:0"
    monkeypatch.setenv("FLAGS_selected_gpus", "1")

    assert device.resolve_device("gpu") == "gpu:1"
    assert device.resolve_device("gpu:0") == "gpu:0"
