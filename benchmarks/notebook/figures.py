"""What the notebook printed in 2021, as far as arithmetic with rounding can tell.

Training amplifies rounding: two CPUs that round differently agree in the first steps and not at
all in the later ones. Every printed row up to that horizon stands here, with the relative error
that it is allowed. The errors beside them were measured against the printed figures with Paddle
2.6.2 to 3.3.1 in November 2026, on two kinds of x86-64 CPU and with MKL_CBWR set to AVX2 and to
COMPATIBLE: the largest is given.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rnn_core import History


class Row(NamedTuple):
    """The printed norms of the gradients of W, U and b at one step, before clipping."""

    step: int
    W: float
    U: float
    b: float
    rtol: float


# The RNN without clipping. Past step 5 rounding alone changes W from 82 to 362027.
EXPLODING_RNN = (
    Row(1, 19.658676, 47.573059, 13.377793, rtol=1e-6),  # measured: 3e-7
    Row(2, 15.004972, 78.789055, 9.303792, rtol=1e-5),  # 1e-6
    Row(3, 263.725128, 948.933655, 152.599915, rtol=1e-4),  # 5e-6
    Row(4, 5637.591797, 2853.397949, 655.646729, rtol=1e-2),  # 1.2e-3
    Row(5, 34280.796875, 27940.976562, 2501.016113, rtol=1e-1),  # 3.3e-2
)
# Zeros were printed from step 8 on; after which step they begin is rounding's choice too: 200
# seeds have them after this one at the latest.
EXPLODING_RNN_ZEROS_AFTER = 12

# The RNN with clipping; rounding alone passes 10% at step 76.
CLIPPED_RNN = (
    Row(20, 1.107595, 4.565491, 0.695140, rtol=5e-5),  # 1e-5
    Row(40, 1.322490, 4.772387, 0.771956, rtol=5e-5),  # 1e-5
    Row(60, 0.813176, 2.182861, 0.439725, rtol=5e-3),  # 1.4e-3
)

# Correct predictions out of four, by the step that ended the epoch.
EXPLODING_RNN_CORRECT = {4: 0, 8: 0, 12: 0, 16: 0, 20: 0}
CLIPPED_RNN_CORRECT = {20: 0, 40: 0, 60: 2}
# The LSTM's norms were printed as zeros: the notebook looked them up under names that only the
# RNN has. Its accuracies are in order; rounding alone passes 10% at step 390.
CLIPPED_LSTM_CORRECT = {80: 0, 160: 0, 240: 0, 320: 0}

NORMS = {"exploding-rnn": EXPLODING_RNN, "clipped-rnn": CLIPPED_RNN}
CORRECT = {
    "exploding-rnn": EXPLODING_RNN_CORRECT,
    "clipped-rnn": CLIPPED_RNN_CORRECT,
    "clipped-lstm": CLIPPED_LSTM_CORRECT,
}


class Figure(NamedTuple):
    """One printed figure: the norm of W, U or b at a step, or the right predictions of an epoch.

    Attributes:
        experiment: that printed it.
        step: counted from 1; for right predictions, the one that ended the epoch.
        name: "norm of W", or "correct" of four.
        printed: the figure.
        rtol: the relative error that it is allowed, 0 for a count.
    """

    experiment: str
    step: int
    name: str
    printed: float
    rtol: float

    def of(self, history: "History") -> float | None:
        """The same figure of a run of the experiment; None where it did not come so far."""
        steps, values = history.recorded, history.raw_norms.get(f"recurrent.{self.name[-1]}")
        if self.name == "correct":
            steps, values = history.epoch_ends, 4 * history.accuracy
        found = {} if values is None else dict(zip(steps.tolist(), values.tolist(), strict=True))
        return found.get(self.step)

    def text(self, value: float) -> str:
        """The figure as the notebook printed it."""
        return f"{value:.0f}/4" if self.name == "correct" else f"{value:.6f}"

    def error(self, value: float) -> float:
        """How far `value` is off: relative for a norm, absolute for a count."""
        off = abs(value - self.printed)
        return off if self.name == "correct" else off / self.printed


def figures() -> Iterator[Figure]:
    """Every printed figure, norms first."""
    for experiment, rows in NORMS.items():
        for row in rows:
            for name in "WUb":
                yield Figure(experiment, row.step, f"norm of {name}", getattr(row, name), row.rtol)
    for experiment, counts in CORRECT.items():
        for step, count in counts.items():
            yield Figure(experiment, step, "correct", count, 0)
