"""The description of the environment."""

import os
import platform
from pathlib import Path

import numpy as np
import paddle
import pytest

from rnn_core.runtime.environment import cpu_model, describe_environment


def test_environment_has_versions_machine_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of this process."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = describe_environment()

    assert environment["paddle"] == paddle.version.full_version
    assert environment["paddle_commit"] == paddle.version.commit
    assert platform.python_version() == environment["python"]
    assert np.__version__ == environment["numpy"]
    assert cpu_model() == environment["cpu"]
    assert environment["device"] == environment["device_name"] == "cpu"
    assert environment["threads"] == "7"
    assert str(paddle.version.cuda()) == environment["cuda"]
    assert str(paddle.version.cudnn()) == environment["cudnn"]
    assert (platform.system(), platform.machine()) == (
        environment["system"],
        environment["machine"],
    )
    assert str(os.cpu_count()) == environment["cpu_count"]


def test_environment_says_if_the_threads_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown number is not guessed."""
    monkeypatch.delenv("OMP_NUM_THREADS")

    assert describe_environment()["threads"] == "unset"


def test_environment_has_the_flags_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only variables that change Paddle's arithmetic or speed."""
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("FLAGS_cudnn_deterministic", "1")
    monkeypatch.setenv("A_PASSWORD", "secret")

    flags = describe_environment()["flags"].split()
    assert {"MKL_CBWR=COMPATIBLE", "FLAGS_cudnn_deterministic=1"} <= set(flags)
    assert not any("PASSWORD" in flag for flag in flags)


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


def test_environment_rejects_a_missing_device() -> None:
    """The error is that of `resolve_device`."""
    with pytest.raises(ValueError, match="is not available"):
        describe_environment("gpu:99")
