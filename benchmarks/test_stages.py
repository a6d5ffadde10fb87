"""Time of a training step and its stages: rnn_core's executions beside Paddle's own layers."""

from functools import cache
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import Measure
from benchmarks.workloads.same_work import CPU_TOLERANCE, check_same_work
from benchmarks.workloads.stages import STAGES, Stage
from benchmarks.workloads.training_step import (
    CLIP_NORM,
    PADDLE_IMPLEMENTATIONS,
    SHAPES,
    PaddleImplementation,
    Shape,
    Work,
    make_work,
)
from rnn_core.config import CELLS, Cell
from rnn_core.gradients import l2_norm
from rnn_core.parameters import named_gradients
from rnn_core.runtime.devices import use_device

# An estimate: a GPU may multiply in TF32, with errors of about 1e-3 (Paddle issue 34763).
GPU_TOLERANCE = 1e-2
# Timed rounds and warm-up rounds for each shape: few if a step takes long.
ROUNDS = dict(zip(SHAPES, ((200, 2), (5, 1), (3, 1), (5, 1)), strict=True))


# Stages that update the parameters.
MOVING: tuple[Stage, ...] = ("step", "recorded", "update")


@pytest.mark.parametrize("implementation", PADDLE_IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape).replace(" ", "-"))
@pytest.mark.parametrize("cell", CELLS)
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
    """Time one stage; the work is checked before and after it, and the checks are not timed."""
    with use_device(device):
        assert_same_work(device, cell, shape)
        work = make_work(implementation, cell, shape)
        before = work.parameters()
        target, setup = work.timed(stage, device)

        describe(benchmark, device, cell, shape, implementation, stage)
        rounds, warmup = ROUNDS[shape]
        measure(target, setup, rounds=rounds, warmup_rounds=warmup)

        assert_stage_worked(stage, work, before)


def describe(
    benchmark: BenchmarkFixture,
    device: str,
    cell: str,
    shape: Shape | Literal[""],
    implementation: str,
    stage: str,
) -> None:
    """Name a benchmark and its group, and save what identifies it."""
    benchmark.group = f"{' '.join(filter(None, (device, cell, str(shape))))}: {stage}"
    benchmark.name = implementation
    benchmark.extra_info.update(
        device=device, cell=cell, shape=str(shape), implementation=implementation, stage=stage
    )


def assert_stage_worked(stage: Stage, work: Work, before: dict[str, NDArray[Any]]) -> None:
    """Assert that the stage moved the parameters only if it should, and that all is finite."""
    after = work.parameters()
    moved = [not np.array_equal(before[name], after[name]) for name in before]
    assert all(np.isfinite(values).all() for values in after.values())
    assert all(moved) if stage in MOVING else not any(moved)
    if stage == "backward":
        norms = [l2_norm(gradient) for gradient in named_gradients(work.model).values()]
        assert all(0 < norm < np.inf for norm in norms)
    if stage == "clip":
        norms = [l2_norm(gradient.numpy()) for gradient in work.clipped]
        assert min(norms) > 0
        assert max(norms) <= CLIP_NORM + 1e-5
    assert np.isfinite(work.loss())


@cache  # The check takes up to 20 seconds; the 18 benchmarks of a cell and shape share one.
def assert_same_work(device: str, cell: Cell, shape: Shape) -> None:
    """Assert that all implementations do the same work on the current device."""
    tolerance = CPU_TOLERANCE if device == "cpu" else GPU_TOLERANCE
    check_same_work(PADDLE_IMPLEMENTATIONS, cell, shape, tolerance)
