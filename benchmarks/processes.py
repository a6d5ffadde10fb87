"""Entry point of `python -m benchmarks.processes`."""

import os

from benchmarks.entry import run

if __name__ == "__main__":
    # Before Paddle is imported. More threads than one for each process would compete for the CPUs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run("benchmarks.commands.processes")
