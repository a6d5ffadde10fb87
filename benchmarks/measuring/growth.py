"""Whether a process grows while it trains: memory, open files and threads, round after round.

In each round, `rnn_core.train` trains the same model further on streamed digit sums, and the
returned history is dropped. A new model takes its place after every tenth round, so that what
building a model leaves behind shows as well. Verdicts are based on slopes with intervals. The
difference between the first and the last value is not enough: a cache that fills once changes it
as much as a leak.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from typing import Literal, NamedTuple

import numpy as np

from rnn_core.config import TrainConfig
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.training import train

Verdict = Literal["grows", "does not grow", "cannot tell"]

# Fraction of the rounds to skip at the start, while caches and the allocator's pools fill.
WARM_UP = 0.2
# Rounds with one model. Paddle 2.6 to 3.3 itself leaves up to 3.1 KB per model (an LSTM, November
# 2026), which in 10 rounds of 50 steps is 6 bytes per step.
MODEL_ROUNDS = 10
# Neighbouring rounds are correlated; the medians of this many blocks of rounds nearly are not.
BLOCKS = 20


class Reading(NamedTuple):
    """State of the process after a round.

    Attributes:
        step: number of steps trained so far.
        seconds: time since the start.
        memory: resident memory, in bytes.
        files: number of open files, sockets and pipes; on Windows, number of handles.
        threads: number of threads.
        step_time: mean time of a step in this round in seconds, with recording and data.
    """

    step: int
    seconds: float
    memory: int
    files: int
    threads: int
    step_time: float


@dataclass(frozen=True)
class Slope:
    """Growth of a quantity per step: the median of slopes and the ends of its 95% interval."""

    per_step: float
    low: float
    high: float

    def verdict(self, limit: float) -> Verdict:
        """Judge whether the growth per step exceeds `limit`; the whole interval must agree."""
        if self.low > limit:
            return "grows"
        return "does not grow" if self.high <= limit else "cannot tell"


def check_extra() -> None:
    """Raise ImportError unless psutil and scipy are installed."""
    for name in ("psutil", "scipy"):
        if find_spec(name) is None:
            raise ImportError(f'{name} is missing: pip install "rnn_core[soak]"')


def watch(config: TrainConfig, steps: int, done: Callable[[Reading], bool]) -> Iterator[Reading]:
    """Train round after round and yield the state of the process after each, until `done`.

    Args:
        config: settings of the training; `epochs` is the number of epochs in a round.
        steps: number of steps in an epoch, at least 1.
        done: function that gets the state after each round, and returns True to end the run.

    Raises:
        NonFiniteError: a loss or gradient is NaN or infinite and `config.on_nonfinite` is "raise".
    """
    import psutil

    process = psutil.Process()
    count_files = getattr(process, "num_fds", None) or process.num_handles
    data = DigitSums(
        count=steps * config.batch_size,
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        seed=config.seed,
        dtype=config.dtype,
    )
    began = time.perf_counter()
    trained = 0
    for number in count():
        if number % MODEL_ROUNDS == 0:
            model = new_model(config)
        before = time.perf_counter()
        round_steps = train(config, data, model).steps
        now = time.perf_counter()
        trained += round_steps
        with process.oneshot():
            reading = Reading(
                step=trained,
                seconds=now - began,
                memory=process.memory_info().rss,
                files=count_files(),
                threads=process.num_threads(),
                step_time=(now - before) / round_steps,
            )
        yield reading
        if done(reading):
            return


def slope(readings: Sequence[Reading], quantity: str) -> Slope:
    """Estimate the growth of one quantity per step, without the warm-up.

    The estimate is Theil and Sen's, over the medians of 20 blocks of readings: the median of the
    slopes between all pairs of blocks, which a single jump hardly moves. Its interval comes from
    Kendall's tau (Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968).

    Args:
        readings: states of the process, in the order of the rounds.
        quantity: name of an attribute of `Reading`.

    Raises:
        ValueError: there are too few readings.
    """
    from scipy.stats import theilslopes

    steady = readings[int(len(readings) * WARM_UP) :]
    if len(steady) < BLOCKS:
        least = next(n for n in count(BLOCKS) if n - int(n * WARM_UP) >= BLOCKS)
        raise ValueError(f"a soak needs at least {least} rounds, got {len(readings)}")
    steps, values = (
        [float(np.median(block)) for block in np.array_split(column, BLOCKS)]
        for column in (
            [reading.step for reading in steady],
            [getattr(reading, quantity) for reading in steady],
        )
    )
    per_step, _, low, high = theilslopes(values, steps, alpha=0.95)
    # SciPy 1.18 gives zeros a sign, which would be printed.
    return Slope(*(float(each) + 0.0 for each in (per_step, low, high)))
