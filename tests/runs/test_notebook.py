"""The experiments reproduce the figures that the notebook printed, up to their horizon."""

from dataclasses import replace

import pytest

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History
from tests.helpers.trained import run

# Epochs up to the last figure that can be compared.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 15, "clipped-lstm": 80}


@pytest.mark.parametrize(
    "figure",
    [*notebook.figures()],
    ids=lambda each: f"{each.experiment}-step{each.step}-{each.name}",
)
def test_figures_are_the_printed_ones(figure: notebook.Figure, device: str) -> None:
    """They are norms and correct predictions; test_explosion.py has the zeros."""
    found = figure.of(run_experiment(figure.experiment, device))

    assert found is not None
    assert figure.error(found) <= figure.rtol, found


def test_clipped_lstm_norms_are_not_zero(device: str) -> None:
    """The notebook printed zeros for the LSTM's gradients by mistake; they are not zero."""
    history = run_experiment("clipped-lstm", device)

    for step in notebook.CLIPPED_LSTM_CORRECT:
        norms = {name: values[step - 1] for name, values in history.raw_norms.items()}
        assert min(norms.values()) > 1e-2, norms


def run_experiment(name: str, device: str) -> History:
    """The first epochs of an experiment; the LSTM's with Paddle's operator, a fifth of the time."""
    execution = "kernel" if name == "clipped-lstm" else "textbook"
    config = EXPERIMENTS[name].config
    return run(replace(config, epochs=EPOCHS[name], device=device, execution=execution))
