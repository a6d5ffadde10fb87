"""Whether somebody else had the processor while a sample was taken."""

import time
from collections.abc import Callable
from typing import NamedTuple

try:
    import resource
except ImportError:  # Windows has none: there, no sample is known to be disturbed.
    resource = None  # type: ignore[assignment]

# A kernel's own short work interrupts any process, and costs less than this share of a sample.
LOST = 0.02


class Moment(NamedTuple):
    """What the process had of the machine up to now.

    Attributes:
        switches: how often the processor was taken from it.
        processor: seconds of the processor's time, of all threads.
        wall: seconds on the clock.
    """

    switches: int
    processor: float
    wall: float


def moment() -> Moment:
    """Now."""
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else 0
    return Moment(switches, time.process_time(), time.perf_counter())


def disturbed(before: Moment, after: Moment) -> bool:
    """Whether the processor was taken away, and for more than 2% of the time.

    A process that waits of its own accord, for a lock or for a disk, is not disturbed: that is a
    part of what it costs.
    """
    taken = after.switches > before.switches
    return taken and after.processor - before.processor < (1 - LOST) * (after.wall - before.wall)


class Watched:
    """A call that notes of each sample, which is so many calls, whether it was disturbed.

    Args:
        call: what is timed.
        calls: in a sample.
    """

    def __init__(self, call: Callable[..., object], calls: int) -> None:
        self.call, self.calls = call, calls
        self.made = 0
        self.before = moment()
        self.disturbed: list[bool] = []

    def __call__(self, *inputs: object) -> object:
        """Call, and look at the clock where a sample begins or ends."""
        if self.made % self.calls == 0:
            self.before = moment()
        result = self.call(*inputs)
        self.made += 1
        if self.made % self.calls == 0:
            self.disturbed.append(disturbed(self.before, moment()))
        return result
