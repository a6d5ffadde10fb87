"""Comparable times of several implementations, measured in turn in one process.

The speed of a machine changes while it is measured. Each round times every implementation once, in
random order, so that all run in the same state of the machine. Ratios are taken within a round.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

# Seconds. Shorter samples depend more on the clock and the scheduler than on the work.
SHORTEST_SAMPLE = 0.01

# Seconds per call, by name.
Round = dict[str, float]


class Ratio(NamedTuple):
    """Median and quartiles of the ratios of the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def time_rounds(
    calls: Mapping[str, Callable[[], object]], rounds: int, seed: int = 0
) -> Iterator[Round]:
    """Yield the rounds one by one, so that an interruption leaves the finished ones.

    Args:
        calls: functions to time; the work must be finished when they return. A short call is
            repeated until a sample takes 10 ms.
        rounds: number of rounds.
        seed: random seed for the order in each round.
    """
    # The first call compiles and allocates, so the second one is timed.
    counts = {}
    for name, call in calls.items():
        seconds_of(call, 1)
        counts[name] = max(1, math.ceil(SHORTEST_SAMPLE / max(seconds_of(call, 1), 1e-6)))
    order, random = list(calls), Random(seed)  # noqa: S311 - not a secret
    enabled = gc.isenabled()
    gc.collect()
    # Collecting the existing objects before each sample would take longer than the sample.
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            random.shuffle(order)
            found = {}
            for name in order:
                gc.collect()
                found[name] = seconds_of(calls[name], counts[name])
            yield {name: found[name] for name in calls}
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def seconds_of(call: Callable[[], object], count: int) -> float:
    """Return the mean time of `count` calls, one after the other."""
    begin = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begin) / count


def median_ms(rounds: Sequence[Round], name: str) -> float:
    """Return the median time in milliseconds."""
    return 1e3 * float(np.median([times[name] for times in rounds]))


def ratio(rounds: Sequence[Round], name: str, to: str) -> Ratio:
    """Return the ratio of the time of `name` to that of `to`, taken round by round."""
    low, median, high = np.percentile([times[name] / times[to] for times in rounds], [25, 50, 75])
    return Ratio(median=float(median), low=float(low), high=float(high))
