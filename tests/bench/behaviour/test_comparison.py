"""The comparison of behaviours, with faults planted in one side.

Most comparisons run in this process, with the fault planted only while the candidate runs. One
runs its candidate in a separate process: the same Paddle with different rounding.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import paddle
import paddle.nn.functional as F
import pytest

from benchmarks.behaviour import comparison, sides, worker
from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.envelope import ENVELOPES
from benchmarks.behaviour.files import Job, Recording
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.sides import Task
from benchmarks.interpreters import SideError
from rnn_core import EXPERIMENTS
from rnn_core.config import EAGER
from tests.bench.behaviour import EPOCHS
from tests.bench.behaviour.test_sides import PYTHON
from tests.faults.in_paddle import FAULTS

TANHS = 10  # in one step of the RNN
GRADIENT = ("d (x_10 W + h_9 U + b)", "gradient of tanh")

Plant = Callable[[pytest.MonkeyPatch], object]
Compare = Callable[..., list[BehaviourVerdict]]


def run_in_this_process(monkeypatch: pytest.MonkeyPatch, plant: Plant, *modules: object) -> None:
    """Let these modules run their tasks in this process, with a fault in the candidate."""

    def run_tasks(tasks: Sequence[Task], progress: object = None) -> None:
        del progress
        for task in tasks:
            with pytest.MonkeyPatch.context() as patch:
                if task.side.name == "candidate":
                    plant(patch)
                if status := worker.main(task.arguments):
                    raise SideError(f"{task.side.name}: {status}")

    for module in modules:
        monkeypatch.setattr(module, "run_tasks", run_tasks)


@pytest.fixture
def compare_planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Compare:
    """Return a comparison in this process, with a fault in the candidate."""

    def compared(plant: Plant, baseline: str = PYTHON, **options: Any) -> list[BehaviourVerdict]:
        run_in_this_process(monkeypatch, plant, comparison, sides)
        return compare_behaviour(baseline, PYTHON, tmp_path, epochs=EPOCHS, **options)

    return compared


def catalogued(name: str) -> Plant:
    """Return a fault from the catalogue that replaces a function, method or operator."""
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    plant = fault.break_paddle
    assert isinstance(plant, partial)
    owner, attribute, _ = plant.args

    def planted(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, attribute, getattr(owner, attribute))  # Restores it afterwards.
        plant()

    return planted


def steep_tanh(x: Any) -> Any:
    """Return tanh, exact to the last bit, with a gradient that is 1e-4 too large."""
    x = x * 1
    if not x.stop_gradient:
        x.register_hook(lambda d_x: d_x * (1 + 1e-4))
    return paddle.tanh(x)


def tanh_at(calls: Callable[[int], bool], broken: Callable[[Any], Any]) -> Plant:
    """Return a fault that breaks tanh in the calls, counted from 0, for which `calls` is true."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        healthy, count = F.tanh, iter(range(10**9))
        patch.setattr(F, "tanh", lambda x: broken(x) if calls(next(count)) else healthy(x))

    return planted


def steep_from(step: int) -> Plant:
    """Return a fault that makes the gradient of tanh too large from a step on."""
    return tanh_at(lambda call: call >= TANHS * (step - 1), steep_tanh)


def rounded(x: Any) -> Any:
    """Return `x` with its numbers off by one or two units in the last place."""
    return x * (1 + 1.2e-7)


def test_environment_equals_itself_bitwise(compare_planted: Compare) -> None:
    """Every experiment, with every execution, gives the same bits twice."""
    verdicts = compare_planted(lambda _: None, executions=EAGER)

    assert [(verdict.experiment, verdict.execution) for verdict in verdicts] == [
        (name, execution) for execution in EAGER for name in EXPERIMENTS
    ]
    assert {verdict.verdict for verdict in verdicts} == {"bitwise equal"}
    assert {(v.until, v.first_step, v.tensor) for v in verdicts} == {(4 * EPOCHS, None, None)}


def test_wrong_gradient_is_located(compare_planted: Compare, recorded: Path) -> None:
    """If the gradient of tanh is off by 1e-4, the verdict names step, tensor and operator."""
    verdicts = compare_planted(catalogued("paddle-tanh-gradient-off"), str(recorded))

    assert {verdict.verdict for verdict in verdicts} == {"different"}
    assert {verdict.first_step for verdict in verdicts} == {1}
    assert {verdict.operator for verdict in verdicts} <= {
        "gradient of tanh",
        "gradient of tanh and multiply, summed over 2 uses",
    }
    assert verdicts[0].tensor == GRADIENT[0]
    assert verdicts[2].tensor in ("d c_10", "d (x_10 w_a + h_9 u_a + b_a)")


def test_wrong_forward_operator_is_located(compare_planted: Compare, recorded: Path) -> None:
    """A sigmoid that is off by 1e-4 shows in the LSTM's first gate, and not in the RNNs."""
    verdicts = compare_planted(catalogued("paddle-sigmoid-off"), str(recorded))

    assert [v.verdict for v in verdicts] == ["bitwise equal", "bitwise equal", "different"]
    _, _, lstm = verdicts
    assert (lstm.first_step, lstm.tensor, lstm.operator) == (1, "i_1", "sigmoid")
    assert "128 of 128 elements differ" in lstm.text


@pytest.mark.parametrize(
    ("experiment", "plant", "expected"),
    [
        # The forward tanh differs first, but only by rounding: its gradient is the culprit.
        (
            "clipped-rnn",
            tanh_at(lambda _: True, lambda x: rounded(steep_tanh(x))),
            ("different", 1, 0, *GRADIENT),
        ),
        ("clipped-rnn", steep_from(2), ("different", 2, 1, *GRADIENT)),
        ("exploding-rnn", steep_from(5), ("different", 5, 4, *GRADIENT)),
        (
            "clipped-rnn",
            tanh_at(lambda call: call == 3 * TANHS, lambda x: rounded(paddle.tanh(x))),
            ("equal within rounding", 4, 8, "h_1", "tanh"),
        ),
    ],
    ids=["behind another rounding", "in step 2", "in the explosion", "a single rounding"],
)
def test_fault_is_located(
    experiment: str, plant: Plant, expected: Any, compare_planted: Compare
) -> None:
    """The verdict names the first step that differs, the last within rounding, and the place."""
    (found,) = compare_planted(plant, experiments=[experiment])

    assert (found.verdict, found.first_step, found.until, found.tensor, found.operator) == expected
    assert found.largest_difference
    assert "note" not in found.text


@pytest.mark.slow
def test_another_rounding_is_equal_within_rounding(recorded: Path, tmp_path: Path) -> None:
    """Paddle with different rounding, run in a separate process, is not reported as different.

    On a machine where the variable has no effect, it is bitwise equal.
    """
    verdicts = compare_behaviour(
        str(recorded), PYTHON, tmp_path, candidate_env={"MKL_CBWR": "COMPATIBLE"}, epochs=EPOCHS
    )

    assert [verdict.experiment for verdict in verdicts] == list(EXPERIMENTS)
    for verdict in verdicts:
        assert verdict.verdict in ("bitwise equal", "equal within rounding"), verdict.text
        horizon = ENVELOPES[verdict.experiment].horizon
        assert verdict.until >= min(4 * EPOCHS, horizon), verdict.text
    history = Recording.load(Job("clipped-rnn", "textbook"), tmp_path / "candidate").history
    assert "MKL_CBWR=COMPATIBLE" in history.environment["flags"]
