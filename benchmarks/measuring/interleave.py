"""Times of several implementations that can be compared: taken in turn, in one process.

A machine gets slower and faster while it is measured. Every round times each implementation once,
in a random order, so that all of them meet the same machine; what is compared is the ratio within a
round. Measured one after the other, each would meet a machine of its own.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

# Shorter samples tell more about the clock and the scheduler than about the work.
SHORTEST_SAMPLE = 0.01
LEAST_ROUNDS = 3

# Seconds of one call, by its name.
Round = dict[str, float]


class Ratio(NamedTuple):
    """Median and quartiles of the ratios of the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def time_rounds(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    seed: int = 0,
    seconds: float = math.inf,
) -> Iterator[Round]:
    """Yield the rounds one by one, so that whoever is interrupted has those that are finished.

    Args:
        calls: what to time; each is done when it returns.
        rounds: how many, of which a call that is short fills 10 ms of each.
        seed: of the order within the rounds.
        seconds: after which no round begins any more, if there are three.
    """
    # Warm-up. The second call is timed, for the first one compiles and allocates.
    counts = {}
    for name, call in calls.items():
        seconds_of(call, 1)
        counts[name] = max(1, math.ceil(SHORTEST_SAMPLE / max(seconds_of(call, 1), 1e-6)))
    order, random = list(calls), Random(seed)  # noqa: S311, nobody guards a secret with it.
    begin, enabled = time.perf_counter(), gc.isenabled()
    gc.collect()
    gc.freeze()  # What is there stays: to look through it before each sample would take longer.
    gc.disable()
    try:
        for number in range(rounds):
            if number >= LEAST_ROUNDS and time.perf_counter() - begin > seconds:
                return
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
    """Mean time of `count` calls, one after the other."""
    begin = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begin) / count


def median_ms(rounds: Sequence[Round], name: str) -> float:
    """Median time in milliseconds."""
    return 1e3 * float(np.median([times[name] for times in rounds]))


def ratio(rounds: Sequence[Round], name: str, to: str) -> Ratio:
    """How many times the time of `to` does `name` take, round by round."""
    low, median, high = np.percentile([times[name] / times[to] for times in rounds], [25, 50, 75])
    return Ratio(median=float(median), low=float(low), high=float(high))
