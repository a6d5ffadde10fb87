"""Record and trace a workload of the user's own by Paddle's hooks.

A hook on a parameter sees its gradient when the backward pass has added up all its shares, before
the step can clear it. Hooks on the layers see their inputs and outputs, and the gradients of these.
In a traced ("static") model, only the whole model is a layer. Hooks do not see single operators and
cannot run one on other inputs, so the experiments have `benchmarks.behaviour.trace`.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor
from paddle.utils.layers_utils import flatten

from benchmarks.behaviour.files import (
    OwnJob,
    OwnRun,
    Recording,
    Trace,
    Traced,
    digest,
    rows,
    step_digest,
)
from benchmarks.behaviour.trace import after_step, before_step, scaled
from benchmarks.text import significant
from benchmarks.workloads.own import WorkloadError, load_workload
from rnn_core.runtime.devices import use_device

# Runs of a comparison that follow each other, where two processes run at a time: two runs of each
# side, and if they differ, four that round differently, and five that trace the first such step.
# If that is due to rounding, a later step is traced, too; such runs end with the traced step.
RUNS = 7


class Gradient(NamedTuple):
    """The final gradient of a parameter.

    Attributes:
        norm: L2 norm.
        digest: digest of its bits.
    """

    norm: float
    digest: bytes


class Observer:
    """Sees the gradients of a model's parameters, and the tensors of a step that is traced."""

    def __init__(self, model: paddle.nn.Layer) -> None:
        self.model = model
        self.parameters = dict(model.named_parameters())
        self.trained = [name for name, p in self.parameters.items() if not p.stop_gradient]
        self.gradients: dict[str, Gradient] = {}
        self.forward: list[Traced] = []
        self.backward: list[Traced] = []
        self.tracing = False
        # The layers that computed a tensor and that used it, by the tensor's id.
        self.seen: dict[int, tuple[Tensor, list[str], list[str]]] = {}
        # Number of calls of a layer, and of gradients of one name.
        self.calls: dict[str, int] = {}
        trained = [self.parameters[name] for name in self.trained]
        # Rounding of one number: that of the most exact parameter, or of a layer that rounds more.
        self.epsilon = min(float(paddle.finfo(each.dtype).eps) for each in trained)
        for name, parameter in zip(self.trained, trained, strict=True):
            parameter._register_backward_hook(partial(self._finished, name))
        layers: Any = model.sublayers(include_self=True)
        for layer in layers:
            layer.register_forward_post_hook(self._rounded)

    def values(self) -> list[NDArray[Any]]:
        """Return the values of all parameters."""
        return [read(parameter) for parameter in self.parameters.values()]

    def trace(self) -> Callable[[], None]:
        """Start to keep all tensors; return a function that ends it."""
        self.tracing = True
        hooks: list[Any] = []
        layers: Any = self.model.named_sublayers(include_self=True)
        for name, layer in layers:
            what = f"{name or 'the model'} ({type(layer).__name__})"
            hooks.append(layer.register_forward_pre_hook(partial(self._called, name, what)))
            hooks.append(layer.register_forward_post_hook(partial(self._returned, name, what)))

        def end() -> None:
            self.tracing = False
            for hook in hooks:
                hook.remove()

        return end

    def _rounded(self, layer: object, inputs: object, outputs: Any) -> None:
        del layer, inputs
        for each in flatten(outputs) if paddle.in_dynamic_mode() else ():
            if isinstance(each, Tensor) and each.is_floating_point():
                self.epsilon = max(self.epsilon, float(paddle.finfo(each.dtype).eps))

    def _finished(self, name: str, *_: object) -> None:
        final = self.parameters[name].grad
        if final is None:  # Paddle 2 calls the hooks of parameters without a gradient, too.
            return
        gradient = read(final, self.parameters[name].shape)
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
        self.gradients[name] = Gradient(norm, digest([gradient]))
        if self.tracing:
            layer = name.rpartition(".")[0] or "the model"
            self._keep_gradient(f"gradient of {name}", f"backward of {layer}", gradient)

    def _called(self, name: str, what: str, _: object, inputs: Any) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        for label, tensor in self._tensors("input", name, inputs):
            # What is computed between two layers has no hook of its own.
            self.forward.append(scaled(label, f"the code before {what}", read(tensor)))
            self._see(tensor)[2].append(name)

    def _returned(self, name: str, what: str, _: object, inputs: object, outputs: Any) -> None:
        del inputs
        for label, tensor in self._tensors("output", name, outputs):
            self.forward.append(scaled(label, what, read(tensor)))
            self._see(tensor)[1].append(name)

    def _tensors(self, kind: str, name: str, given: Any) -> list[tuple[str, Tensor]]:
        """Return the tensors in the inputs or outputs of a layer, with labels."""
        if not paddle.in_dynamic_mode():  # Paddle traces the model: there are no values yet.
            return []
        tensors = [each for each in flatten(given) if isinstance(each, Tensor)]
        call = f" (call {self.calls[name]})" if self.calls[name] > 1 else ""
        many = len(tensors) > 1
        return [
            (f"{kind}{f' {k}' if many else ''} of {name or 'the model'}{call}", tensor)
            for k, tensor in enumerate(tensors, 1)
        ]

    def _see(self, tensor: Tensor) -> tuple[Tensor, list[str], list[str]]:
        """Return the entry of a tensor; hook its gradient when it is new."""
        new = id(tensor) not in self.seen
        entry = self.seen.setdefault(id(tensor), (tensor, [], []))
        if new and not tensor.stop_gradient:
            tensor.register_hook(partial(self._passed, entry[1], entry[2]))
        return entry

    def _passed(self, made_by: list[str], used_by: list[str], gradient: Tensor) -> None:
        """Keep the gradient of a tensor, named by the innermost layers that used it."""
        users = [
            name or "the model"
            for name in dict.fromkeys(used_by)
            if not any(other != name and is_inside(other, name) for other in used_by)
        ]
        if users:
            label, operator = f"input of {', '.join(users)}", f"backward of {', '.join(users)}"
        else:
            label = f"output of {made_by[0] or 'the model'}"
            operator = f"backward of what follows {made_by[0] or 'the model'}"
        self._keep_gradient(f"gradient of the {label}", operator, read(gradient))

    def _keep_gradient(self, label: str, operator: str, values: NDArray[Any]) -> None:
        """Keep a gradient under a name of its own: a step may run the backward pass repeatedly."""
        count = self.calls[label] = self.calls.get(label, 0) + 1
        label += f" ({count})" if count > 1 else ""
        self.backward.append(scaled(label, operator, values))


