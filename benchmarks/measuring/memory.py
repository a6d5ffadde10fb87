"""Peak memory of one training step: python -m benchmarks.memory IMPLEMENTATION CELL B1-T10-H128.

In a process of its own, for memory that was freed once is used again and not seen to grow.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

from benchmarks import ROOT

FLOAT32 = 4


def measure_peak(implementation: str, cell: str, shape: str) -> int:
    """Bytes by which one training step raises the peak of a fresh process.

    Raises:
        RuntimeError: the process failed; its last words are in the message.
    """
    command = [sys.executable, "-m", "benchmarks.memory", implementation, cell, shape]
    # Safe: the arguments are names of this suite, and no shell reads them.
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"{' '.join(command[2:])} ended with {done.returncode}: {words}")
    return int(json.loads(done.stdout.splitlines()[-1]))


def saved_bytes(cell: str, batch: int, size: int) -> int:
    """Bytes per time step that backpropagation through time cannot do without, in float32.

    The input and the hidden state, `[B, H]` each; for the LSTM the cell state, its tanh and the
    four gates as well.
    """
    return FLOAT32 * batch * size * (8 if cell == "LSTM" else 2)


def peak() -> int:
    """The largest resident memory so far, in bytes; since `reset_peak`, where that works."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        [line] = [line for line in lines if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        import resource  # Here, for Windows has none.

        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak() -> None:
    """Let the peak begin at what is resident now; only Linux can."""
    path = Path("/proc/self/clear_refs")
    if os.access(path, os.W_OK):
        path.write_text("5", encoding="utf-8")


def main(implementation: str, cell: str, shape: str) -> int:
    """Print the bytes by which a step raises this process's peak."""
    import rnn_core  # noqa: F401, first, for it imports Paddle without idle warnings.
    from benchmarks.workloads.implementations import make_contender
    from benchmarks.workloads.training_step import Shape
    from rnn_core.config import Cell

    known, wanted = cast("Cell", cell), Shape.parse(shape)
    # A short sequence first: what a first step allocates for good is not a matter of length.
    make_contender(implementation, known, wanted._replace(steps=2)).step()
    contender = make_contender(implementation, known, wanted)
    reset_peak()
    before = peak()
    contender.step()
    print(json.dumps(peak() - before))
    return 0
