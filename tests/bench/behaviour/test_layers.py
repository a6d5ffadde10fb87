"""Workloads recorded and traced by hooks: the final gradients, and what rounds."""

from typing import Any

import numpy as np
import paddle
import pytest

from benchmarks.behaviour.files import OwnRun, digest, step_digest
from benchmarks.behaviour.layers import Observer, is_inside, observe
from benchmarks.workloads.own import OWN_EXECUTIONS
from tests.bench.behaviour.conftest import Workload

RATE = 0.1
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
    last = " (2)" if backward == TWICE else ""
    bits = [digest([values[f"gradient of {name}{last}"]]) for name in history.raw_norms]
    ends = [norms[-1] for norms in history.raw_norms.values()]
    in_order = step_digest(history.loss[-1], ends, [np.frombuffer(b, np.uint8) for b in bits])
    assert trace.gradients == in_order
    for name, norms in history.raw_norms.items():
        gradient = (values[f"{name} before the step"] - values[f"{name} after the update"]) / RATE
        assert norms[-1] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


@pytest.mark.usefixtures("gpus")
def test_device_of_a_run_has_its_full_name(workload: Workload) -> None:
    """Runs on the first GPU can be compared, however it was called; their steps are made there."""
    there = "assert str(loss.place) == 'Place(gpu:0)'; loss.backward()"
    recording, _ = observe(workload("loss.backward()", there, device="gpu"), 1)

    assert recording.history.settings["device"] == "gpu:0"


class Rounding(paddle.nn.Layer):
    """A layer whose part rounds to bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = self.create_parameter([1])
        self.part = paddle.nn.Identity()

    def forward(self, x: Any) -> Any:
        """Return a product in float32."""
        return self.part((x * self.weight).astype("bfloat16")).astype("float32")


def test_rounding_is_that_of_the_most_exact_parameter_or_of_any_layer() -> None:
    """In whatever order they come. After a step that is traced, no tensor is kept."""
    for dtypes in (("float32", "float64"), ("float64", "float32")):
        weights = [paddle.create_parameter([1], dtype) for dtype in dtypes]
        assert Observer(paddle.nn.ParameterList(weights)).epsilon == 2**-52
    model, x = Rounding(), paddle.ones([2])
    observer = Observer(model)
    end = observer.trace()
    model(x)
    end()
    traced = len(observer.forward)
    model(x)

    assert observer.epsilon == 2**-7
    assert len(observer.forward) == traced == 4


def test_part_of_a_layer_is_inside_it() -> None:
    """The model itself has no name; another layer's name may begin with the same letters."""
    found = [is_inside("a.b", other) for other in ("", "a", "b", "a.", "a.b")]
    assert found == [True, True, False, False, False]
    assert not is_inside("ab", "a")
