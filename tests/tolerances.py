"""Every tolerance of the oracle's tests, with its origin.

Measured in November 2026: the tests' own comparisons with 30 other seeds each, on an x86-64 CPU
with AVX-512, with Paddle 2.6.2 and 3.3.1, each with and without MKL_CBWR=COMPATIBLE, which rounds
in another way. Errors are those of the worst entry, relative to the largest magnitude of its
array: relative to itself an entry near zero, the difference of larger numbers, has no digits.
"""

from rnn_core.config import DType
from tests.comparison import Tolerance

# States, outputs and predictions, up to 50 steps. Measured: 6.6e-7 and 9.5e-16.
FORWARD: dict[DType, Tolerance] = {"float32": Tolerance(4e-6), "float64": Tolerance(6e-15)}

# Gradients, up to 50 steps. Measured: 6.1e-6 and 2.0e-14.
GRADIENT: dict[DType, Tolerance] = {"float32": Tolerance(3e-5), "float64": Tolerance(1e-13)}

# Losses, norms, clipped gradients and parameters in 10 training steps. Measured: 4.2e-6, 4.4e-15.
TRAINING: dict[DType, Tolerance] = {"float32": Tolerance(2e-5), "float64": Tolerance(3e-14)}

# Central differences in float64 with step 1e-5. Measured: 7.6e-9.
FINITE_DIFFERENCE = Tolerance(4e-8)

# Clipping, a square root and a product: a few times the distance of neighbouring numbers, 1.2e-7
# and 2.2e-16. Entries may become so small that float32 loses digits: below 1e-38.
CLIPPING: dict[DType, Tolerance] = {
    "float32": Tolerance(1e-6, absolute=1e-37),
    "float64": Tolerance(2e-15),
}


def _rounding(size: float) -> Tolerance:
    """Of losses and norms in training: at most `size` times (1 + the value).

    A loss e^2 whose prediction is off by d is off by 2 e d, at most d (1 + e^2).
    """
    return Tolerance(size, absolute=size)


# For each step of an experiment, ten times the largest difference between float32 and float64,
# of the loss and of any gradient's norm. Measured as above, in 30 runs each from weights moved to
# the next float32 number up or down at random, which stands for other ways to round.
ENVELOPES: dict[str, list[Tolerance]] = {
    # Measured: 3e-7, 2e-6, 3e-6, 1e-3, 2e-2, and 1 in step 6.
    "exploding-rnn": [_rounding(size) for size in (3e-6, 2e-5, 3e-5, 1e-2, 2e-1)],
    # Measured: 7e-7 to step 4, then 4e-6.
    "clipped-rnn": [_rounding(7e-6)] * 4 + [_rounding(4e-5)] * 28,
    # Measured: 1e-6.
    "clipped-lstm": [_rounding(1e-5)] * 20,
}
