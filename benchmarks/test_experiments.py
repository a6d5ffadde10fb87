"""The notebook's three experiments, whole: what happens in them on this Paddle."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.plugins.results import leave_history
from benchmarks.text import describe_run
from rnn_core import EXPERIMENTS, History, train


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(
    benchmark: BenchmarkFixture,
    record_property: Callable[[str, object], None],
    pytestconfig: pytest.Config,
    device: str,
    name: str,
) -> None:
    """An experiment behaves as the notebook shows it."""
    config = replace(EXPERIMENTS[name].config, device=device)
    benchmark.group = f"{device} experiments"
    benchmark.name = name
    train(replace(config, epochs=1))  # Warm-up.
    history = benchmark.pedantic(train, args=(config,), rounds=1)  # type: ignore[no-untyped-call]
    leave_history(pytestconfig, name, history)

    behaviour = describe_run(history)
    benchmark.extra_info.update(device=device, experiment=name, behaviour=behaviour)
    record_property("behaviour", (device, name, behaviour))
    BEHAVES[name](history)


def explodes(history: History) -> None:
    """The gradients explode, and after that are exactly zero."""
    exploded, vanished = history.event("exploded"), history.event("vanished")

    assert exploded is not None
    assert vanished is not None
    assert exploded.step < vanished.step
    # The recurrent layer's own two weights and bias, in the last epoch.
    for name in ("recurrent.W", "recurrent.U", "recurrent.b"):
        assert not history.raw_norms[name][-4:].any()


def stays_bounded(history: History) -> None:
    """Clipping holds, so that training goes on, but it never settles on the four samples."""
    assert np.isfinite(history.loss).all()
    assert all(norms.max() <= 1 + 1e-5 for norms in history.clipped_norms.values())
    # Over 43 seeds at most 2 of the last 100 epochs had all four right (Paddle 3.3.1, 2026).
    assert (history.accuracy[-100:] < 1).sum() > 50


def learns(history: History) -> None:
    """The last epoch is better than any constant prediction, whose mean squared error is 1.25.

    Over 83 seeds, 81 have all four samples right from epoch 496 or earlier on, two only from 520
    and 543 on (Paddle 3.3.1, November 2026): too many to demand it here, after 500.
    """
    assert history.loss[-4:].mean() < 1.25


BEHAVES = {"exploding-rnn": explodes, "clipped-rnn": stays_bounded, "clipped-lstm": learns}
