"""The experiments reproduce the figures that the notebook printed, up to their horizon."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from _pytest.mark.structures import ParameterSet

from benchmarks.notebook import figures as notebook
from rnn_core import EXPERIMENTS, History
from rnn_core.config import Execution
from tests.helpers.trained import run

# Epochs up to the last figure that can be compared.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 15, "clipped-lstm": 80}


def figures() -> Iterator[ParameterSet]:
    """Each figure, with an execution; the textbook's LSTM takes five times as long as Paddle's."""
    for each in notebook.figures():
        name = f"{each.experiment}-step{each.step}-{each.name}"
        lstm = each.experiment == "clipped-lstm"
        yield pytest.param(each, "textbook", id=name, marks=[pytest.mark.slow] * lstm)
        if lstm:
            yield pytest.param(each, "kernel", id=f"{name}-kernel")


@pytest.mark.parametrize(("figure", "execution"), [*figures()])
def test_figures_are_the_printed_ones(
    figure: notebook.Figure, execution: Execution, device: str
) -> None:
    """They are norms and correct predictions; test_explosion.py has the zeros."""
    found = figure.of(run_experiment(figure.experiment, execution, device))

    assert found is not None
    assert figure.error(found) <= figure.rtol, found


def test_clipped_lstm_norms_are_not_zero(device: str) -> None:
    """The notebook printed zeros for the LSTM's gradients by mistake; they are not zero."""
    history = run_experiment("clipped-lstm", "kernel", device)

    for step in notebook.CLIPPED_LSTM_CORRECT:
        norms = {name: values[step - 1] for name, values in history.raw_norms.items()}
        assert min(norms.values()) > 1e-2, norms


def run_experiment(name: str, execution: Execution, device: str) -> History:
    """The first epochs of an experiment."""
    config = replace(EXPERIMENTS[name].config, epochs=EPOCHS[name])
    return run(replace(config, device=device, execution=execution))
