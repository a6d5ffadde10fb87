"""What a result depends on is named."""

import platform

import numpy as np
import paddle
import pytest

from rnn_core.environment import cpu_model, describe_environment


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
    assert "7" == environment["threads"]
    assert {"cuda", "cudnn", "system", "machine", "cpu_count", "flags"} <= set(environment)


def test_names_the_flags_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that change Paddle's arithmetic are told, and no others."""
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("FLAGS_cudnn_deterministic", "1")
    monkeypatch.setenv("A_PASSWORD", "secret")

    flags = describe_environment()["flags"].split()
    assert {"MKL_CBWR=COMPATIBLE", "FLAGS_cudnn_deterministic=1"} <= set(flags)
    assert not any("PASSWORD" in flag for flag in flags)


def test_names_the_cpu() -> None:
    """The CPU's name is something that a person can read."""
    assert len(cpu_model()) > 2


def test_refuses_a_device_that_is_not_there() -> None:
    """An environment is not described for a device that nothing ran on."""
    with pytest.raises(ValueError, match="is not there"):
        describe_environment("gpu:99")
