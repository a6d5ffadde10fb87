"""The figures that the notebook printed in 2021 come out again, as far as they can."""

from dataclasses import replace

import pytest

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History
from tests.helpers.trained import run

# As long as its figures can be compared.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 15, "clipped-lstm": 80}


@pytest.mark.parametrize("row", notebook.EXPLODING_RNN, ids=lambda row: f"step{row.step}")
def test_exploding_rnn_norms(row: notebook.Row, device: str) -> None:
    """Without clipping, the first five steps' gradient norms are the printed ones."""
    check_norms("exploding-rnn", row, device)


@pytest.mark.parametrize("row", notebook.CLIPPED_RNN, ids=lambda row: f"step{row.step}")
def test_clipped_rnn_norms(row: notebook.Row, device: str) -> None:
    """With clipping, the gradient norms printed up to step 60 come out again."""
    check_norms("clipped-rnn", row, device)


def test_exploding_rnn_zeros(device: str) -> None:
    """Where the notebook printed zeros, the recurrent gradients are exactly zero."""
    history = run_experiment("exploding-rnn", device)

    for name in "WUb":
        norms = history.raw_norms[f"recurrent.{name}"]
        assert norms[notebook.EXPLODING_RNN_ZEROS_AFTER :].tolist() == [0.0] * 8


def test_exploding_rnn_accuracy(device: str) -> None:
    """Without clipping no prediction is right, in any epoch."""
    check_correct("exploding-rnn", notebook.EXPLODING_RNN_CORRECT, device)


def test_clipped_rnn_accuracy(device: str) -> None:
    """With clipping, as many predictions are right as printed, up to step 60."""
    check_correct("clipped-rnn", notebook.CLIPPED_RNN_CORRECT, device)


def test_clipped_lstm_accuracy(device: str) -> None:
    """The LSTM predicts none right in the epochs that were printed up to step 320."""
    check_correct("clipped-lstm", notebook.CLIPPED_LSTM_CORRECT, device)


def test_clipped_lstm_norms_are_not_zero(device: str) -> None:
    """The zeros printed for the LSTM's gradients were a mistake: they are far from zero."""
    history = run_experiment("clipped-lstm", device)

    for step in notebook.CLIPPED_LSTM_CORRECT:
        norms = {name: values[step - 1] for name, values in history.raw_norms.items()}
        assert min(norms.values()) > 1e-2, norms


def run_experiment(name: str, device: str) -> History:
    """The beginning of an experiment."""
    return run(replace(EXPERIMENTS[name].config, epochs=EPOCHS[name], device=device))


def check_norms(experiment: str, row: notebook.Row, device: str) -> None:
    """Compare the recurrent gradients' norms at one step with the printed row."""
    history = run_experiment(experiment, device)

    norms = {name: history.raw_norms[f"recurrent.{name}"][row.step - 1] for name in "WUb"}
    assert pytest.approx({"W": row.W, "U": row.U, "b": row.b}, rel=row.rtol, abs=0) == norms


def check_correct(experiment: str, printed: dict[int, int], device: str) -> None:
    """Compare the correct predictions of some epochs with the printed ones."""
    history = run_experiment(experiment, device)

    epochs = dict(zip(history.epoch_ends.tolist(), history.accuracy.tolist(), strict=True))
    assert {step: 4 * epochs[step] for step in printed} == printed
