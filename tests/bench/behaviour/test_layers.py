"""Workloads recorded and traced by hooks: final gradients, and names for what differs first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks.behaviour.culprits import find_culprit
from benchmarks.behaviour.files import OwnJob, OwnRun, Recording, Trace
from benchmarks.behaviour.layers import check_budget, observe
from benchmarks.workloads.own import OWN_EXECUTIONS, WorkloadError, find_workload
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

class Spectrum(paddle.nn.Layer):
    def forward(self, x):
        return paddle.fft.fft(x)

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


def test_step_that_takes_too_long_is_refused(workload: Workload) -> None:
    """When the first run knows it; further runs of a comparison that has begun are not refused."""
    job = workload(budget=1e-9)

    with pytest.raises(WorkloadError, match="y:workload: a step takes .*, and the budget is 1e-09"):
        observe(job, job.steps)
    with pytest.raises(WorkloadError, match="and the budget is 1e-09"):
        observe(replace(job, steps=2), 2)
    check_budget(replace(job, budget=10.0), 21.4)
    with pytest.raises(WorkloadError, match="a step takes 21.5 s: .* 4 steps may take 10 minutes"):
        check_budget(replace(job, budget=10.0), 21.5)
    observe(job, job.steps, trace=2)
    observe(replace(job, variant=".compatible"), job.steps)


def test_complex_output_is_kept_as_real_numbers(workload: Workload, tmp_path: Path) -> None:
    """Its trace can be loaded again."""
    job = workload("paddle.nn.Linear(3, 3)", "Spectrum()")
    path = Path(job.workload.rpartition(":")[0])
    path.write_text(
        WORDS
        + path.read_text().replace("paddle.tanh(self.first(self.first(x)))", "self.first(x).abs()")
    )
    trace = observe(job, 1, trace=1)[1]
    assert trace is not None
    trace.save(tmp_path / "trace.npz")

    [output] = [
        t.values for t in Trace.load(tmp_path / "trace.npz").tensors if t.name == "output of first"
    ]
    assert (*output.shape, output.dtype.name) == (4, 3, 2, "float32")
    assert output.any(axis=(0, 1)).all()


def test_tensors_are_named_by_their_innermost_layers(workload: Workload) -> None:
    """A layer inside another one computed them, or used them."""
    nested = "paddle.nn.Sequential(paddle.nn.Linear(3, 3), paddle.nn.Tanh())"
    trace = observe(workload("paddle.nn.Linear(3, 3)", nested), 2, trace=2)[1]
    assert trace is not None
    names = [f"{tensor.name} <- {tensor.operator}" for tensor in trace.tensors]

    assert names[:5:4] == [
        "first.0.weight before the step <- an earlier update",
        "input of the model <- the code before the model (Model)",
    ]
    assert names[16:-4] == [
        "output of first (call 2) <- first (Sequential)",
        "input of last <- the code before last (Linear)",
        "output of last <- last (Linear)",
        "output of the model <- the model (Model)",
        "loss <- the training step",
        "gradient of the output of last <- backward of what follows last",
        "gradient of last.bias <- backward of last",
        "gradient of last.weight <- backward of last",
        "gradient of the input of last <- backward of last",
        "gradient of the output of first.1 <- backward of what follows first.1",
        "gradient of the input of first.1 <- backward of first.1",
        "gradient of the input of first.0 <- backward of first.0",
        "gradient of the input of first.1 (2) <- backward of first.1",
        "gradient of first.0.bias <- backward of first.0",
        "gradient of first.0.weight <- backward of first.0",
    ]


def test_saved_run_is_loaded_again(workload: Workload, tmp_path: Path) -> None:
    """Its losses, norms, settings and digests are the same."""
    job = workload()
    recording, _ = observe(job, 3)
    recording.save(job, tmp_path)
    loaded, history = Recording.load(job, tmp_path), recording.history
    loss, norms = history.loss, {name: each.tolist() for name, each in history.raw_norms.items()}

    settings = {"workload": "small.py:workload", "seed": 3, "steps": 4, "device": "cpu"}
    settings |= {"file": find_workload(job.workload).digest, "execution": "eager"}
    assert loaded.history.settings == settings | {"epsilon": 2**-23}
    assert loaded.history.loss.tolist() == loss.tolist()
    assert {name: each.tolist() for name, each in loaded.history.raw_norms.items()} == norms
    assert (loaded.gradients == recording.gradients).all()
    assert (loaded.parameters == recording.parameters).all()
    assert history.describe() == f"loss {loss[0]:.4g} in step 1, {loss[2]:.4g} in step 3"


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


def test_step_without_a_gradient_is_refused(workload: Workload) -> None:
    """It does not call backward."""
    with pytest.raises(WorkloadError, match="step 1 computes no gradient of the model's param"):
        observe(workload("loss.backward()", "pass"), 1)
