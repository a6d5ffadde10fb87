"""How far apart two correct runs may be because of rounding.

Limits are ten times the largest difference of loss or norm, |a - b| / (1 + max(|a|, |b|)), that was
measured in 90 runs of each experiment: 30 with each of the three executions that existed then
(Paddle 3.3.1, AMD EPYC with AVX-512, float32, November 2026). Each initial weight was moved to a
neighbouring float32 number, up or down at random, and each run was compared with the textbook's.
docs/measurements/rounding.md has the figures and the checks.
"""

from bisect import bisect_right

# First step and limit of each stage. The last entry is the first step that cannot be compared,
# because ten times the difference exceeds one half.
GROWTH: dict[str, tuple[tuple[int, float], ...]] = {
    "exploding-rnn": ((1, 4e-6), (2, 3e-5), (3, 8e-5), (4, 2e-2), (5, 1.0)),
    "clipped-rnn": (
        *((1, 4e-6), (3, 6e-6), (4, 7e-6), (5, 2e-5), (8, 3e-5), (49, 5e-5), (53, 1e-4)),
        *((56, 2e-4), (57, 6e-4), (59, 3e-3), (60, 1e-2), (61, 3e-2), (63, 4e-2), (65, 2e-1)),
        (76, 1.0),
    ),
    "clipped-lstm": (
        *((1, 2e-6), (5, 2e-5), (322, 3e-5), (330, 4e-5), (334, 5e-5), (338, 6e-5), (346, 9e-5)),
        *((350, 2e-4), (354, 3e-4), (358, 6e-4), (362, 2e-3), (366, 4e-3), (370, 2e-2)),
        *((374, 6e-2), (378, 3e-1), (382, 1.0)),
    ),
}

# Limit for one step from equal weights, anywhere in the run. Measured: 9.3e-5 (step 6 of the
# explosion, whose states grow tenfold within a step), 1.1e-5 and 4.3e-6.
ONE_STEP = {"exploding-rnn": 1e-3, "clipped-rnn": 1.1e-4, "clipped-lstm": 4.3e-5}

# Limits for one operator of the textbook on equal inputs, and for the whole layer of another
# execution, relative to the scale of the output. Measured between MKL_CBWR=COMPATIBLE and the
# default, at 53 steps of the three experiments: 3.1e-7, and 8.5e-6 (in the explosion; 1.1e-6 in the
# other two).
ONE_OPERATOR, ONE_LAYER = 3e-6, 1e-4


def horizon(experiment: str) -> int:
    """Return the last step at which two runs can be compared."""
    return GROWTH[experiment][-1][0] - 1


def allowed(experiment: str, step: int) -> float:
    """Return the limit for losses and norms at a step; after the horizon, the limit at the horizon.

    The limit is relative to 1 + the larger of the two values.
    """
    known = GROWTH[experiment][:-1]
    return known[bisect_right(known, step, key=lambda entry: entry[0]) - 1][1]


def allowed_operator(operator: str) -> float:
    """Return the limit for the output of an operator, relative to its scale."""
    return ONE_LAYER if "kernel" in operator else ONE_OPERATOR
