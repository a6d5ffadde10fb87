"""Recorded runs for the tests of the comparison of behaviours."""

from pathlib import Path

import pytest

from tests.bench.behaviour import EPOCHS


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record two epochs of all experiments in this process; return their folder."""
    # Not at the top: pytest may import this file before a fault is planted into Paddle.
    from benchmarks.behaviour import worker
    from rnn_core.experiments import EXPERIMENTS

    folder = tmp_path_factory.mktemp("recorded")
    jobs = [f"{name}/textbook" for name in EXPERIMENTS]
    assert worker.main([str(folder), *jobs, "--epochs", str(EPOCHS)]) == 0
    return folder
