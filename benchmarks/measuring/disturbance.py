"""Whether somebody else had the processor while a sample was taken.

Linux counts for each thread the time in which it could have run and had no processor. A thread that
waits of its own accord, for a lock, a disk or a GPU, is not counted: that is a part of what it
costs. Only the main thread is looked at; elsewhere no sample is known to be disturbed.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress

# The second number is that time, in nanoseconds.
FILE = "/proc/self/schedstat"
# A kernel's own short work delays any thread, and costs less than this share of a sample.
LOST = 0.02


class Waiting:
    """How long the main thread has waited for a processor, as far as the system tells."""

    def __init__(self) -> None:
        self.file: int | None = None
        with suppress(OSError):
            self.file = os.open(FILE, os.O_RDONLY)

    def __call__(self) -> float:
        """Seconds up to now; always 0 where the system does not tell."""
        if self.file is None:
            return 0.0
        return int(os.pread(self.file, 100, 0).split()[1]) / 1e9

    def close(self) -> None:
        """Give back the file."""
        if self.file is not None:
            os.close(self.file)
            self.file = None


class Watched:
    """A call that notes of each sample, which is so many calls, whether it was disturbed.

    Args:
        call: what is timed.
        calls: in a sample.
        waiting: gives the seconds that were lost so far.
    """

    def __init__(
        self, call: Callable[..., object], calls: int, waiting: Callable[[], float]
    ) -> None:
        self.call, self.calls, self.waiting = call, calls, waiting
        self.made = 0
        self.began, self.lost = 0.0, 0.0
        self.disturbed: list[bool] = []

    def __call__(self, *inputs: object) -> object:
        """Call, and look at the clock where a sample begins or ends."""
        if self.made % self.calls == 0:
            self.began, self.lost = time.perf_counter(), self.waiting()
        result = self.call(*inputs)
        self.made += 1
        if self.made % self.calls == 0:
            lost = self.waiting() - self.lost
            self.disturbed.append(lost > LOST * (time.perf_counter() - self.began))
        return result
