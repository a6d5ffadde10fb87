"""The experiments reproduce the figures that the notebook printed, up to their horizon."""

from dataclasses import replace

import pytest

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History
from tests.helpers.trained import run

# Epochs up to the last figure that can be compared.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 15, "clipped-lstm": 80}


@pytest.mark.parametrize("row", notebook.EXPLODING_RNN, ids=lambda row: f"step{row.step}")
def test_exploding_rnn_reproduces_the_printed_norms(row: notebook.Row, device: str) -> None:
    """Without clipping, the gradient norms of the first five steps are the printed ones."""
    check_norms("exploding-rnn", row, device)


@pytest.mark.parametrize("row", notebook.CLIPPED_RNN, ids=lambda row: f"step{row.step}")
def test_clipped_rnn_reproduces_the_printed_norms(row: notebook.Row, device: str) -> None:
    """With clipping, the gradient norms up to step 60 are the printed ones."""
    check_norms("clipped-rnn", row, device)


def test_exploding_rnn_has_zeros_where_they_were_printed(device: str) -> None:
    """From the step after which rounding has no say, the recurrent gradients are zero."""
    history = run_experiment("exploding-rnn", device)

    for name in "WUb":
        norms = history.raw_norms[f"recurrent.{name}"]
        assert norms[notebook.EXPLODING_RNN_ZEROS_AFTER :].tolist() == [0.0] * 8


def test_exploding_rnn_predicts_nothing_correctly(device: str) -> None:
    """Without clipping, no prediction is correct in any epoch."""
    check_correct("exploding-rnn", notebook.EXPLODING_RNN_CORRECT, device)


def test_clipped_rnn_reproduces_the_printed_accuracy(device: str) -> None:
    """With clipping, as many predictions are correct as were printed, up to step 60."""
    check_correct("clipped-rnn", notebook.CLIPPED_RNN_CORRECT, device)


def test_clipped_lstm_reproduces_the_printed_accuracy(device: str) -> None:
    """Up to step 320, the LSTM predicts nothing correctly in the printed epochs."""
    check_correct("clipped-lstm", notebook.CLIPPED_LSTM_CORRECT, device)


def test_clipped_lstm_norms_are_not_zero(device: str) -> None:
    """The notebook printed zeros for the LSTM's gradients by mistake; they are not zero."""
    history = run_experiment("clipped-lstm", device)

    for step in notebook.CLIPPED_LSTM_CORRECT:
        norms = {name: values[step - 1] for name, values in history.raw_norms.items()}
        assert min(norms.values()) > 1e-2, norms


def run_experiment(name: str, device: str) -> History:
    """The first epochs of an experiment."""
    return run(replace(EXPERIMENTS[name].config, epochs=EPOCHS[name], device=device))


def check_norms(experiment: str, row: notebook.Row, device: str) -> None:
    """Compare the norms of the recurrent gradients at one step with the printed row."""
    history = run_experiment(experiment, device)

    norms = {name: history.raw_norms[f"recurrent.{name}"][row.step - 1] for name in "WUb"}
    assert norms == pytest.approx({"W": row.W, "U": row.U, "b": row.b}, rel=row.rtol, abs=0)


def check_correct(experiment: str, printed: dict[int, int], device: str) -> None:
    """Compare the numbers of correct predictions with the printed ones."""
    history = run_experiment(experiment, device)

    epochs = dict(zip(history.epoch_ends.tolist(), history.accuracy.tolist(), strict=True))
    assert {step: 4 * epochs[step] for step in printed} == printed
