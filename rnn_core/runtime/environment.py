"""The environment that a result depends on: versions, machine, threads, flags."""

import os
import platform
from contextlib import suppress
from pathlib import Path

import numpy as np
import paddle

from rnn_core.runtime import parallel
from rnn_core.runtime.devices import device_name, resolve_device

# Environment variables that change what Paddle and its math libraries compute, or how fast.
FLAG_PREFIXES = ("FLAGS_", "MKL_", "KMP_", "OMP_", "OPENBLAS_", "CUDA_", "CUDNN_", "NVIDIA_TF32")


def describe_environment(device: str = "cpu") -> dict[str, str]:
    """Describe everything but the config that the numbers and times of a run depend on.

    Raises:
        ValueError: `device` is not available.
    """
    device = resolve_device(device)
    return {
        "paddle": paddle.version.full_version,
        "paddle_commit": str(paddle.version.commit),
        "cuda": str(paddle.version.cuda()),
        "cudnn": str(paddle.version.cudnn()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cpu_count": str(os.cpu_count()),
        "device": device,
        "device_name": device_name(device),
        "processes": str(parallel.size()),
        # Paddle writes its number of threads into this variable.
        "threads": os.environ.get("OMP_NUM_THREADS", "unset"),
        "flags": " ".join(
            f"{name}={value}"
            for name, value in sorted(os.environ.items())
            if name.startswith(FLAG_PREFIXES)
        ),
    }


def cpu_model() -> str:
    """Product name of the CPU; on most Linux systems, `platform.processor()` is empty."""
    with suppress(OSError):
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
