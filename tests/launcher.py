"""Starts a program in several processes, as a person does."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def launch(
    program: list[str], folder: Path, processes: int = 2, seconds: float = 300
) -> "subprocess.CompletedProcess[str]":
    """Run a program by Paddle's launcher, in a folder of its own, with the project in reach.

    The launcher looks for free ports itself, each time others, so that launches do not meet.
    """
    launcher = [sys.executable, "-m", "paddle.distributed.launch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["PADDLE_DISTRI_BACKEND"] = "gloo"
    return subprocess.run(
        [*launcher, "--nproc_per_node", str(processes), "--log_dir", str(folder / "log"), *program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
