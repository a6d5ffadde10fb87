"""How the notebook's three experiments behave on this Paddle, and how long they take."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.behaviour.files import Job
from benchmarks.behaviour.judge import BEHAVIOURS, judge
from benchmarks.behaviour.sides import Side, load, record_sides
from benchmarks.conftest import LeaveHistory
from benchmarks.saved.result_files import AGREEMENT
from benchmarks.text import describe_run
from rnn_core import EXPERIMENTS, History, TrainConfig, train
from rnn_core.config import Execution
from rnn_core.executions.traced import FULL_GRAPH
from rnn_core.runtime.devices import synchronize
from rnn_core.runtime.versions import refused_tracing

# Epochs of the experiments as static graphs: 200 steps, most of those that can be compared.
TRACED_EPOCHS = 50
RecordProperty = Callable[[str, object], None]
# Environments of the processes that trace; in primitive mode, Paddle decomposes operators.
MODES = {"default": {"FLAGS_prim_all": "false"}, "primitive": {"FLAGS_prim_all": "true"}}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment(
    benchmark: BenchmarkFixture,
    record_property: RecordProperty,
    leave_history: LeaveHistory,
    device: str,
    experiment: str,
) -> None:
    """An experiment behaves as it did in the notebook."""
    config = replace(EXPERIMENTS[experiment].config, device=device)
    benchmark.group = f"{device} experiments"
    benchmark.name = experiment

    def run(config: TrainConfig) -> History:
        history = train(config)
        synchronize(device)  # The last update is not read.
        return history

    run(replace(config, epochs=1))  # Warm-up.
    history = benchmark.pedantic(run, args=(config,), rounds=1)  # type: ignore[no-untyped-call]
    leave_history(experiment, history)

    behaviour = describe_run(history)
    benchmark.extra_info.update(device=device, experiment=experiment, behaviour=behaviour)
    record_property("behaviour", (device, experiment, behaviour))
    broken = [words for words, holds in BEHAVIOURS[experiment].items() if not holds(history)]
    assert broken == []


def traced_job(experiment: str, execution: str) -> Job:
    """Return a run of the first epochs of an experiment."""
    return Job(experiment, execution, min(TRACED_EPOCHS, EXPERIMENTS[experiment].config.epochs))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Side]:
    """Record all experiments, eager and as static graphs, in one process for each mode."""
    folder = tmp_path_factory.mktemp("recorded")
    python = Path(sys.executable)
    sides = {
        mode: Side(mode, folder / mode, python, environment=given) for mode, given in MODES.items()
    }
    executions = ("textbook", *FULL_GRAPH)
    jobs = [
        traced_job(name, execution)
        for name, experiment in EXPERIMENTS.items()
        for execution in executions
        if not refused_tracing(experiment.config.cell, execution)
    ]
    record_sides(list(sides.values()), jobs)
    return sides


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("execution", FULL_GRAPH)
def test_experiment_as_static_graph(
    recorded: dict[str, Side],
    record_property: RecordProperty,
    execution: Execution,
    mode: str,
    experiment: str,
) -> None:
    """An experiment trains as in eager execution, bit for bit or within rounding, on the CPU."""
    if reason := refused_tracing(EXPERIMENTS[experiment].config.cell, execution):
        record_property(AGREEMENT, "refused")
        pytest.skip(reason)
    eager = load(traced_job(experiment, "textbook"), recorded["default"])
    traced = load(traced_job(experiment, execution), recorded[mode])
    found = judge(experiment, eager, traced)

    only_gradients = found.difference == 0 and (eager.parameters == traced.parameters).all()
    words = "weights bitwise equal" if found.first_step and only_gradients else found.verdict
    record_property(AGREEMENT, f"{words} up to step {found.until}")
    assert found.verdict != "different", found.reasons
