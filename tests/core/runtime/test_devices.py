"""Devices are checked before they are used."""

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


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """GPUs follow the CPU; "gpu" is the first of them, or the one that the launcher assigned."""
    assert device.available_devices() == ["cpu", "gpu:0", "gpu:1"]
    assert device.resolve_device("gpu") == "gpu:0"
    assert device.resolve_device("gpu:1") == "gpu:1"
    with pytest.raises(ValueError, match="'gpu:2' is not available: .* finds cpu, gpu:0, gpu:1"):
        device.resolve_device("gpu:2")
    monkeypatch.setenv("FLAGS_selected_gpus", "1")
    assert device.resolve_device("gpu") == "gpu:1"
    assert device.resolve_device("gpu:0") == "gpu:0"


@pytest.mark.parametrize(("built", "gpus"), [("with", 0), ("without", 2)])
def test_paddle_without_cuda_or_gpu_has_the_cpu_only(
    built: str, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how Paddle was built."""
    monkeypatch.setattr("paddle.device.is_compiled_with_cuda", lambda: built == "with")
    monkeypatch.setattr("paddle.device.cuda.device_count", lambda: gpus)

    assert device.available_devices() == ["cpu"]
    assert device.resolve_device("cpu") == "cpu"
    with pytest.raises(ValueError, match=f", built {built} CUDA, finds cpu$"):
        device.resolve_device("gpu")


@needs_no_gpu
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "gpu:7"])
def test_missing_gpu_raises_value_error(name: str) -> None:
    """Some versions of Paddle would crash instead."""
    with pytest.raises(ValueError, match=rf"device '{name}' is not available: Paddle .* finds cpu"):
        train(TrainConfig(device=name))


def test_use_device_restores_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is restored after the block, even after an error in it."""
    used: list[str] = []
    monkeypatch.setattr("paddle.device.get_device", lambda: "gpu:3")
    monkeypatch.setattr("paddle.device.set_device", used.append)

    with pytest.raises(RuntimeError), device.use_device("cpu") as name:
        assert (name, used) == ("cpu", ["cpu"])
        raise RuntimeError

    assert used == ["cpu", "gpu:3"]


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
