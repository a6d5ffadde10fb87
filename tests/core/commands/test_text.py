"""The text output of a run."""

from rnn_core.commands.text import (
    epoch_line,
    step_lines,
)
from rnn_core.recorder import Step


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
