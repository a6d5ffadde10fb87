"""Every tolerance of the oracle's tests, with the measured error behind it.

Measured in November 2026 by the tests' own comparisons, with all executions, on an x86-64 CPU with
AVX-512, with Paddle 2.6.2 and 3.3.1, each with and without MKL_CBWR=COMPATIBLE, which rounds
differently. A tolerance is about five times the largest error. Errors are those of the worst entry,
relative to the largest magnitude of its array (see `Tolerance`).

The errors belong to the seeds of these tests. With 30 other seeds, some arrays are near zero as a
whole, such as a single prediction or a gradient of 1e-17. Their errors in float32 reach 6.5e-6 in
states, 4e-4 in gradients and 1.5e-4 in training, with every execution.
"""

from rnn_core.config import DType
from tests.helpers.comparison import Tolerance

# States, outputs and predictions, up to 50 steps. Measured: 1.9e-6 and 9.5e-16.
FORWARD: dict[DType, Tolerance] = {"float32": Tolerance(1e-5), "float64": Tolerance(6e-15)}

# Gradients, up to 50 steps. Measured: 1.0e-5 and 2.4e-14.
GRADIENT: dict[DType, Tolerance] = {"float32": Tolerance(5e-5), "float64": Tolerance(1.2e-13)}

# Losses, norms, clipped gradients and parameters in 10 training steps. Measured: 5.6e-6, 1.0e-14.
TRAINING: dict[DType, Tolerance] = {"float32": Tolerance(3e-5), "float64": Tolerance(5e-14)}

# One step of a sequence of up to 500 time steps through which gradients do not fade: an open forget
# gate is rounded near 1, and its rounding adds up. Measured: 5.2e-5, 2.1e-13.
LONG: dict[DType, Tolerance] = {"float32": Tolerance(2e-4), "float64": Tolerance(8e-13)}


# Clipping is a square root and a product: a few times the machine epsilon, 1.2e-7 and 2.2e-16.
# Below 1e-38, float32 loses digits.
CLIPPING: dict[DType, Tolerance] = {
    "float32": Tolerance(1e-6, absolute=1e-37),
    "float64": Tolerance(2e-15),
}


def _rounding(size: float) -> Tolerance:
    """Tolerance for losses and norms in training: `size` times (1 + the value).

    If a prediction with error e is off by d, its loss e^2 is off by 2 e d, at most d (1 + e^2).
    """
    return Tolerance(size, absolute=size)


# For each step of an experiment, ten times the largest difference between float32 and float64, of
# the loss and of the norm of any gradient. Measured as above, in 30 runs with each execution. The
# weights of each run were moved to a neighbouring float32 number at random, to simulate different
# rounding.
ENVELOPES: dict[str, list[Tolerance]] = {
    # Measured: 3e-7, 3e-6, 5e-6, 2e-3, 3e-2, and 1 in step 6.
    "exploding-rnn": [_rounding(size) for size in (3e-6, 3e-5, 5e-5, 2e-2, 3e-1)],
    # Measured: 9e-7 to step 4, then 4e-6.
    "clipped-rnn": [_rounding(9e-6)] * 4 + [_rounding(4e-5)] * 28,
    # Measured: 1e-6.
    "clipped-lstm": [_rounding(1e-5)] * 20,
}
