"""The comparison of a workload of the user's own, with faults planted in the candidate."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle
import pytest

from benchmarks import ROOT
from benchmarks.behaviour import own, sides
from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import compare_workload
from benchmarks.interpreters import SideError
from tests.bench.behaviour.conftest import Workload
from tests.bench.behaviour.test_comparison import catalogued, run_in_this_process
from tests.bench.behaviour.test_sides import PYTHON

Plant = Callable[[pytest.MonkeyPatch], object]
Compare = Callable[..., BehaviourVerdict]


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Compare:
    """Return a comparison in this process, with a fault in the candidate."""

    def compared(
        job: OwnJob, plant: Plant = lambda _: None, baseline: str = PYTHON, candidate: str = PYTHON
    ) -> BehaviourVerdict:
        monkeypatch.setattr(sys, "path", [*sys.path])
        run_in_this_process(monkeypatch, plant, own, sides)
        return compare_workload(baseline, candidate, tmp_path / "results", job)

    return compared


def in_step(step: int, factor: float) -> Plant:
    """Return a fault that multiplies the results of tanh from a step on."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        healthy, calls = paddle.tanh, iter(range(1, 10**9))
        patch.setattr(paddle, "tanh", lambda x: healthy(x) * (factor if next(calls) >= step else 1))

    return planted


def in_update(step: int) -> Plant:
    """Return a fault in the update of one step."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        healthy, calls = paddle.optimizer.SGD.step, iter(range(1, 10**9))

        def update(optimizer: Any) -> None:
            healthy(optimizer)
            if next(calls) == step:
                weight = optimizer._parameter_list[0]
                weight.set_value(weight * 1.001)

        patch.setattr(paddle.optimizer.SGD, "step", update)

    return planted


def test_environment_equals_itself(compare: Compare, workload: Workload) -> None:
    """Every step has the same bits, so rounding need not be measured."""
    verdict = compare(workload())

    assert verdict.text.startswith("small.py:workload, eager: bitwise equal\n  both: loss ")
    assert (verdict.until, verdict.first_step, verdict.tensor) == (4, None, None)


@pytest.mark.parametrize(
    ("step", "factor", "kind"),
    [
        (1, 1 + 1.2e-7, "equal within rounding"),
        (3, 1.0001, "different"),
    ],
)
def test_fault_is_named_by_step_and_layer(
    compare: Compare, workload: Workload, step: int, factor: float, kind: str
) -> None:
    """A fault as small as rounding is not "different"."""
    verdict = compare(workload(), in_step(step, factor))

    assert verdict.verdict == kind, verdict.text
    assert (verdict.first_step, verdict.tensor) == (step, "input of last")
    assert verdict.operator == "the code before last (Linear)"
    assert "note" not in verdict.text


@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (in_step(3, 1.0001), "step 3: input of last, computed by the code before last (Linear)"),
        (in_update(2), "step 2: first.weight after the update, computed by the update"),
    ],
    ids=["layer", "update"],
)
def test_fault_behind_another_rounding_is_named(
    compare: Compare, workload: Workload, plant: Plant, place: str
) -> None:
    """The sides differ from step 1 on; the fault is where rounding explains it no longer."""

    def both(patch: pytest.MonkeyPatch) -> None:
        in_step(1, 1 + 1.2e-7)(patch)
        plant(patch)

    verdict = compare(workload(), both)

    assert (verdict.verdict, verdict.first_step, verdict.until) == ("different", 1, 2)
    assert f"first tensor that rounding does not explain, {place}" in verdict.text
    assert "note" not in verdict.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "tensor"),
    [
        ("paddle-op-rnn-gradient-off", "gradient of gru.bias_hh_l0"),
        ("paddle-embedding-loses-repeats", "gradient of embedding.weight"),
        ("paddle-initialiser-1%-wider", "embedding.weight before the step"),
        ("paddle-linear-without-bias", "gradient of output.bias"),
        ("paddle-op-maximum-is-minimum", "embedding.weight after the update"),
    ],
)
def test_fault_in_paddle_is_named_in_the_example(compare: Compare, fault: str, tensor: str) -> None:
    """The verdict names the step and the parameter's layer."""
    job = OwnJob(str(ROOT / "examples" / "padded_gru.py:workload"), "eager", steps=2)

    verdict = compare(job, catalogued(fault))

    assert (verdict.verdict, verdict.first_step) == ("different", 1)
    assert verdict.tensor == tensor, verdict.text


@pytest.mark.slow
def test_workload_runs_in_processes_of_each_side(workload: Workload, tmp_path: Path) -> None:
    """What it prints is not part of a result, and the error is the user's, with a traceback."""
    job = workload("loss.backward()", "loss.backward(); print(loss)")

    assert compare_workload(PYTHON, PYTHON, tmp_path / "a", job).verdict == "bitwise equal"
    with pytest.raises(
        SideError, match="(?s)^(baseline|candidate): small.py:workload raised Zero.*1 / 0"
    ):
        compare_workload(PYTHON, PYTHON, tmp_path / "b", workload("paddle.seed(seed)", "1 / 0"))
