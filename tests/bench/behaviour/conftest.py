"""Recorded runs for the tests of the comparison of behaviours."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


WORKLOAD = """
import paddle

class Model(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.first = paddle.nn.Linear(3, 3)
        self.last = paddle.nn.Linear(3, 1)

    def forward(self, x):
        return self.last(paddle.tanh(self.first(self.first(x))))

def workload(seed):
    paddle.seed(seed)
    model = Model()
    optimizer = paddle.optimizer.SGD(0.1, model.parameters())

    def step():
        x = paddle.rand([4, 3])
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        return loss

    return model, step
"""

Workload = Callable[..., Any]  # Returns an OwnJob.


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workload:
    """Write a small workload, with a part of it replaced; return a run of it."""
    from benchmarks.behaviour.files import OwnJob

    monkeypatch.setattr(sys, "path", [*sys.path])

    def written(old: str = "", new: str = "", **fields: Any) -> OwnJob:
        (tmp_path / "small.py").write_text(WORKLOAD.replace(old, new) if old else WORKLOAD)
        given = {"execution": "eager", "steps": 4, "seed": 3, **fields}
        return OwnJob(f"{tmp_path}/small.py:workload", **given)

    return written
