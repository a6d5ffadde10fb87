"""Workloads recorded and traced by hooks: final gradients, and names for what differs first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks.behaviour.culprits import find_culprit
from benchmarks.behaviour.files import OwnJob, OwnRun, Trace
from benchmarks.behaviour.layers import observe
from benchmarks.workloads.own import OWN_EXECUTIONS
from rnn_core.config import DType
from tests.bench.behaviour.conftest import Workload
from tests.helpers.default_dtype import default_dtype

RATE = 0.1
WORDS = """
import paddle

class Words(paddle.nn.Layer):
    def __init__(self, sparse):
        super().__init__()
        self.table = paddle.nn.Embedding(5, 3, sparse=sparse)

    def forward(self, x):
        return self.table((x[:, 0] > 9).astype("int64")) + x

class Half(paddle.nn.Layer):
    def forward(self, x):
        return (x * 2).astype("bfloat16")

class Narrow(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.w = self.create_parameter([3], dtype="float32")

    def forward(self, x):
        return x * self.w.astype(x.dtype)
"""
Patch = Callable[[pytest.MonkeyPatch], None]


def scaled(owner: Any, attribute: str, factor: Callable[[Any], Any]) -> Patch:
    """Return a fault that passes the result of a function through another one."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        healthy = getattr(owner, attribute)
        patch.setattr(owner, attribute, lambda *args, **kwargs: factor(healthy(*args, **kwargs)))

    return planted


def steep(x: Any) -> Any:
    """Return the same values, with a gradient that is too large."""
    x = x * 1
    if not x.stop_gradient:
        x.register_hook(lambda gradient: gradient * 1.01)
    return x * 1


TWICE = "(loss / 2).backward(); ((model(x) ** 2).mean() / 2).backward()"


@pytest.mark.parametrize("backward", ["loss.backward()", TWICE], ids=["once", "twice"])
@pytest.mark.parametrize("execution", OWN_EXECUTIONS)
def test_recorded_norms_are_those_of_the_final_gradients(
    workload: Workload, execution: str, backward: str
) -> None:
    """A layer that is used twice has one gradient; the step may clear it before it returns."""
    job = workload("loss.backward()", backward, execution=execution)
    recording, trace = observe(job, 3, trace=3)
    again, _ = observe(job, 3)
    history: OwnRun = recording.history

    assert list(history.raw_norms) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert np.isfinite(history.loss).all()
    assert (recording.gradients == again.gradients).all()
    assert (recording.parameters == again.parameters).all()
    assert trace is not None
    assert trace.repeats(recording, 3)
    values = {tensor.name: tensor.values for tensor in trace.tensors}
    assert len(values) == len(trace.tensors)
    for name, norms in history.raw_norms.items():
        gradient = (values[f"{name} before the step"] - values[f"{name} after the update"]) / RATE
        assert norms[-1] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


def test_parameter_without_a_gradient_has_no_norm(workload: Workload) -> None:
    """Also if it had one in the step before."""
    last = "self.last(x)"
    job = workload(
        "return self.last(",
        f"self.calls = getattr(self, 'calls', 0) + 1; return {last} if "
        "self.calls == 2 else self.last(",
    )

    history: OwnRun = observe(job, 3)[0].history

    found = {name: np.isfinite(norms).tolist() for name, norms in history.raw_norms.items()}
    assert found["first.weight"] == found["first.bias"] == [True, False, True]
    assert found["last.weight"] == [True] * 3


def test_sparse_gradient_is_that_of_the_whole_parameter(workload: Workload) -> None:
    """Rows of words that repeat are added up."""

    def observed(sparse: bool) -> tuple[Any, Any]:
        job = workload("paddle.nn.Linear(3, 3)", f"Words({sparse})")
        path = Path(job.workload.rpartition(":")[0])
        # Paddle adds up the rows itself if the layer is used twice.
        source = path.read_text().replace("self.first(self.first(x))", "self.first(x)")
        path.write_text(WORDS + source)
        recording, trace = observe(job, 2, trace=2)
        assert trace is not None
        [gradient] = [t.values for t in trace.tensors if t.name == "gradient of first.table.weight"]
        return recording.history.raw_norms["first.table.weight"], gradient

    for sparse, dense in zip(observed(True), observed(False), strict=True):
        assert sparse == pytest.approx(dense, rel=1e-5)


@pytest.mark.parametrize(
    ("layer", "dtype", "epsilon"),
    [
        ("paddle.nn.Linear(3, 3)", "float32", 2**-23),
        ("paddle.nn.Linear(3, 3)", "float64", 2**-52),
        ("Half()", "float32", 2**-7),
        ("Narrow()", "float64", 2**-52),
    ],
)
def test_rounding_is_that_of_the_least_exact_layer(
    workload: Workload, layer: str, dtype: DType, epsilon: float
) -> None:
    """Mixed precision has exact parameters, but rare and large differences from rounding.

    Of several parameters, the most exact one counts.
    """
    job = workload("paddle.nn.Linear(3, 3)", layer)
    path = Path(job.workload.rpartition(":")[0])
    source = path.read_text().replace("self.first(self.first(x))", "self.first(x).astype(x.dtype)")
    path.write_text(WORDS + source)

    with default_dtype(dtype):
        recording, _ = observe(job, 1)

    assert recording.history.settings["epsilon"] == epsilon


@pytest.mark.parametrize(
    ("plant", "tensor", "operator"),
    [
        (lambda _: None, None, None),
        (
            scaled(paddle.nn.Linear, "forward", lambda x: x * 1.01),
            "output of first",
            "first (Linear)",
        ),
        (
            scaled(paddle, "tanh", lambda x: x * 1.01),
            "input of last",
            "the code before last (Linear)",
        ),
        (scaled(paddle.nn.Linear, "forward", steep), "gradient of last.bias", "backward of last"),
        (
            scaled(paddle, "tanh", steep),
            "gradient of the output of first",
            "backward of what follows first",
        ),
        (
            scaled(paddle.nn.Layer, "create_parameter", lambda p: p.set_value(p + 1) or p),
            "first.weight before the step",
            "the initialiser",
        ),
        (
            scaled(paddle.optimizer.SGD, "_create_param_lr", lambda rate: rate * 1.01),
            "first.weight after the update",
            "the update",
        ),
    ],
    ids=["nothing", "forward", "between", "backward", "between, backward", "weights", "update"],
)
def test_first_tensor_that_differs_names_the_layer(
    workload: Workload, plant: Patch, tensor: str | None, operator: str | None
) -> None:
    """It is found whether the forward pass, the backward pass or the update is wrong."""
    healthy = observe(workload(), 1, trace=1)[1]
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        broken = observe(workload(), 1, trace=1)[1]
    assert healthy is not None
    assert broken is not None
    found = find_culprit(healthy, broken, None)

    names = found and (found.tensor.name, found.tensor.operator)
    assert names == (tensor and (tensor, operator))


def test_weights_move_to_neighbouring_numbers(workload: Workload) -> None:
    """They move before the given step, by less than a rounding of the largest."""
    job = workload()
    step = 2

    def parameters(job: OwnJob) -> dict[str, np.ndarray]:
        trace = observe(job, step, trace=step)[1]
        assert isinstance(trace, Trace)
        return {t.name: t.values for t in trace.tensors if t.name.endswith("before the step")}

    healthy, moved = parameters(job), parameters(replace(job, moved_by=1, moved_at=step))
    for name, values in healthy.items():
        assert (np.abs(moved[name] - values) == np.spacing(np.abs(values))).mean() > 0.3
        assert np.allclose(moved[name], values, rtol=3e-7, atol=0)
    weight = "first.weight before the step"
    assert {-1, 1} <= {*np.sign(moved[weight] - healthy[weight]).flat}
    again = parameters(replace(job, moved_by=1, moved_at=step))
    assert (again[weight] == moved[weight]).all()
