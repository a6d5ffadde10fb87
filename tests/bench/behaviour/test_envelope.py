"""The limits of rounding, and a new measurement."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.behaviour.envelope import ENVELOPES, Envelope
from benchmarks.behaviour.judge import differences, left_at, series_of
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


@pytest.mark.parametrize(
    ("apart", "first", "step"),
    [
        ([0, 0, 1e-3, 1e-3], 2, 3),  # A wrong update shows in the next step.
        ([0, 1e-3, 1e-3, 1e-3], 2, 2),
        ([0, 1e-7, 1e-3, 1e-3], 2, None),  # Rounding has had a step to grow.
        ([0, 0, 0, 1e-3], 2, None),
        ([0, 0, 0, 1e-3], 4, 4),
        ([0, 0, 0, 0], 4, None),
        ([0, 1e-7, 0.2, 1], 2, 3),
        ([0, 1e-7, 1e-3, 1], 2, None),  # Beyond the horizon.
    ],
)
def test_first_step_beyond_rounding_is_found(
    apart: list[float], first: int, step: int | None
) -> None:
    """More than one step explains, or than all steps so far do."""
    envelope = Envelope(growth=((1, 1e-2), (3, 1e-1), (4, np.inf)), one_step=1e-6)

    found, reason = left_at(envelope, np.array(apart, np.float64), first)

    assert found == step
    assert reason.partition(":")[0] == ("" if step is None else f"step {step}")
