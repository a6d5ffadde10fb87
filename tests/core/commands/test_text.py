"""The text output of a run."""

import numpy as np

from rnn_core.commands.text import (
    epoch_line,
    step_lines,
    summary_lines,
)
from rnn_core.recorder import Step
from tests.helpers.histories import make_history


def step(norms: dict[str, float]) -> Step:
    """The last step of the second epoch, with these norms."""
    return Step(8, 2, 3, 0.123456, norms, dict.fromkeys(norms, 1.0), 3, 4, last=True)


def test_step_lines_of_the_rnn_are_those_of_the_notebook() -> None:
    """They have the loss, and the raw norms of W, U and b; at the end of an epoch, the accuracy."""
    norms = {"recurrent.W": 19.658676, "recurrent.U": 47.573059, "recurrent.b": 13.377793}
    lines = step_lines(step({**norms, "linear.bias": 1.0}))

    assert lines == [
        "=========epoch: 2, step: 3, loss: 0.12346========",
        "W_grad_l2: 19.658676, U_grad_l2: 47.573059, b_grad_l2: 13.377793",
    ]
    assert epoch_line(step(norms)) == "correct/total:3/4, Accuracy: 0.75000"


def test_summary_has_a_line_for_each_kind_of_event() -> None:
    """The lines have a fixed order; NaN and infinity do not hide the largest loss."""
    history = make_history(
        loss=np.array([1.0, 2e6, np.inf, np.nan]),
        raw_norms={"recurrent.W": np.array([1.0, 1, 0, 1])},
        clipped_norms={},
        accuracy=np.array([0.25, 0.5, 0.75]),
        epoch_ends=np.array([1, 2, 4]),
    )

    assert summary_lines(history)[1:] == [
        "  loss        first 1, last nan, largest 2e+06",
        "  gradient    largest norm 1 before clipping, of recurrent.W",
        "  accuracy    0.75 in epoch 3",
        "  exploded    step 2: loss 2e+06",
        "  vanished    step 3: gradient of recurrent.W exactly 0",
        "  non-finite  step 3: loss inf",
    ]
    nothing = make_history(loss=np.full(4, np.nan))
    assert "  loss        first nan, last nan, largest nan" in summary_lines(nothing)
