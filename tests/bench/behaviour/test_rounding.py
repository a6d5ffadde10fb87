"""A short run of the measurement behind the envelope."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.behaviour import rounding
from benchmarks.behaviour.envelope import ONE_STEP, allowed
from rnn_core import EXPERIMENTS
from rnn_core.config import EAGER


@pytest.mark.parametrize(("name", "epochs"), [("exploding-rnn", 1), ("clipped-rnn", 3)])
def test_envelope_contains_new_measurements(
    name: str, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs whose weights are moved by new random numbers stay inside the envelope."""
    monkeypatch.setattr(rounding, "RUNS", 1)
    config, random = EXPERIMENTS[name].config, np.random.default_rng(1)
    steps = range(1, 4 * epochs + 1)

    runs = list(rounding.growth(config, epochs, random))
    single = dict(rounding.single_steps(replace(config, epochs=epochs), 1, random))

    assert len(runs) == len(EAGER)
    for apart in runs:
        assert apart[0] > 0
        assert all(apart[step - 1] < allowed(name, step) for step in steps)
    assert list(single) == list(steps)
    assert all(0 < apart < ONE_STEP[name] for apart in single.values())
