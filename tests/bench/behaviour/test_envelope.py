"""The limits of rounding, and a new measurement."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.behaviour.envelope import ENVELOPES
from benchmarks.behaviour.judge import differences, series_of
from rnn_core import EXPERIMENTS, named_weights, new_model, set_weights, train
from rnn_core.config import Execution
from tests.helpers.parametrize import over_executions


@pytest.mark.parametrize(("name", "epochs"), [("exploding-rnn", 1), ("clipped-rnn", 3)])
@over_executions
def test_envelope_contains_a_new_measurement(name: str, epochs: int, execution: Execution) -> None:
    """Moving each weight to a neighbouring number, at random, simulates another rounding."""
    config = replace(EXPERIMENTS[name].config, epochs=epochs)
    moved, random = replace(config, execution=execution), np.random.default_rng(1)
    model = new_model(moved)
    infinity = np.float32(np.inf)
    weights = {
        name: np.nextafter(values, np.where(random.random(values.shape) < 0.5, infinity, -infinity))
        for name, values in named_weights(model).items()
    }
    set_weights(model, weights)

    apart = differences(series_of(train(config)), series_of(train(moved, model=model)))

    assert apart[0] > 0
    assert [
        step for step, size in enumerate(apart, 1) if size >= ENVELOPES[name].allowed(step)
    ] == []
