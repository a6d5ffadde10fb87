"""The description of the environment."""

import platform
from pathlib import Path

import paddle
import pytest

from rnn_core.runtime.environment import cpu_model, describe_environment


def test_environment_has_versions_machine_threads_and_flags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are those of this process; of its variables, only those that change the arithmetic."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("FLAGS_cudnn_deterministic", "1")
    monkeypatch.setenv("A_PASSWORD", "secret")
    environment = describe_environment()

    flags = environment["flags"].split()
    assert {"MKL_CBWR=COMPATIBLE", "FLAGS_cudnn_deterministic=1"} <= set(flags)
    assert not any("PASSWORD" in flag for flag in flags)
    assert environment["paddle"] == paddle.version.full_version
    assert environment["python"] == platform.python_version()
    assert environment["cpu"] == cpu_model()
    assert (environment["processes"], environment["threads"]) == ("1", "7")
    assert all(isinstance(value, str) for value in environment.values())
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert describe_environment()["threads"] == "unset"
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    assert describe_environment()["processes"] == "2"


@pytest.mark.usefixtures("gpus")
def test_environment_has_the_device() -> None:
    """It has the full name and that of the product."""
    environment = describe_environment("gpu")

    assert (environment["device"], environment["device_name"]) == ("gpu:0", "Stand-in gpu:0")


def test_cpu_model_is_read_from_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first model name counts, colons included."""
    files = {"/proc/cpuinfo": "vendor_id\t: X\nmodel name\t: A CPU: fast\nmodel name\t: B\n"}
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: files[f"{self}"] + encoding[:0])

    assert cpu_model() == "A CPU: fast"


@pytest.mark.parametrize(("processor", "name"), [("arm", "arm"), ("", "arm64")])
def test_cpu_model_comes_from_python_elsewhere(
    monkeypatch: pytest.MonkeyPatch, processor: str, name: str
) -> None:
    """The architecture is the last resort."""

    def no_file(self: Path, encoding: str) -> str:
        raise FileNotFoundError(self, encoding)

    monkeypatch.setattr(Path, "read_text", no_file)
    monkeypatch.setattr("platform.processor", lambda: processor)
    monkeypatch.setattr("platform.machine", lambda: "arm64")

    assert cpu_model() == name
