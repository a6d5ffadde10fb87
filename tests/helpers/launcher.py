"""Starts a program in several processes, as a person does."""

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT


def launch(
    program: list[str], folder: Path, processes: int = 2, seconds: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a program by Paddle's launcher, in a folder of its own, with the project in reach.

    Ten seconds are usual. Processes that wait for each other for ever are ended then, which shows
    in the status.

    The launcher looks for free ports itself, each time others, so that launches do not meet.
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