def observe(job: OwnJob, steps: int, trace: int | None = None) -> tuple[Recording, Trace | None]:
    """Make the steps of a workload; return what was recorded, and the tensors of one step.

    Args:
        job: run of the workload.
        steps: number of steps.
        trace: step to trace, counted from 1; None for none.

    Raises:
        WorkloadError: the workload cannot be used.
    """
    losses, norms, tensors = [], [], None
    gradients: list[bytes] = []
    with use_device(job.device) as device:
        workload = load_workload(job.workload)
        file = workload.reference.digest  # The file may change while it runs.
        training = workload.make(job.seed, job.execution)  # type: ignore[arg-type]
        observer = Observer(training.model)
        parameters = [digest(observer.values())]
        began: list[float] = []
        for step in range(1, steps + 1):
            if job.moved_by is not None and step == job.moved_at:
                move(observer, job.moved_by)
            before = observer.values() if step == trace else []
            end = observer.trace() if step == trace else lambda: None
            observer.gradients.clear()
            began.append(time.monotonic())
            loss = training.step()
            end()
            if not observer.gradients:
                raise WorkloadError(
                    f"{training.name}: step {step} computes no gradient of the model's parameters: "
                    f"does it call backward?"
                )
            losses.append(loss)
            found = [observer.gradients.get(name) for name in observer.trained]
            norms.append([np.nan if each is None else each.norm for each in found])
            bits = [np.frombuffer(each.digest, np.uint8) for each in found if each is not None]
            gradients.append(step_digest(loss, norms[-1], bits))
            parameters.append(digest(observer.values()))
            if step == min(3, steps) > 1 and not job.variant and trace is None:
                check_budget(job, min(np.diff([*began[1:], time.monotonic()])))
            if step == trace:
                origin = "the initialiser" if step == 1 else "an earlier update"
                tensors = Trace(
                    [
                        *changed(observer, before_step, origin, before),
                        *observer.forward,
                        scaled("loss", "the training step", np.array(loss)),
                        *observer.backward,
                        *changed(observer, after_step, "the update", observer.values()),
                    ],
                    digest(before),
                    gradients[-1],
                    parameters[-1],
                )
    settings = {
        "workload": training.name,
        "file": file,
        "seed": job.seed,
        "steps": job.steps,
        "device": device,
        "execution": job.execution,
        "epsilon": observer.epsilon,
    }
    columns = dict(zip(observer.trained, np.array(norms).T, strict=True))
    run = OwnRun(settings, np.array(losses), columns)
    return Recording(run, rows(gradients), rows(parameters)), tensors


def check_budget(job: OwnJob, seconds: float) -> None:
    """Raise WorkloadError if a step takes so long that the runs may exceed the time limit.

    Args:
        job: run of the workload.
        seconds: time of a step; not the first one, which also compiles.
    """
    minutes = RUNS * job.steps * seconds / 60
    if minutes > job.budget:
        raise WorkloadError(
            f"{job.experiment}: a step takes {significant(seconds)} s: to compare the behaviour of "
            f"{job.steps} steps may take {significant(minutes)} minutes, and the budget is "
            f"{job.budget:g}: raise --budget, make the step smaller, or compare fewer --steps"
        )


def move(observer: Observer, seed: int) -> None:
    """Move each weight to a neighbouring number, up or down at random, as another rounding does."""
    random = np.random.default_rng(seed)
    for name in observer.trained:
        values = observer.parameters[name].numpy()
        if values.dtype.kind == "f":  # NumPy has no bfloat16.
            to = np.where(random.random(values.shape) < 0.5, np.inf, -np.inf)
            observer.parameters[name].set_value(np.nextafter(values, to.astype(values.dtype)))


def changed(
    observer: Observer, named: Callable[[str], str], operator: str, values: list[NDArray[Any]]
) -> list[Traced]:
    """Trace the parameters."""
    pairs = zip(observer.parameters, values, strict=True)
    return [scaled(named(name), operator, value) for name, value in pairs]


def is_inside(name: str, other: str) -> bool:
    """Whether a layer is part of another one."""
    return not other or name.startswith(f"{other}.")


def read(tensor: Tensor, shape: Sequence[int] = ()) -> NDArray[Any]:
    """Return a copy of the values; bfloat16, which NumPy lacks, as float32.

    Complex numbers become pairs of real ones. The rows of a sparse gradient, which may repeat, are
    added up in a dense one of this shape.
    """
    rows = tensor.rows() if tensor.is_selected_rows() else None
    if rows is not None:
        tensor = tensor._get_tensor_from_selected_rows()
    if tensor.dtype == paddle.bfloat16:
        tensor = tensor.astype("float32")
    values = np.array(tensor.numpy())
    if values.dtype.kind == "c":
        values = np.stack([values.real, values.imag], axis=-1)
    if rows is None:
        return values
    dense = np.zeros(shape, values.dtype)
    np.add.at(dense, rows, values)
    return dense
