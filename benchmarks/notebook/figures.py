"""The figures that the notebook printed in 2021, up to the steps that rounding lets us compare.

Training amplifies rounding: two CPUs that round differently agree in the first steps, and not at
all in later ones. Listed are all printed rows of the first steps, with their relative tolerances.
Beside each tolerance is the largest error measured against the printed figures, with Paddle 2.6.2
to 3.3.1 in November 2026, on two kinds of x86-64 CPU, and with MKL_CBWR set to AVX2 and COMPATIBLE.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rnn_core import History


class Row(NamedTuple):
    """Printed norms of the gradients of W, U and b at a step, before clipping, and a tolerance."""

    step: int
    W: float
    U: float
    b: float
    rtol: float


# The RNN without clipping. After step 5, rounding alone changes W from 82 to 362027. The notebook
# printed zeros from step 8 on; where they begin depends on rounding, too.
EXPLODING_RNN = (
    Row(1, 19.658676, 47.573059, 13.377793, rtol=1e-6),  # measured: 3e-7
    Row(2, 15.004972, 78.789055, 9.303792, rtol=1e-5),  # 1e-6
    Row(3, 263.725128, 948.933655, 152.599915, rtol=1e-4),  # 5e-6
    Row(4, 5637.591797, 2853.397949, 655.646729, rtol=1e-2),  # 1.2e-3
    Row(5, 34280.796875, 27940.976562, 2501.016113, rtol=1e-1),  # 3.3e-2
)

# The RNN with clipping. At step 76, rounding alone exceeds 10%.
CLIPPED_RNN = (
    Row(20, 1.107595, 4.565491, 0.695140, rtol=5e-5),  # 1e-5
    Row(40, 1.322490, 4.772387, 0.771956, rtol=5e-5),  # 1e-5
    Row(60, 0.813176, 2.182861, 0.439725, rtol=5e-3),  # 1.4e-3
)

# Correct predictions out of four, by the step that ended the epoch.
EXPLODING_RNN_CORRECT = {4: 0, 8: 0, 12: 0, 16: 0, 20: 0}
CLIPPED_RNN_CORRECT = {20: 0, 40: 0, 60: 2}
# The LSTM's norms were printed as zeros, because the notebook looked them up by the names of the
# RNN. Its accuracies are correct; at step 390, rounding alone exceeds 10%.
CLIPPED_LSTM_CORRECT = {80: 0, 160: 0, 240: 0, 320: 0}

NORMS = {"exploding-rnn": EXPLODING_RNN, "clipped-rnn": CLIPPED_RNN}
CORRECT = {
    "exploding-rnn": EXPLODING_RNN_CORRECT,
    "clipped-rnn": CLIPPED_RNN_CORRECT,
    "clipped-lstm": CLIPPED_LSTM_CORRECT,
}


class Figure(NamedTuple):
    """One printed figure: the norm of W, U or b at a step, or the correct predictions of an epoch.

    Attributes:
        experiment: name of the experiment.
        step: step, counted from 1; for correct predictions, the last step of the epoch.
        name: "norm of W", or "correct" for the number of correct predictions out of four.
        printed: printed value.
        rtol: relative tolerance; 0 for a count.
    """

    experiment: str
    step: int
    name: str
    printed: float
    rtol: float

    def of(self, history: "History") -> float | None:
        """Return the same figure of a run; None if the run ended earlier."""
        steps, values = history.recorded, history.raw_norms.get(f"recurrent.{self.name[-1]}")
        if self.name == "correct":
            steps, values = history.epoch_ends, 4 * history.accuracy
        found = {} if values is None else dict(zip(steps.tolist(), values.tolist(), strict=True))
        return found.get(self.step)

    def text(self, value: float) -> str:
        """Return a value in the notebook's format."""
        return f"{value:.0f}/4" if self.name == "correct" else f"{value:.6f}"

    def error(self, value: float) -> float:
        """Return the error of `value`: relative for a norm, absolute for a count."""
        off = abs(value - self.printed)
        return off if self.name == "correct" else off / self.printed


def figures() -> Iterator[Figure]:
    """Yield all printed figures, norms first."""
    for experiment, rows in NORMS.items():
        for row in rows:
            for name in "WUb":
                yield Figure(experiment, row.step, f"norm of {name}", getattr(row, name), row.rtol)
    for experiment, counts in CORRECT.items():
        for step, count in counts.items():
            yield Figure(experiment, step, "correct", count, 0)


def column(history: "History") -> str:
    """Return the name of a run's environment: Paddle's version, and MKL_CBWR if it was set."""
    flags = [flag for flag in history.environment["flags"].split() if flag.startswith("MKL_CBWR")]
    return " ".join([f"Paddle {history.environment['paddle']}", *flags])
