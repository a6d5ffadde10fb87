"""The experiments reproduce the figures that the notebook printed, up to their horizon."""

from dataclasses import replace

import pytest

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History
from tests.helpers.trained import run

# Epochs up to the last figure that can be compared.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 15, "clipped-lstm": 80}


@pytest.mark.parametrize(
    ("name", "row"),
    [(name, row) for name, rows in notebook.NORMS.items() for row in rows],
    ids=lambda value: value if isinstance(value, str) else f"step{value.step}",
)
def test_gradient_norms_are_the_printed_ones(name: str, row: notebook.Row, device: str) -> None:
    """The norms are those of the first five steps without clipping, and up to step 60 with it."""
    history = run_experiment(name, device)

    norms = {name: history.raw_norms[f"recurrent.{name}"][row.step - 1] for name in "WUb"}
    assert norms == pytest.approx({"W": row.W, "U": row.U, "b": row.b}, rel=row.rtol, abs=0)


@pytest.mark.parametrize(("name", "printed"), notebook.CORRECT.items(), ids=[*notebook.CORRECT])
def test_accuracies_are_the_printed_ones(name: str, printed: dict[int, int], device: str) -> None:
    """In the printed epochs, that is none without clipping, and none with the LSTM."""
    history = run_experiment(name, device)

    epochs = dict(zip(history.epoch_ends.tolist(), history.accuracy.tolist(), strict=True))
    assert {step: 4 * epochs[step] for step in printed} == printed


def test_exploding_rnn_has_zeros_where_they_were_printed(device: str) -> None:
    """After the step from which rounding no longer matters, the recurrent gradients are zero."""
    history = run_experiment("exploding-rnn", device)

    for name in "WUb":
        norms = history.raw_norms[f"recurrent.{name}"]
        assert norms[notebook.EXPLODING_RNN_ZEROS_AFTER :].tolist() == [0.0] * 8


def test_clipped_lstm_norms_are_not_zero(device: str) -> None:
    """The notebook printed zeros for the LSTM's gradients by mistake; they are not zero."""
    history = run_experiment("clipped-lstm", device)

    for step in notebook.CLIPPED_LSTM_CORRECT:
        norms = {name: values[step - 1] for name, values in history.raw_norms.items()}
        assert min(norms.values()) > 1e-2, norms


def run_experiment(name: str, device: str) -> History:
    """The first epochs of an experiment."""
    return run(replace(EXPERIMENTS[name].config, epochs=EPOCHS[name], device=device))
