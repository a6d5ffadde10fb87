"""How far apart two correct runs may be because of rounding.

Limits are ten times the largest difference of loss or norm, |a - b| / (1 + max(|a|, |b|)). For a
workload of the user's own, `benchmarks.behaviour.own` measures it. For the experiments, it was
measured in 90 runs of each experiment: 30 with each of the three executions that existed then
(Paddle 3.3.1, AMD EPYC with AVX-512, float32, November 2026). Each initial weight was moved to a
neighbouring float32 number, up or down at random, and each run was compared with the textbook's.
docs/measurements/rounding.md has the figures and the checks.
"""

import math
from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour.files import Traced

# Above the largest difference that was measured.
MARGIN = 10
# Runs cannot be compared from the step on where `MARGIN` times the difference exceeds this.
COMPARABLE = 0.5


class Envelope(NamedTuple):
    """Largest differences that rounding explains, relative to 1 + the larger of the two values.

    Attributes:
        growth: first step and limit of each stage. The last entry is the first step that cannot be
            compared.
        one_step: limit for one step from equal weights, anywhere in the run.
    """

    growth: tuple[tuple[int, float], ...]
    one_step: float = math.inf

    @property
    def horizon(self) -> int:
        """The last step at which two runs can be compared."""
        return self.growth[-1][0] - 1

    def allowed(self, step: int) -> float:
        """Return the limit for losses and norms at a step; after the horizon, that at the horizon.

        It is 0 if not even the first step can be compared.
        """
        known = self.growth[:-1]
        found = bisect_right(known, step, key=lambda entry: entry[0])
        return known[found - 1][1] if found else 0.0


def measured(differences: NDArray[np.float64], epsilon: float) -> Envelope:
    """Return the envelope of runs that differ only in rounding.

    Args:
        differences: largest difference of any such run from the first one, `[steps]`.
        epsilon: rounding of a single number, which a few runs need not show in the first steps.
    """
    limits = MARGIN * np.maximum(np.maximum.accumulate(differences), epsilon)
    comparable = int(np.searchsorted(limits, COMPARABLE, side="right"))
    growth = [
        (step, float(limit))
        for step, limit in enumerate(limits[:comparable], 1)
        if step == 1 or limit > limits[step - 2]
    ]
    return Envelope((*growth, (comparable + 1, 1.0)))


ENVELOPES = {
    # One step, measured: 9.3e-5 (step 6 of the explosion, whose states grow tenfold within a step),
    # 1.1e-5 and 4.3e-6.
    "exploding-rnn": Envelope(((1, 4e-6), (2, 3e-5), (3, 8e-5), (4, 2e-2), (5, 1.0)), 1e-3),
    "clipped-rnn": Envelope(
        (
            *((1, 4e-6), (3, 6e-6), (4, 7e-6), (5, 2e-5), (8, 3e-5), (49, 5e-5), (53, 1e-4)),
            *((56, 2e-4), (57, 6e-4), (59, 3e-3), (60, 1e-2), (61, 3e-2), (63, 4e-2), (65, 2e-1)),
            (76, 1.0),
        ),
        1.1e-4,
    ),
    "clipped-lstm": Envelope(
        (
            *((1, 2e-6), (5, 2e-5), (322, 3e-5), (330, 4e-5), (334, 5e-5), (338, 6e-5)),
            *((346, 9e-5), (350, 2e-4), (354, 3e-4), (358, 6e-4), (362, 2e-3), (366, 4e-3)),
            *((370, 2e-2), (374, 6e-2), (378, 3e-1), (382, 1.0)),
        ),
        4.3e-5,
    ),
}

# Limits for one operator of the textbook on equal inputs, and for the whole layer of another
# execution, relative to the scale of the output. Measured between MKL_CBWR=COMPATIBLE and the
# default, at 53 steps of the three experiments: 3.1e-7, and 8.5e-6 (in the explosion; 1.1e-6 in the
# other two).
ONE_OPERATOR, ONE_LAYER = 3e-6, 1e-4


def allowed_operator(tensor: Traced) -> float:
    """Return the limit for the output of an operator of an experiment, relative to its scale."""
    return ONE_LAYER if "kernel" in tensor.operator else ONE_OPERATOR
