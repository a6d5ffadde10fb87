"""The time of a training step and its parts, beside Paddle's own recurrent layers."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.peers import paddle_layout
from benchmarks.report import STAGES
from benchmarks.work import CLIP_NORM, SHAPES, Implementation, Shape, Stage, Work
from rnn_core.config import Cell
from rnn_core.device import use_device
from rnn_core.gradients import gradient_norms

# Largest relative difference between the two implementations over all cells and shapes, measured
# with Paddle 2.6.2, 3.0.0 and 3.3.1 on a 2-core x86-64 (November 2026): 5.1e-7 for a parameter's
# gradient, 0 for the loss. A gate in the wrong place differs by more than 0.1.
CPU_TOLERANCE = 1e-5
# Not measured: a GPU may multiply in TF32, with errors of about 1e-3 (Paddle issue 34763).
GPU_TOLERANCE = 1e-2


@pytest.mark.parametrize("implementation", ["rnn_core", "paddle"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape).replace(" ", "-"))
@pytest.mark.parametrize("cell", ["RNN", "LSTM"])
@pytest.mark.parametrize("stage", STAGES)
def test_stage(
    benchmark: BenchmarkFixture,
    device: str,
    stage: Stage,
    implementation: Implementation,
    cell: Cell,
    shape: Shape,
) -> None:
    """One stage of a training step is timed; the work is right before and after."""
    with use_device(device):
        assert_same_work(device, cell, shape)
        work = Work(implementation, cell, shape)
        before = [parameter.numpy() for parameter in work.parameters]
        target, setup = work.timed(stage, device)

        benchmark.group = f"{device} {cell} {shape}: {stage}"
        benchmark.name = implementation
        benchmark.extra_info.update(
            device=device, cell=cell, shape=str(shape), implementation=implementation, stage=stage
        )
        benchmark.pedantic(target, setup=setup, rounds=shape.rounds, warmup_rounds=2)  # type: ignore[no-untyped-call]

        norms = gradient_norms(work.model)
        moved = [
            not np.array_equal(old, parameter.numpy())
            for old, parameter in zip(before, work.parameters, strict=True)
        ]
        assert all(np.isfinite(parameter.numpy()).all() for parameter in work.parameters)
        assert all(0 < norm < np.inf for norm in norms.values())
        assert all(moved) if stage in ("step", "recorded", "update") else not any(moved)
        if stage in ("step", "recorded", "clip"):
            assert max(norms.values()) <= CLIP_NORM + 1e-5
        assert np.isfinite(work.forward().numpy())


@cache  # It takes up to a second, and 12 tests ask.
def assert_same_work(device: str, cell: Cell, shape: Shape) -> None:
    """Both implementations give the same loss and the same gradients on the current device."""
    tolerance = CPU_TOLERANCE if device == "cpu" else GPU_TOLERANCE
    loss, ours = loss_and_gradients("rnn_core", cell, shape)
    peer_loss, theirs = loss_and_gradients("paddle", cell, shape)

    prefix = "recurrent."
    recurrent = {n.removeprefix(prefix): g for n, g in ours.items() if n.startswith(prefix)}
    expected = {n: g for n, g in ours.items() if not n.startswith(prefix)}
    expected |= {prefix + n: g for n, g in paddle_layout(recurrent).items()}
    assert peer_loss == pytest.approx(loss, rel=tolerance)
    assert theirs.keys() == expected.keys()
    for name, gradient in theirs.items():
        error = np.linalg.norm(gradient - expected[name]) / np.linalg.norm(expected[name])
        assert error <= tolerance, f"gradient of {name}: relative error {error:.1e}"


def loss_and_gradients(
    implementation: Implementation, cell: Cell, shape: Shape
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """What one forward and one backward pass give, in float64 so as to compare exactly."""
    work = Work(implementation, cell, shape)
    loss = work.forward()
    work.backward(loss)
    return float(loss.numpy()), {
        name: parameter.grad.numpy().astype(np.float64)
        for name, parameter in work.model.named_parameters()
        if parameter.grad is not None
    }
