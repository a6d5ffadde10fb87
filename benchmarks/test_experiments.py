"""How the notebook's three experiments behave on this Paddle, and how long they take."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.behaviour.judge import BEHAVIOURS
from benchmarks.conftest import LeaveHistory
from benchmarks.text import describe_run
from rnn_core import EXPERIMENTS, train


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment(
    benchmark: BenchmarkFixture,
    record_property: Callable[[str, object], None],
    leave_history: LeaveHistory,
    device: str,
    experiment: str,
) -> None:
    """An experiment behaves as it did in the notebook."""
    config = replace(EXPERIMENTS[experiment].config, device=device)
    benchmark.group = f"{device} experiments"
    benchmark.name = experiment
    train(replace(config, epochs=1))  # Warm-up.
    history = benchmark.pedantic(train, args=(config,), rounds=1)  # type: ignore[no-untyped-call]
    leave_history(experiment, history)

    behaviour = describe_run(history)
    benchmark.extra_info.update(device=device, experiment=experiment, behaviour=behaviour)
    record_property("behaviour", (device, experiment, behaviour))
    broken = [words for words, holds in BEHAVIOURS[experiment].items() if not holds(history)]
    assert broken == []
