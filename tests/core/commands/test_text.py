"""The text output of a run."""

import numpy as np

from rnn_core import Event, TrainConfig
from rnn_core.commands.text import (
    epoch_line,
    evaluation_line,
    event_text,
    step_lines,
    summary_lines,
)
from rnn_core.evaluation import Evaluation
from rnn_core.recorder import Step
from tests.helpers.histories import empty_history, make_history


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


def test_step_lines_of_the_lstm_have_twelve_norms() -> None:
    """They are in three lines: input weights, state weights and biases."""
    norms = {f"recurrent.{kind}_{gate}": 1.5 for kind in "wub" for gate in "ifoa"}
    lines = step_lines(step(norms))

    assert len(lines) == 4
    assert "u_i_grad_l2: 1.500000, u_f_grad_l2: 1.500000, u_o_grad_l2: 1.500000" in lines[2]


def test_summary_of_a_healthy_run_has_no_event() -> None:
    """It has the loss, the largest norm and the accuracy."""
    text = "\n".join(summary_lines(make_history()))

    assert "RNN, 4 steps, finished, on cpu (A CPU), Paddle 9.9.9, Python 3.99" in text
    assert "first 4, last 1, largest 4" in text
    assert "largest norm 8 before clipping, of linear.bias" in text
    assert "accuracy    1.00 in epoch 2" in text
    assert text.endswith("\n  exploded    never\n  vanished    never\n  non-finite  never")


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


def test_summary_has_settings_that_are_not_the_default() -> None:
    """They are the execution and the number of recorded steps."""
    config = TrainConfig(cell="LSTM", execution="kernel", record=10)
    history = make_history(config=config, steps=49, recorded=np.array([10, 20, 30, 40]))

    assert summary_lines(history)[0].startswith(
        "LSTM (kernel), 49 steps (4 recorded), finished, on"
    )


def test_summary_of_an_unrecorded_run_has_no_values() -> None:
    """It has the number of steps and no line for loss, gradient or accuracy."""
    none = empty_history(config=TrainConfig(record=0), outcome="finished", steps=20)

    assert summary_lines(none) == [
        "RNN, 20 steps (0 recorded), finished, on cpu (A CPU), Paddle 9.9.9, Python 3.99",
        "  exploded    never",
        "  vanished    never",
        "  non-finite  never",
    ]


def test_event_text_has_step_and_quantities() -> None:
    """The text is one short phrase."""
    both = Event("exploded", 6, ("loss", "recurrent.W"), 3411677.25)
    zeros = Event("vanished", 8, ("recurrent.W", "recurrent.U"), 0.0)

    assert event_text(both) == "step 6: loss and gradient of recurrent.W 3.41168e+06"
    assert event_text(zeros) == "step 8: gradient of recurrent.W, recurrent.U exactly 0"


def test_evaluation_line_compares_with_predicting_the_mean() -> None:
    """The loss of a constant prediction follows in brackets."""
    assert evaluation_line(Evaluation(100, 0.25, 16.5, 0.4)) == (
        "  held-out    loss 0.25 on 100 samples (predicting the mean: 16.5), accuracy 0.40"
    )
