"""Time of a training step as a static graph, and of the first step, which traces and compiles."""

from collections.abc import Callable
from typing import Any, get_args

import paddle
import pytest
from paddle.static import InputSpec
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import Measure
from benchmarks.test_stages import ROUNDS, assert_stage_worked, describe
from benchmarks.workloads.stages import FIRST_STEP, WHOLE_STEP
from benchmarks.workloads.training_step import (
    SHAPES,
    Shape,
    TracedExecution,
    draw_model,
    make_work,
)
from rnn_core.config import CELLS, Cell
from rnn_core.runtime.devices import use_device
from rnn_core.runtime.versions import refused_tracing

# Tracing the LSTM of the longest takes a minute: pytest benchmarks -m slow.
TRACED_SHAPES = [
    pytest.param(shape, marks=pytest.mark.slow) if shape.steps > 100 else shape for shape in SHAPES
]


@pytest.mark.parametrize("execution", get_args(TracedExecution))
@pytest.mark.parametrize("shape", TRACED_SHAPES, ids=lambda shape: str(shape).replace(" ", "-"))
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("stage", [FIRST_STEP, WHOLE_STEP])
def test_traced(
    benchmark: BenchmarkFixture,
    measure: Measure,
    device: str,
    stage: str,
    execution: TracedExecution,
    cell: Cell,
    shape: Shape,
) -> None:
    """Time the first step of a new model, or later ones."""
    if reason := refused_tracing(cell, execution):
        pytest.skip(reason)
    with use_device(device):
        work = make_work(execution, cell, shape)
        before = work.parameters()

        def new_step() -> tuple[tuple[Callable[..., None]], dict[str, object]]:
            nonlocal work
            work = make_work(execution, cell, shape)
            return (work.timed(WHOLE_STEP, device)[0],), {}

        describe(benchmark, device, cell, shape, execution, stage)
        if stage == FIRST_STEP:
            benchmark.extra_info["operators"] = operators(cell, shape)
            measure(lambda step: step(), new_step, rounds=1, first=True)
        else:
            target, setup = work.timed(WHOLE_STEP, device)
            rounds, warmup = ROUNDS[shape]
            measure(target, setup, rounds=rounds, warmup_rounds=warmup)

        assert_stage_worked(WHOLE_STEP, work, before)


def operators(cell: Cell, shape: Shape) -> int:
    """Return the number of operators in the traced forward pass."""
    inputs: Any = [InputSpec([shape.batch, shape.steps], "int64"), True]
    model = draw_model(cell, shape.size)
    traced: Any = paddle.jit.to_static(model, input_spec=inputs, full_graph=True)
    return len(traced.forward.main_program.global_block().ops)
