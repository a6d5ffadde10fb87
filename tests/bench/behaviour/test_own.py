"""The comparison of a workload of the user's own, with faults planted in the candidate."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks import ROOT
from benchmarks.behaviour import own, sides
from benchmarks.behaviour.culprits import compare as compare_traces
from benchmarks.behaviour.files import OwnJob, Trace, Traced
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError, compare_workload, limits
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


def test_recorded_sides_are_compared(compare: Compare, workload: Workload, tmp_path: Path) -> None:
    """Their first step and their rounding were recorded; another run removes these files."""
    job, recorded = workload(), tmp_path / "results"
    before = compare(job, in_step(1, 1.0001))
    elsewhere = replace(job, workload="/nowhere/small.py:workload")

    after = compare(elsewhere, baseline=f"{recorded}/baseline", candidate=f"{recorded}/candidate")
    assert after == before
    assert after.verdict == "different"
    assert [*recorded.glob("*/*.moved-*")] != []
    compare(workload(seed=4))
    assert [*recorded.glob("*/*.moved-*")] == []


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        (
            "paddle.seed(seed)",
            "",
            NotRepeatableError,
            "baseline: small.py:workload: two runs differ from step 1 on, first in first.wei",
        ),
        ("mean()", "mean() / 0", SideError, "baseline: small.py:workload: the loss of step 1 is i"),
        ("return loss", "return None", SideError, "baseline: 2"),
    ],
    ids=["random", "infinite", "wrong"],
)
def test_workload_that_cannot_be_compared_is_refused(
    compare: Compare, workload: Workload, old: str, new: str, error: Any, message: str
) -> None:
    """The error names the side, and the first tensor of two runs that differ."""
    with pytest.raises(error, match=message):
        compare(workload(old, new))


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


def test_recording_of_something_else_is_refused(
    compare: Compare, workload: Workload, tmp_path: Path
) -> None:
    """A changed file, or other settings, would make a difference that is not Paddle's."""
    job, recorded = workload(), tmp_path / "results"
    compare(job)
    sides = {name: str(recorded / name) for name in ("baseline", "candidate")}

    with pytest.raises(SideError, match="baseline: .*: seed is 3, expected 4"):
        compare(replace(job, seed=4), **sides)
    with pytest.raises(SideError, match="baseline: .*: steps is 4, expected 9; 4 steps were reco"):
        compare(replace(job, steps=9), **sides)
    with pytest.raises(SideError, match="candidate: .*: file is '.*', expected '"):
        compare(workload("mean()", "sum()"), candidate=sides["candidate"])


def test_limits_are_measured_for_each_tensor() -> None:
    """The least is the median, or the rounding of one number; without runs there is no limit."""

    def trace(*values: float) -> Trace:
        tensors = [Traced(f"{k}", "", np.array(v), 1.0) for k, v in enumerate(values)]
        return Trace(tensors, b"", b"", b"")

    one, runs = trace(1.0, 1.0, 1.0), [trace(1.0, 1.01, 1.1), trace(1.0, 1.02, 1.0)]

    allowed = limits(one, runs, 1e-7)
    assert [allowed(t) for t in one.tensors] == pytest.approx([0.2, 0.2, 1.0])
    assert limits(one, [one], 1e-7)(one.tensors[0]) == pytest.approx(1e-6)
    assert limits(one, [], 1e-7)(one.tensors[0]) == np.inf


def test_what_rounding_itself_does_to_a_tensor_is_explained() -> None:
    """It may change a zero, a shape or NaN; one that only the baseline has is not a reason."""

    def trace(*values: Any, scales: Sequence[float] = (0.0, 1.0, 1.0, 1.0)) -> Trace:
        given = enumerate(zip(values, scales, strict=False))
        return Trace([Traced(f"{k}", "", np.array(v), s) for k, (v, s) in given], b"", b"", b"")

    one, other = trace(0.0, 1.0, 1.0, 1.0), trace(1e-9, np.nan, [1.0, 1.0])
    found = compare_traces(one, other, limits(one, [other], 1e-7), needed=False)

    assert [(each.tensor.name, each.beyond) for each in found] == [
        (f"{k}", False) for k in range(4)
    ]
    assert str(found[-1]).endswith(": only the baseline has it")
    found = compare_traces(one, other, limits(one, [one], 1e-7), needed=False)
    assert [each.beyond for each in found] == [True, True, True, False]
