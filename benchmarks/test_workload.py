"""Cost of a training step of an own workload: pytest benchmarks/test_workload.py --workload F."""

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import Measure
from benchmarks.test_stages import describe
from benchmarks.workloads.own import OwnExecution, Reference, WorkloadError, load_workload
from benchmarks.workloads.stages import WHOLE_STEP
from rnn_core.runtime.devices import synchronize, use_device

# Seconds to spend on the timed rounds, and limits of their number.
SECONDS, ROUNDS = 2.0, (3, 200)


def test_workload(
    benchmark: BenchmarkFixture,
    measure: Measure,
    device: str,
    workload: Reference,
    workload_seed: int,
    workload_execution: OwnExecution,
) -> None:
    """Time one training step, with reading its loss; the steps go on from the first one."""
    with use_device(device):
        try:
            training = load_workload(workload.text).make(workload_seed, workload_execution)

            def step() -> None:
                training.step(finite=True)
                synchronize(device)

            step()  # The first step also allocates.
            begin = time.perf_counter()
            step()
            rounds = int(SECONDS / (time.perf_counter() - begin))
            describe(benchmark, device, str(workload), "", workload_execution, WHOLE_STEP)
            measure(step, None, rounds=min(max(rounds, ROUNDS[0]), ROUNDS[1]))
        except (WorkloadError, RuntimeError) as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
