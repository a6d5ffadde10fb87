"""Devices are checked before they are used."""

import paddle
import pytest

from rnn_core import TrainConfig, train
from rnn_core.runtime import devices as device

needs_no_gpu = pytest.mark.skipif(
    len(device.available_devices()) > 1, reason="this machine has a GPU"
)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Paddle that finds two GPUs."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 2)


def test_cpu_is_always_available() -> None:
    """It is the first of the devices."""
    assert device.available_devices()[0] == "cpu"
    assert device.resolve_device("cpu") == "cpu"


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_numbered() -> None:
    """GPUs follow the CPU; "gpu" is the first of them."""
    assert device.available_devices() == ["cpu", "gpu:0", "gpu:1"]
    assert device.resolve_device("gpu") == "gpu:0"
    assert device.resolve_device("gpu:1") == "gpu:1"
    with pytest.raises(ValueError, match="'gpu:2' is not available: .* finds cpu, gpu:0, gpu:1"):
        device.resolve_device("gpu:2")


def test_cuda_build_without_a_gpu_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that Paddle was built with CUDA."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 0)

    with pytest.raises(ValueError, match="built with CUDA, finds cpu$"):
        device.resolve_device("gpu")


def test_build_without_cuda_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that Paddle was built without CUDA."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: False)
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: 2)

    assert device.available_devices() == ["cpu"]
    with pytest.raises(ValueError, match=", built without CUDA, finds cpu$"):
        device.resolve_device("gpu")


@needs_no_gpu
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:7"])
def test_missing_gpu_raises_value_error(name: str) -> None:
    """Paddle itself would crash on some versions."""
    with pytest.raises(ValueError, match=rf"device '{name}' is not available: Paddle .* finds cpu"):
        train(TrainConfig(device=name))


def test_use_device_restores_the_device() -> None:
    """After the block, also after an error in it."""
    before = paddle.device.get_device()
    with pytest.raises(RuntimeError), device.use_device("cpu") as name:
        assert name == paddle.device.get_device() == "cpu"
        raise RuntimeError

    assert paddle.device.get_device() == before


def test_device_of_returns_the_name_of_the_device() -> None:
    """The name is the one that `resolve_device` returns."""
    assert device.device_of(paddle.zeros([1])) == "cpu"


@pytest.mark.usefixtures("two_gpus")
def test_synchronize_waits_for_the_named_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU it does not wait."""
    waited: list[int] = []
    monkeypatch.setattr("paddle.device.cuda.synchronize", waited.append)

    device.synchronize("cpu")
    device.synchronize("gpu:1")
    device.synchronize("gpu")

    assert waited == [1, 0]


@pytest.mark.usefixtures("two_gpus")
def test_device_name_of_a_gpu_is_its_product_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paddle looks it up by the GPU's number."""
    monkeypatch.setattr("paddle.device.cuda.get_device_name", lambda index: f"GPU number {index}")

    assert device.device_name("gpu:1") == "GPU number 1"
    assert device.device_name("gpu") == "GPU number 0"
    assert device.device_name("cpu") == "cpu"


def test_gpu_is_the_one_assigned_by_the_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Paddle's launcher, "gpu" is the first GPU."""
    monkeypatch.setattr(
        "rnn_core.runtime.devices.available_devices", lambda: ["cpu", "gpu:0", "gpu:1"]
    )
    assert device.resolve_device("gpu") == "gpu:0"
    monkeypatch.setenv("FLAGS_selected_gpus", "1")

    assert device.resolve_device("gpu") == "gpu:1"
    assert device.resolve_device("gpu:0") == "gpu:0"
