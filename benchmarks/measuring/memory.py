"""Peak memory of one training step, in a process of its own.

`measure_peak` starts `python -m benchmarks.measuring.memory IMPLEMENTATION CELL B1-T10-H128`. A
process that has freed memory reuses it, and would not show the peak of a second step.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

from benchmarks.runner import run

FLOAT32 = 4  # bytes
# Tensors [B, H] of each time step that backpropagation through time needs: input and hidden state,
# and for the LSTM also the cell state, its tanh and the four gates.
SAVED_STATES = {"RNN": 2, "LSTM": 8}


def measure_peak(implementation: str, cell: str, shape: str) -> int:
    """Return the bytes by which one training step raises the peak memory of a fresh process.

    Raises:
        RuntimeError: the process failed; the message has the last line of its output.
    """
    work = [implementation, cell, shape]
    result = run([sys.executable, "-m", "benchmarks.measuring.memory", *work])
    if result.status:
        raise RuntimeError(
            f"the process for {' '.join(work)} {result.ending}: {result.last_lines()}"
        )
    return int(json.loads(result.output.splitlines()[-1]))


def saved_bytes(cell: str, batch: int, size: int) -> int:
    """Return the bytes per time step that backpropagation through time needs, in float32."""
    return FLOAT32 * batch * size * SAVED_STATES[cell]


def peak() -> int:
    """Return the largest resident memory so far, in bytes; on Linux, since `reset_peak`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        [line] = [line for line in lines if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        import resource  # Not at the top: Windows does not have it.

        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak() -> None:
    """Set the peak to the current resident memory on Linux; do nothing on other systems."""
    path = Path("/proc/self/clear_refs")
    if os.access(path, os.W_OK):
        path.write_text("5", encoding="utf-8")


def allocated(device: str, which: Literal["current", "peak"] = "current") -> int:
    """Return the bytes that Paddle's allocator holds on a device, now or at most so far."""
    from paddle.base import core

    kind, _, number = device.partition(":")
    where = "host" if kind == "cpu" else "device"
    value = getattr(core, f"{where}_memory_stat_{which}_value")("Allocated", int(number or 0))
    return int(value)


def allocated_peak(call: Callable[[], object], device: str) -> int:
    """Return the peak of the bytes that Paddle's allocator holds during a call; at least 1.

    They include what was allocated before and is still held, such as the parameters.

    Args:
        call: function to call.
        device: device that it allocates on.
    """
    import paddle

    from rnn_core.runtime.devices import synchronize

    # Paddle 2.6.2 cannot reset the peak. A block that fills memory up to the earlier peak makes any
    # new allocation raise it; the block does not count.
    before = allocated(device)
    block = paddle.empty([max(1, allocated(device, "peak") - before)], "uint8")
    size = allocated(device) - before
    call()
    synchronize(device)
    del block
    return max(1, allocated(device, "peak") - size)


def main(implementation: str, cell: str, shape: str) -> int:
    """Print the bytes by which a step raises the peak memory of this process."""
    from benchmarks.workloads.implementations import make_contender
    from benchmarks.workloads.training_step import Shape
    from rnn_core.config import Cell

    known, wanted = cast("Cell", cell), Shape.parse(shape)
    # First a short sequence: memory that the first step allocates for good does not count.
    make_contender(implementation, known, wanted._replace(steps=2)).step()
    contender = make_contender(implementation, known, wanted)
    reset_peak()
    before = peak()
    contender.step()
    print(json.dumps(peak() - before))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
