"""Starts a program in several processes."""

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT


def launch(
    program: list[str], folder: Path, processes: int = 2, seconds: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a program with Paddle's launcher in a folder, with the project importable.

    A launch usually takes ten seconds. Processes that wait for each other forever are ended after
    the time limit, which shows in the exit status. The launcher looks for free ports each time, so
    launches do not disturb each other.
    """
    launcher = [sys.executable, "-m", "paddle.distributed.launch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["PADDLE_DISTRI_BACKEND"] = "gloo"
    logs = folder / "log"
    command = [*launcher, "--nproc_per_node", str(processes), "--log_dir", str(logs), *program]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, error = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # Not killed, so that it ends those that it started.
            out, error = process.communicate()
            error += f"\nended after {seconds} s"
    return subprocess.CompletedProcess(command, process.returncode, out, error)
