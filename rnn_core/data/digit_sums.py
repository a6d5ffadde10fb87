"""Generated digit sums, made batch by batch, with a held-out set.

A sample is the same on every machine, for every batch size and every version of Paddle and NumPy:
it comes from raw numbers of NumPy's bit generator PCG64, whose stream is fixed. The streams of
`numpy.random.Generator` may change between versions.
"""

import operator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import PCG64, SeedSequence
from numpy.typing import NDArray

from rnn_core.config import (
    DTYPES,
    LARGEST_SIZE,
    DType,
    check_bool,
    check_int,
    check_one_of,
    check_seed,
    check_size,
)
from rnn_core.data.batch import Batch, BatchStream
from rnn_core.runtime.versions import tensor_of

BASE = 10

# The three random streams of one seed.
TRAINING, HELD_OUT, SPLIT = 0, 1, 2


@dataclass(frozen=True)
class DigitSums(BatchStream):
    """Sequences of decimal digits followed by zeros, with the sum of the digits as label.

    One tenth of all sequences is held out, and no sequence is in both sets: of ten sequences that
    differ only in their last digit, the one is held out whose last digit is a hash of the others
    (tabulation hashing: Carter and Wegman, "Universal classes of hash functions", 1979).

    Each batch is made when it is needed, so memory does not depend on `count`. If there are fewer
    sequences than `count`, they repeat.

    Attributes:
        count: number of samples in an epoch.
        digits: number of digits to sum, D, at least 2. (With one digit, the held-out digit would be
            a token that is never trained.)
        num_steps: length of a sequence, T, at least D: T - D zeros follow the digits.
        batch_size: number of samples in a batch; the last batch may be smaller.
        seed: random seed for the samples and the split.
        dtype: dtype of the labels.
        held_out: whether these are the held-out sequences instead of those to train with.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: a value is out of range.
    """

    count: int
    digits: int = 2
    num_steps: int = 10
    batch_size: int = 32
    seed: int = 0
    dtype: DType = "float32"
    held_out: bool = False

    def __post_init__(self) -> None:
        check_int("count", self.count)
        check_int("digits", self.digits, 2, LARGEST_SIZE)
        check_size("num_steps", self.num_steps)
        check_size("batch_size", self.batch_size)
        check_seed(self.seed)
        check_one_of("dtype", self.dtype, DTYPES)
        check_bool("held_out", self.held_out)
        if self.num_steps < self.digits:
            raise ValueError(
                f"num_steps must be at least {self.digits}, one per digit, got {self.num_steps}"
            )

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Make batch `index`, from 0; it is always the same."""
        index = operator.index(index)  # An integer of NumPy, too.
        if not 0 <= index < len(self):
            raise IndexError(f"batch index must lie in [0, {len(self)}), got {index}")
        start = index * self.batch_size
        digits = self.samples(start, min(start + self.batch_size, self.count))
        tokens = np.zeros((len(digits), self.num_steps), dtype=np.int64)
        tokens[:, : self.digits] = digits
        labels = digits.sum(axis=1, keepdims=True).astype(self.dtype)
        return Batch(tensor_of(tokens), tensor_of(labels))

    def samples(self, start: int, stop: int) -> NDArray[np.int64]:
        """Digits of the samples from `start` up to, not including, `stop`: `[stop - start, D]`.

        Raises:
            TypeError: a number is not an int.
            ValueError: a number is negative, or `stop` is less than `start`.
        """
        check_int("start", start, 0)
        check_int("stop", stop, start)
        stream = _bits(self.seed, HELD_OUT if self.held_out else TRAINING)
        # PCG64 can jump to any position.
        stream.advance(start * self.digits)
        raw = stream.random_raw((stop - start) * self.digits).reshape(-1, self.digits)
        digits = _below(BASE, raw)
        held_out = self._held_out_last(digits)
        # The held-out last digit, or one of the other nine.
        other = 0 if self.held_out else 1 + _below(BASE - 1, raw[:, -1])
        digits[:, -1] = (held_out + other) % BASE
        return digits

    def rest(self, count: int) -> "DigitSums":
        """Held-out samples for these training samples, `count` of them."""
        return replace(self, count=count, held_out=True)

    def _held_out_last(self, digits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Last digit of the held-out sequence for each sequence's first D - 1 digits, `[N]`."""
        places = self.digits - 1
        raw = _bits(self.seed, SPLIT).random_raw(places * BASE)
        table = _below(BASE, raw).reshape(places, BASE)
        last: NDArray[np.int64] = table[np.arange(places), digits[:, :-1]].sum(axis=1) % BASE
        return last


def _bits(seed: int, purpose: int) -> PCG64:
    """The random stream of a seed for one purpose."""
    return PCG64(SeedSequence(seed, spawn_key=(purpose,)))


def _below(limit: int, raw: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Map 64-bit numbers to [0, limit), equally likely up to a relative error of about 1e-9."""
    high, limit_, shift = raw >> np.uint64(32), np.uint64(limit), np.uint64(32)
    low: NDArray[np.int64] = (high * limit_ >> shift).astype(np.int64)
    return low
