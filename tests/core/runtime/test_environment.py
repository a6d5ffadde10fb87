"""The description of the environment."""

import platform
from pathlib import Path

import numpy as np
import paddle
import pytest

from rnn_core.runtime.environment import cpu_model, describe_environment

FLAGS = "OPENBLAS_A NVIDIA_TF32_OVERRIDE MKL_CBWR KMP_A FLAGS_Z FLAGS_cudnn_b CUDA_A CUDNN_A"


def test_environment_has_versions_machine_threads_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of this process; of its variables, only those that change the arithmetic."""
    flags = {"OMP_NUM_THREADS": "7", **dict.fromkeys(FLAGS.split(), "1"), "FLAGS_empty": ""}
    monkeypatch.setattr("os.environ", {**flags, "PASSWORD": "secret"})  # Neither first nor last.
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setattr("platform.machine", lambda: "x64")
    environment = describe_environment()

    assert environment == {
        "paddle": paddle.version.full_version,
        "paddle_commit": str(paddle.version.commit),
        "cuda": str(paddle.version.cuda()),
        "cudnn": str(paddle.version.cudnn()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": "x64",
        "cpu": cpu_model(),
        "cpu_count": "12",  # All CPUs of the machine, not those that this process may use.
        "device": "cpu",
        "device_name": "cpu",
        "processes": "1",
        "threads": "7",
        "flags": " ".join(sorted(f"{name}={value}" for name, value in flags.items())),
    }
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert describe_environment()["threads"] == ""
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert describe_environment()["threads"] == "unset"
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    assert describe_environment()["processes"] == "2"


@pytest.mark.usefixtures("gpus")
def test_environment_has_the_device() -> None:
    """It has the full name and that of the product."""
    environment = describe_environment("gpu")

    assert (environment["device"], environment["device_name"]) == ("gpu:0", "Stand-in gpu:0")


def test_cpu_model_is_read_from_linux_or_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first model name counts, colons included; the architecture is the last resort."""
    lines = "vendor_id\t: X\nmodel\t\t: 25\nmodel name\t: A  CPU: fast\nmodel name\t: B\n"
    first, last = "model name : A\nmodel\t: 25\n", "model : 25\nmodel name : A"
    of_arm = "processor\t: 0\nBogoMIPS\t: 48.00\n"
    for text, processor, name in (
        (lines, "", "A  CPU: fast"),
        (first, "", "A"),
        (last, "", "A"),
        (of_arm, "arm", "arm"),
        ("", "arm", "arm"),
        ("", "", "x64"),
    ):

        def read(self: Path, encoding: str, errors: str, text: str = text) -> str:
            if (str(self), encoding, errors) != ("/proc/cpuinfo", "utf-8", "replace") or not text:
                raise OSError(self, encoding)
            return text

        monkeypatch.setattr(Path, "read_text", read)
        monkeypatch.setattr("platform.processor", lambda processor=processor: processor)
        monkeypatch.setattr("platform.machine", lambda: "x64")

        assert cpu_model() == name
