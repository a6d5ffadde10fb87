"""Trace one training step: every tensor by name, in the order of computation.

The equations of `rnn_core.cells` are repeated here so that each operator's output has a name.
`Trace.repeats` checks that they give the bits of the recorded run, traced or not. In the execution
"kernel", the whole layer is one operator.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import add, matmul, mul
from typing import Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor

from benchmarks.behaviour.files import Trace, Traced, digest, step_digest
from rnn_core import LSTM, NumericPrediction, SimpleRNN
from rnn_core.executions.kernel import recurrent
from rnn_core.gradients import read_norms, squared_norms
from rnn_core.parameters import Parameters
from rnn_core.step import TrainingStep

Operation = Callable[..., Any]


class Kept(NamedTuple):
    """An output of an operator.

    Attributes:
        name: name of the output.
        operator: operator that computed it.
        made: values of the output.
        passed_on: tensor to pass to the next operators.
    """

    name: str
    operator: str
    made: NDArray[Any]
    passed_on: Tensor


class Tape:
    """Runs operators, and keeps every output with its operator."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        # The operators that used a tensor, and their outputs, by the tensor's id.
        self.uses: dict[int, list[tuple[str, Tensor]]] = {}

    def run(self, name: str, operator: str, operation: Operation, *inputs: Tensor) -> Tensor:
        """Run an operator with one output."""
        (made,) = self.run_all([name], operator, lambda *given: [operation(*given)], *inputs)
        return made

    def run_all(
        self, names: Sequence[str], operator: str, operation: Operation, *inputs: Tensor
    ) -> list[Tensor]:
        """Run an operator with several outputs."""
        outputs = self.outputs(names, operation, inputs)
        for name, (made, passed_on) in zip(names, outputs, strict=True):
            self.kept.append(Kept(name, operator, read(made), passed_on))
        for tensor in inputs:
            uses = self.uses.setdefault(id(tensor), [])
            uses += [(operator, passed_on) for _, passed_on in outputs]
        return [passed_on for _, passed_on in outputs]

    def outputs(
        self, names: Sequence[str], operation: Operation, inputs: tuple[Tensor, ...]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return each output with the tensor to pass on, which is the same."""
        del names
        outputs = operation(*inputs)
        for output in outputs:
            if not output.stop_gradient:
                output.retain_grads()
        return [(output, output) for output in outputs]

    def backward(self, loss: Tensor) -> None:
        """Compute all gradients."""
        loss.backward()

    def gradient(self, tensor: Tensor) -> Tensor | None:
        """Return the derivative of the loss with respect to a tensor; None if it has none."""
        gradient: Tensor | None = tensor.grad
        return gradient

    def given(self, name: str, tensor: Tensor) -> Tensor:
        """Return the tensor of this name to pass on: the given one."""
        del name
        return tensor


class Replay(Tape):
    """Gives every operator the inputs that it had on the other side.

    A tensor therefore differs only if its own operator does.
    """

    def __init__(self, other: Trace) -> None:
        super().__init__()
        self.other = {tensor.name: tensor.values for tensor in other.tensors}
        self.shares: dict[int, list[Tensor]] = {}

    def outputs(
        self, names: Sequence[str], operation: Operation, inputs: tuple[Tensor, ...]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return each output from the other side's inputs, with the other side's output."""
        leaves = [tensor.detach() for tensor in inputs]
        for leaf in leaves:
            leaf.stop_gradient = False
        made = operation(*leaves)
        passed_on = [paddle.to_tensor(self.other[name]) for name in names]
        known = [
            (output, paddle.to_tensor(self.other.get(derivative(name), np.ones_like(read(output)))))
            for name, output in zip(names, made, strict=True)
            if name == "loss" or derivative(name) in self.other
        ]
        if known:
            # Not paddle.grad, which fails for Paddle's recurrent operator.
            paddle.autograd.backward(
                [output for output, _ in known], [gradient for _, gradient in known]
            )
            for leaf, tensor in zip(leaves, inputs, strict=True):
                if leaf.grad is not None:
                    self.shares.setdefault(id(tensor), []).append(leaf.grad)
        return list(zip(made, passed_on, strict=True))

    def backward(self, loss: Tensor) -> None:
        """Do nothing: each operator has run its backward pass already."""

    def gradient(self, tensor: Tensor) -> Tensor | None:
        """Return the sum over all uses of the tensor, the last use first, as in backpropagation."""
        shares = self.shares.get(id(tensor), [])
        total: Tensor | None = None
        for share in reversed(shares):
            total = share if total is None else total + share
        return total

    def given(self, name: str, tensor: Tensor) -> Tensor:
        """Return the other side's tensor of this name."""
        del tensor
        return paddle.to_tensor(self.other[name])


def trace_step(
    training: TrainingStep, tokens: Tensor, labels: Tensor, other: Trace | None = None
) -> Trace:
    """Run one training step as `TrainingStep` does, and keep every tensor.

    Args:
        training: training step, whose model is updated.
        tokens: token ids that have been checked, `[B, T]`.
        labels: values to predict, `[B, 1]`.
        other: trace of the other side, from which every operator gets its inputs; None to use the
            step's own tensors.
    """
    tape = Tape() if other is None else Replay(other)
    parameters, names = training.parameters, training.names
    for tensor in parameters.tensors:
        tensor.clear_gradient(False)
    for name, weight in zip(names, parameters.weights, strict=True):
        weight.set_value(tape.given(before_step(name), weight))
    traced = weights(parameters, before_step, "seed or update")
    before = digest(tensor.values for tensor in traced)
    traced += [traced_at("tokens", "data", tokens), traced_at("labels", "data", labels)]

    loss = forward(tape, training.model, tokens, labels)
    traced += [scaled(k.name, k.operator, k.made) for k in tape.kept]
    tape.backward(loss)
    # From last to first, because a gradient is computed from those of later tensors.
    for kept in reversed(tape.kept):
        traced += gradient_of(tape, derivative(kept.name), kept.passed_on)
    for block in parameters.blocks:
        traced += gradient_of(tape, f"grad {block.name}", block.stored, block.of)

    # In a replay, the other side's gradients replace these.
    left = parameters.weights if isinstance(tape, Replay) else parameters.gradients()
    raw = clipped = [
        tape.given(f"grad {name}", gradient) for name, gradient in zip(names, left, strict=True)
    ]
    squares = clipped_squares = squared_norms(raw)
    traced += norms("grad", names, squares)
    if training.clip is not None:
        made = training.clip(raw, squares)
        traced += [
            traced_at(f"clipped {name}", "clipping", gradient)
            for name, gradient in zip(names, made, strict=True)
        ]
        clipped = [tape.given(f"clipped {n}", g) for n, g in zip(names, made, strict=True)]
        clipped_squares = squared_norms(clipped)
        traced += norms("clipped", names, clipped_squares)
    read_back = read_norms([*raw, *clipped], [*squares, *clipped_squares])
    gradients = step_digest(float(loss.numpy()), read_back, map(read, raw))

    training.clipped = clipped
    training.update()
    after = weights(parameters, after_step, "sgd")
    return Trace([*traced, *after], before, gradients, digest(tensor.values for tensor in after))


def weights(parameters: Parameters, named: Callable[[str], str], operator: str) -> list[Traced]:
    """Trace the current value of every parameter."""
    pairs = zip(parameters.names, parameters.weights, strict=True)
    return [traced_at(named(name), operator, weight) for name, weight in pairs]


def forward(tape: Tape, model: NumericPrediction, tokens: Tensor, labels: Tensor) -> Tensor:
    """Return the loss, `[]`."""
    weight, linear = model.embedding.weight, model.linear
    inputs = tape.run("x", "embedding", partial(F.embedding, tokens), weight)
    zeros = paddle.zeros([inputs.shape[0], model.hidden_size])
    if isinstance(model.recurrent, SimpleRNN | LSTM):
        hidden = unrolled(tape, model.recurrent, inputs, zeros)
    else:
        layer = model.recurrent
        states = [zeros] * {"RNN": 1, "LSTM": 2}[model.cell]

        def last_hidden(x: Tensor, *stored: Tensor) -> Tensor:
            return recurrent(layer.mode, x, states, *stored)[0]

        operator, stored = f"{model.execution} {model.cell}", layer.parameters()
        hidden = tape.run(f"h_{inputs.shape[1]}", operator, last_hidden, inputs, *stored)
    prediction = tape.run("prediction", "linear", F.linear, hidden, linear.weight, linear.bias)
    return tape.run("loss", "mse_loss", lambda p: F.mse_loss(p, labels), prediction)


def unrolled(tape: Tape, layer: SimpleRNN | LSTM, inputs: Tensor, zeros: Tensor) -> Tensor:
    """Return the last hidden state, `[B, H]`, by the textbook's equations."""
    T, h, c = inputs.shape[1], zeros, zeros
    steps = range(1, T + 1)
    xs = tape.run_all([f"x_{t}" for t in steps], "unbind", lambda x: x.unbind(axis=1), inputs)
    for t, x in zip(steps, xs, strict=True):
        if isinstance(layer, SimpleRNN):
            h = gate(tape, F.tanh, f"h_{t}", (x, h), {"W": layer.W, "U": layer.U, "b": layer.b})
        else:
            h, c = lstm_step(tape, layer, x, h, c, t)
    return h


def lstm_step(
    tape: Tape, layer: LSTM, x: Tensor, h: Tensor, c: Tensor, t: int
) -> tuple[Tensor, Tensor]:
    """Return the next hidden and cell state, each `[B, H]`."""
    i, f, o, a = (
        gate(
            tape,
            F.tanh if letter == "a" else F.sigmoid,
            f"{letter}_{t}",
            (x, h),
            {f"{kind}_{letter}": getattr(layer, f"{kind}_{letter}") for kind in "wub"},
        )
        for letter in "ifoa"
    )
    old = tape.run(f"f_{t} * c_{t - 1}", "multiply", mul, f, c)
    new = tape.run(f"i_{t} * a_{t}", "multiply", mul, i, a)
    c = tape.run(f"c_{t}", "add", add, old, new)
    squashed = tape.run(f"tanh(c_{t})", "tanh", F.tanh, c)
    return tape.run(f"h_{t}", "multiply", mul, o, squashed), c


def gate(
    tape: Tape,
    activation: Operation,
    name: str,
    states: tuple[Tensor, Tensor],
    weights: dict[str, Tensor],
) -> Tensor:
    """Return activation(x_t w + h_{t-1} u + b), `[B, H]`.

    Args:
        tape: tape that runs the operators.
        activation: tanh or sigmoid.
        name: name of the result, which ends in the number of the time step, such as `h_3`.
        states: x_t, `[B, E]`, and h_{t-1}, `[B, H]`.
        weights: w, u and b by their names, in this order.
    """
    (x, h), (w, u, b), t = states, weights, int(name.partition("_")[2])
    from_x, from_h = f"x_{t} {w}", f"h_{t - 1} {u}"
    # The operators are written as in the cells: a Paddle release may change one way to write an
    # operator and not another.
    xw = tape.run(from_x, "matmul", matmul, x, weights[w])
    hu = tape.run(from_h, "matmul", matmul, h, weights[u])
    both = tape.run(f"{from_x} + {from_h}", "add", add, xw, hu)
    z = tape.run(f"{from_x} + {from_h} + {b}", "add", add, both, weights[b])
    return tape.run(name, "tanh" if activation is F.tanh else "sigmoid", activation, z)


def gradient_of(
    tape: Tape, name: str, tensor: Tensor, part: Callable[[Tensor], Tensor] | None = None
) -> list[Traced]:
    """Trace a tensor's gradient, or a part of it, if it has one.

    The result names the gradients of all operators that used the tensor.
    """
    gradient, uses = tape.gradient(tensor), tape.uses.get(id(tensor), [])
    if gradient is None or not uses:
        return []
    operator = "gradient of " + " and ".join(dict.fromkeys(operator for operator, _ in uses))
    if len(uses) > 1 and "unbind" not in operator:
        operator += f", summed over {len(uses)} uses"
    values = read(gradient if part is None else part(gradient))
    # A saturated activation may pass on only the rounding error of the gradient that arrived.
    arrived = [g for g in (tape.gradient(output) for _, output in uses) if g is not None]
    scale = max(scale_of(each) for each in (values, *map(read, arrived)))
    return [Traced(name, operator, values, scale)]


def norms(what: str, names: Sequence[str], squares: Sequence[Tensor]) -> list[Traced]:
    """Trace squared norms."""
    return [
        traced_at(f"squared norm of {what} {name}", "squared_l2_norm", square)
        for name, square in zip(names, squares, strict=True)
    ]


def derivative(name: str) -> str:
    """Return the name of the derivative of the loss with respect to a tensor."""
    return f"d ({name})" if " " in name else f"d {name}"


def before_step(name: str) -> str:
    """Return the name of a parameter before the step."""
    return f"{name} before the step"


def after_step(name: str) -> str:
    """Return the name of a parameter after the update."""
    return f"{name} after the update"


def traced_at(name: str, operator: str, tensor: Tensor) -> Traced:
    """Trace the current value of a tensor."""
    return scaled(name, operator, read(tensor))


def scaled(name: str, operator: str, values: NDArray[Any]) -> Traced:
    """Return a tensor with the scale of its values."""
    return Traced(name, operator, values, scale_of(values))


def scale_of(values: NDArray[Any]) -> float:
    """Return the largest finite magnitude, but at least 1 for a single number.

    A single number may be a small difference of larger ones.
    """
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=1 if values.size == 1 else 0))


def read(tensor: Tensor) -> NDArray[Any]:
    """Return a copy of the values: the result of `numpy` may change with the tensor."""
    return np.array(tensor.numpy())
