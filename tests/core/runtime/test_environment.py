"""What a result depends on is named."""

import os
import platform
from pathlib import Path

import numpy as np
import paddle
import pytest

from rnn_core.runtime.environment import cpu_model, describe_environment


def test_names_versions_machine_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions, CPU, device and threads are all there, as this process has them."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = describe_environment()

    assert paddle.version.full_version == environment["paddle"]
    assert paddle.version.commit == environment["paddle_commit"]
    assert platform.python_version() == environment["python"]
    assert np.__version__ == environment["numpy"]
    assert cpu_model() == environment["cpu"]
    assert "cpu" == environment["device"] == environment["device_name"]
    assert environment["threads"] == "7"
    assert str(paddle.version.cuda()) == environment["cuda"]
    assert str(paddle.version.cudnn()) == environment["cudnn"]
    assert (platform.system(), platform.machine()) == (
        environment["system"],
        environment["machine"],
    )
    assert str(os.cpu_count()) == environment["cpu_count"]


def test_says_where_the_threads_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of threads that nobody knows is not made up."""
    monkeypatch.delenv("OMP_NUM_THREADS")

    assert describe_environment()["threads"] == "unset"


def test_names_the_flags_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that change Paddle's arithmetic are told, and no others."""
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("FLAGS_cudnn_deterministic", "1")
    monkeypatch.setenv("A_PASSWORD", "secret")

    flags = describe_environment()["flags"].split()
    assert {"MKL_CBWR=COMPATIBLE", "FLAGS_cudnn_deterministic=1"} <= set(flags)
    assert not any("PASSWORD" in flag for flag in flags)


def test_names_the_cpu_as_linux_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's name is the first that Linux tells, colons included."""
    files = {"/proc/cpuinfo": "vendor_id\t: X\nmodel name\t: A CPU: fast\nmodel name\t: B\n"}
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: files[f"{self}"] + encoding[:0])

    assert cpu_model() == "A CPU: fast"


@pytest.mark.parametrize(("processor", "name"), [("arm", "arm"), ("", "arm64")])
def test_names_the_cpu_elsewhere(
    monkeypatch: pytest.MonkeyPatch, processor: str, name: str
) -> None:
    """Without Linux's file, Python's answer is taken, or at least the architecture."""

    def no_file(self: Path, encoding: str) -> str:
        raise FileNotFoundError(self, encoding)

    monkeypatch.setattr(Path, "read_text", no_file)
    monkeypatch.setattr("platform.processor", lambda: processor)
    monkeypatch.setattr("platform.machine", lambda: "arm64")

    assert cpu_model() == name


def test_refuses_a_device_that_is_not_there() -> None:
    """An environment is not described for a device that nothing ran on."""
    with pytest.raises(ValueError, match="is not available"):
        describe_environment("gpu:99")
