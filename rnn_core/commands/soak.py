"""Train on and on, and watch whether the process grows.

Every round is a call of `rnn_core.train` that trains the same model further on streamed digit sums,
with its history, which is then dropped. After each round memory, open files, threads and the
round's time are noted. A run is judged by slopes with intervals, not by first and last values,
which a full buffer moves as much as a leak.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rnn_core.config import TrainConfig
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.training import train

Verdict = Literal["grows", "does not grow", "cannot tell"]

# The share of a run that is left out at its start, where caches and the allocator's pools fill.
WARM_UP = 0.2
# Neighbouring notes are not independent; medians of so many blocks nearly are.
BLOCKS = 20


class Note(NamedTuple):
    """What the process was after a round.

    Attributes:
        step: steps trained so far.
        seconds: since the start.
        memory: resident, in bytes.
        files: open, sockets and pipes included; on Windows, handles.
        threads: number of them.
        step_time: seconds per step in this round, recording and data included.
    """

    step: int
    seconds: float
    memory: int
    files: int
    threads: int
    step_time: float


@dataclass(frozen=True)
class Slope:
    """How a quantity changes with every step: median of slopes, and its 95% interval."""

    per_step: float
    low: float
    high: float

    def verdict(self, limit: float) -> Verdict:
        """Whether the growth per step passes `limit`, at all of the interval or at none of it."""
        if self.low > limit:
            return "grows"
        return "does not grow" if self.high <= limit else "cannot tell"


def check_extra() -> None:
    """Raise ImportError unless what this needs is installed."""
    try:
        import psutil  # noqa: F401
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in ("psutil", "scipy"):
            raise
        raise ImportError(f'{error.name} is missing: pip install "rnn_core[soak]"') from error


def soak(config: TrainConfig, steps: int, done: Callable[[Note], bool]) -> Iterator[Note]:
    """Train rounds of so many steps, noting what the process is after each, until `done`.

    Args:
        config: the settings; its epochs and its device's speed decide how long a round is.
        steps: in an epoch, at least 1.
        done: asked after every round.

    Raises:
        ImportError: psutil is not installed.
        NonFiniteError: training came to NaN or infinity, if the config says "raise".
    """
    check_extra()
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
    model = new_model(config)
    began = time.perf_counter()
    trained = 0
    while True:
        before = time.perf_counter()
        round_steps = train(config, data, model).steps
        now = time.perf_counter()
        trained += round_steps
        with process.oneshot():
            note = Note(
                step=trained,
                seconds=now - began,
                memory=process.memory_info().rss,
                files=count_files(),
                threads=process.num_threads(),
                step_time=(now - before) / round_steps,
            )
        yield note
        if done(note):
            return


def slope(notes: Sequence[Note], quantity: str) -> Slope:
    """How one quantity of the notes grows with the steps, after the warm-up.

    Theil-Sen over the medians of 20 blocks of notes: the median of the slopes between all pairs,
    which no single jump can move far, with the interval that belongs to Kendall's tau. (Sen,
    "Estimates of the regression coefficient based on Kendall's tau", 1968.)

    Raises:
        ImportError: scipy is not installed.
        ValueError: there are too few notes.
    """
    check_extra()
    from scipy.stats import theilslopes

    steady = notes[int(len(notes) * WARM_UP) :]
    if len(steady) < BLOCKS:
        least = next(n for n in range(BLOCKS, 2 * BLOCKS) if n - int(n * WARM_UP) >= BLOCKS)
        raise ValueError(f"a soak must have at least {least} rounds, got {len(notes)}")
    steps, values = (
        [float(np.median(block)) for block in np.array_split(column, BLOCKS)]
        for column in (
            np.array([note.step for note in steady], dtype=np.float64),
            np.array([getattr(note, quantity) for note in steady], dtype=np.float64),
        )
    )
    per_step, _, low, high = theilslopes(values, steps, alpha=0.95)
    return Slope(float(per_step), float(low), float(high))
