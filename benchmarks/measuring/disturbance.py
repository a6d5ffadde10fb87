"""Whether another process had the CPU while a sample was taken.

For each thread, Linux counts the time in which it was ready to run but had no CPU. Waiting for a
lock, a disk or a GPU does not count: that is part of the cost of the work. Only the main thread is
watched. On other systems, no sample is known to be disturbed.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress

# Its second number is the time without a CPU, in nanoseconds.
FILE = "/proc/self/schedstat"
# Largest lost fraction of an undisturbed sample. The kernel's own short work delays every thread
# by less.
LOST = 0.02


class Waiting:
    """Reads the seconds that the main thread has waited for a CPU; 0 if the system cannot tell."""

    def __init__(self) -> None:
        self.file: int | None = None
        with suppress(OSError):
            self.file = os.open(FILE, os.O_RDONLY)

    def __call__(self) -> float:
        """Return the seconds up to now."""
        if self.file is None:
            return 0.0
        return int(os.pread(self.file, 100, 0).split()[1]) / 1e9

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            os.close(self.file)
            self.file = None


class Watched:
    """A callable that notes for each sample whether it was disturbed.

    Args:
        call: function to time.
        calls: number of calls in a sample.
        waiting: function that returns the seconds lost so far.

    Attributes:
        disturbed: whether each finished sample was disturbed.
    """

    def __init__(
        self, call: Callable[..., object], calls: int, waiting: Callable[[], float]
    ) -> None:
        self.call, self.calls, self.waiting = call, calls, waiting
        self.made = 0
        self.began, self.lost = 0.0, 0.0
        self.disturbed: list[bool] = []

    def __call__(self, *inputs: object) -> object:
        """Call the function; at the first and last call of a sample, read the lost time."""
        if self.made % self.calls == 0:
            self.began, self.lost = time.perf_counter(), self.waiting()
        result = self.call(*inputs)
        self.made += 1
        if self.made % self.calls == 0:
            lost = self.waiting() - self.lost
            self.disturbed.append(lost > LOST * (time.perf_counter() - self.began))
        return result
