"""The time of a training step and its parts, beside what a user of Paddle writes."""

from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import Measure
from benchmarks.plugins.summary import STAGES
from benchmarks.workloads.same_work import CPU_TOLERANCE, check_same_work
from benchmarks.workloads.training_step import (
    CLIP_NORM,
    PADDLE_IMPLEMENTATIONS,
    SHAPES,
    PaddleImplementation,
    Shape,
    Stage,
    make_work,
)
from rnn_core.config import Cell
from rnn_core.gradients import l2_norm
from rnn_core.parameters import named_gradients
from rnn_core.runtime.devices import use_device

# Not measured: a GPU may multiply in TF32, with errors of about 1e-3 (Paddle issue 34763).
GPU_TOLERANCE = 1e-2
# Rounds that are counted, and rounds of warm-up before them: few where a step takes a second.
ROUNDS = dict(zip(SHAPES, ((200, 2), (5, 1), (3, 1), (5, 1)), strict=True))


@pytest.mark.parametrize("implementation", PADDLE_IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape).replace(" ", "-"))
@pytest.mark.parametrize("cell", ["RNN", "LSTM"])
@pytest.mark.parametrize("stage", STAGES)
def test_stage(
    benchmark: BenchmarkFixture,
    measure: Measure,
    device: str,
    stage: Stage,
    implementation: PaddleImplementation,
    cell: Cell,
    shape: Shape,
) -> None:
    """One stage of a training step is timed; the work is right before and after."""
    with use_device(device):
        assert_same_work(device, cell, shape)
        work = make_work(implementation, cell, shape)
        before = work.parameters()
        target, setup = work.timed(stage, device)

        benchmark.group = f"{device} {cell} {shape}: {stage}"
        benchmark.name = implementation
        benchmark.extra_info.update(
            device=device, cell=cell, shape=str(shape), implementation=implementation, stage=stage
        )
        rounds, warmup = ROUNDS[shape]
        measure(target, setup, rounds=rounds, warmup_rounds=warmup)

        after = work.parameters()
        moved = [not np.array_equal(before[name], after[name]) for name in before]
        assert all(np.isfinite(values).all() for values in after.values())
        assert all(moved) if stage in ("step", "recorded", "update") else not any(moved)
        if stage == "backward":
            norms = [l2_norm(gradient) for gradient in named_gradients(work.model).values()]
            assert all(0 < norm < np.inf for norm in norms)
        if stage == "clip":
            norms = [l2_norm(gradient.numpy()) for gradient in work.clipped]
            assert min(norms) > 0
            assert max(norms) <= CLIP_NORM + 1e-5
        assert np.isfinite(work.loss())


@cache  # It takes up to 20 seconds, and 24 tests ask.
def assert_same_work(device: str, cell: Cell, shape: Shape) -> None:
    """All implementations do the same on the current device, or the test fails by name."""
    tolerance = CPU_TOLERANCE if device == "cpu" else GPU_TOLERANCE
    check_same_work(PADDLE_IMPLEMENTATIONS, cell, shape, tolerance)
