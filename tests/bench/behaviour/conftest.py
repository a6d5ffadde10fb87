"""Recorded runs for the tests of the comparison of behaviours."""

from pathlib import Path

import pytest

from tests.bench.behaviour import EPOCHS


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record two epochs of all experiments in this process; return their folder."""
    # Not at the top: pytest may import this file before a fault is planted into Paddle.
    from benchmarks.behaviour import worker
    from benchmarks.behaviour.files import Job
    from benchmarks.behaviour.sides import Side, Task
    from rnn_core.experiments import EXPERIMENTS

    folder = tmp_path_factory.mktemp("recorded")
    work = [(Job(name, "textbook", EPOCHS), None) for name in EXPERIMENTS]
    assert worker.main(Task(Side("recorded", folder), work).arguments) == 0
    return folder
