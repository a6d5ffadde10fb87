"""Traced steps: the same bits as in the run, and the scale of each tensor."""

import runpy
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from benchmarks import ROOT
from benchmarks.behaviour import worker
from benchmarks.behaviour.culprits import compare
from benchmarks.behaviour.files import Job, OwnJob, Trace, digest
from benchmarks.behaviour.sides import Side, Task
from benchmarks.behaviour.trace import scale_of
from rnn_core import NumericPrediction, TrainConfig, new_model
from rnn_core.config import EAGER
from tests.helpers.stand_in_gpu import StandIn


@pytest.mark.parametrize(
    ("name", "execution"),
    [
        *product(["exploding-rnn", "clipped-lstm"], EAGER),
        ("exploding-rnn", "static"),
        pytest.param("exploding-rnn", "sot", marks=pytest.mark.slow),
    ],
)
def test_traced_step_has_the_bits_of_the_run(name: str, execution: str, tmp_path: Path) -> None:
    """The trace, replayed or not, computes what the model computes."""
    job = Job(name, execution, 1)
    config = job.config
    recording, step = worker.record(config), 2

    traced = worker.trace(config, step)
    traced.save(job.trace(tmp_path, step))
    loaded = Trace.load(job.trace(tmp_path, step))
    replayed = worker.trace(config, step, loaded)
    # A replay takes all its inputs from the trace, also if it would start from other weights.
    elsewhere = worker.trace(replace(config, seed=config.seed + 1), step, loaded)

    assert traced.repeats(recording, step)
    assert not traced.repeats(recording, step + 1)
    assert worker.trace(config, 4).repeats(recording, 4)
    assert [t[:2] for t in traced.tensors] == [t[:2] for t in replayed.tensors]
    assert compare(traced, loaded) == []
    # Gradients from several uses are added in almost the order of backpropagation.
    for trace in (replayed, elsewhere):
        assert all(found.relative < 1e-6 for found in compare(traced, trace))


def test_runs_and_traces_are_those_of_the_device(
    gpus: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is Paddle's device meanwhile only. Of the weights of each step, the digest is kept."""
    seen: list[str] = []
    weights: list[ref[Any]] = []
    kept: list[int] = []

    def made(config: TrainConfig) -> NumericPrediction:
        seen.append(gpus.current)
        return new_model(config)

    def noted(arrays: Iterable[Any]) -> Iterator[Any]:
        for each in arrays:
            weights.append(ref(each))
            yield each

    def digested(arrays: Iterable[Any]) -> bytes:
        kept.append(sum(each() is not None for each in weights))
        return digest(noted(arrays))

    monkeypatch.setattr(worker, "new_model", made)
    monkeypatch.setattr(worker, "digest", digested)
    config = replace(Job("clipped-rnn", "textbook", 1).config, device="gpu:1")
    worker.record(config)
    worker.trace(config, 1)

    assert (seen, gpus.current) == (["gpu:1", "gpu:1"], "cpu")
    assert kept == [0] * 5


def test_program_exits_with_its_status_and_refuses_another_copy_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the processes of a revision could run the code of the working tree."""
    task = Task(Side("baseline", tmp_path), [(OwnJob("absent.py:f"), None)])
    monkeypatch.setattr(sys, "argv", ["worker", *task.arguments])
    for folder, error, words in (
        (ROOT, SystemExit, "2|WRONG"),
        (tmp_path, ImportError, "must come"),
    ):
        monkeypatch.chdir(folder)
        with pytest.raises(error, match=words):
            runpy.run_path(worker.__file__, run_name="__main__")


def test_gradient_after_a_saturated_tanh_has_the_scale_of_its_input() -> None:
    """Such a gradient is only the rounding of 1 - h^2, so it cannot scale its own error."""
    config = Job("exploding-rnn", "textbook").config
    traced = {t.name: t for t in worker.trace(config, 6).tensors}

    arrived, passed = traced["d h_10"], traced["d (x_10 W + h_9 U + b)"]

    assert np.abs(passed.values).max() < np.abs(arrived.values).max() == passed.scale
    given: list[list[float]] = [[0.5], [-3.0], [], [0.5, 0.25], [np.nan, np.inf]]
    assert [scale_of(np.array(each)) for each in given] == [1, 3, 0, 0.5, 0]
