"""The limits of rounding, and a new measurement."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.behaviour.envelope import ENVELOPES, measured
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


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_envelope_grows_up_to_the_horizon(experiment: str) -> None:
    """Steps and limits increase, up to a last entry that allows everything."""
    steps, sizes = zip(*ENVELOPES[experiment].growth, strict=True)

    assert steps[0] == 1
    assert list(steps) == sorted(set(steps))
    assert list(sizes) == sorted(set(sizes))
    assert ENVELOPES[experiment].horizon == steps[-1] - 1
    assert ENVELOPES[experiment].allowed(steps[1]) == sizes[1]
    assert ENVELOPES[experiment].allowed(steps[1] - 1) == sizes[0]
    assert ENVELOPES[experiment].allowed(10_000) == sizes[-2]


def test_measured_envelope_has_a_stage_for_each_larger_difference() -> None:
    """It is ten times as large, and ends where the limit exceeds what can be compared."""
    found = measured(np.array([0, 2**-9, 2**-10, 0.05, 0.2]), 2**-20)

    assert found.growth == ((1, 10 * 2**-20), (2, 10 * 2**-9), (4, 0.5), (5, 1.0))
