"""Programs in several processes, started by Paddle's launcher as a user does."""

import sys
from pathlib import Path

from benchmarks.runner import Result, project_environment, run


def launch(program: list[str], folder: Path, processes: int = 2, seconds: float = 120) -> Result:
    """Run a program by Paddle's launcher.

    About ten seconds are usual. The launcher looks for free ports at each start, so several
    launches at the same time do not collide.

    Args:
        program: the program's file and its arguments.
        folder: working directory, and folder of the logs.
        processes: number of processes.
        seconds: time limit. Processes that wait for each other are stopped then.
    """
    launcher = [sys.executable, "-m", "paddle.distributed.launch"]
    options = ["--nproc_per_node", str(processes), "--log_dir", str(folder / "log")]
    variables = {"OMP_NUM_THREADS": "1", "PADDLE_DISTRI_BACKEND": "gloo"}
    return run([*launcher, *options, *program], project_environment(variables), folder, seconds)
