"""Both layers with few, large operators and a hand-written backpropagation through time.

The same equations as in `rnn_core.cells`, in another order of work (Appleyard, Kocisky and Blunsom,
"Optimizing Performance of Recurrent Neural Networks on GPUs", 2016):

- x_t W + b is one product for all steps, since it waits for no state;
- all gates of a step are one product;
- backward, what does not depend on later steps is computed for all steps at once, and the gradient
  of a weight is one product over all steps, not the sum of one product for each (Werbos,
  "Backpropagation through time: what it does and how to do it", 1990).

Sequences are time first here, `[T, B, ...]`. B is the number of samples, T of steps, E and H the
sizes of an input and of a state. `d_z` is the derivative of the loss with respect to `z`.
"""

from typing import Any

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from rnn_core.runtime import operators as op

Gradients = tuple[Tensor | None, ...]


def rnn(inputs: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Last hidden state `[B, H]` of the tanh network over `inputs` `[B, T, E]`, from `h`.

    Differentiable once: the backward pass has no derivative of its own.
    """
    last: Tensor = _SimpleRNN.apply(inputs, h, W, U, b)  # type: ignore[no-untyped-call]
    return last


def lstm(inputs: Tensor, h: Tensor, c: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden and cell state of the LSTM, from `h` and `c`; otherwise as `rnn`.

    `parameters` are w, u and b, each for i, f, o and a.
    """
    last_h, last_c = _LSTM.apply(inputs, h, c, *parameters)  # type: ignore[no-untyped-call]
    return last_h, last_c


class _SimpleRNN(PyLayer):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
        ctx.wanted = _wanted(inputs, h, W, U, b)
        x = op.transpose(inputs, [1, 0, 2])
        states = [h]
        for projected in op.unbind(x @ W + b, 0):
            h = op.tanh_(projected + h @ U)
            states.append(h)
        ctx.save_for_backward(x, W, U, op.stack(states[:-1], 0), op.stack(states[1:], 0))
        return h

    @staticmethod
    def backward(ctx: Any, d_h: Tensor) -> Gradients:  # type: ignore[override]
        _refuse_second_derivatives()
        x, W, U, h_before, h_after = ctx.saved_tensor()
        # With z = x W + h U + b: tanh'(z) = 1 - tanh(z)^2.
        slopes = op.unbind(1 - h_after * h_after, 0)
        d_steps = []
        for slope in reversed(slopes):
            d_z = d_h * slope
            d_h = op.matmul(d_z, U, False, True)
            d_steps.append(d_z)
        d_z = op.stack(d_steps[::-1], 0)
        d_rows = _rows(d_z)
        return _only(
            ctx.wanted,
            _back_to_inputs(d_z, W) if ctx.wanted[0] else None,
            d_h,
            op.matmul(_rows(x), d_rows, True, False),
            op.matmul(_rows(h_before), d_rows, True, False),
            d_rows.sum(axis=0, keepdim=True),
        )


class _LSTM(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, h: Tensor, c: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.wanted = _wanted(inputs, h, c, *parameters)
        # The four gates side by side: W is [E, 4 H], U [H, 4 H] and b [1, 4 H].
        W, U, b = (op.concat(list(parameters[k : k + 4]), 1) for k in (0, 4, 8))
        x = op.transpose(inputs, [1, 0, 2])
        steps = []
        for projected in op.unbind(x @ W + b, 0):
            i, f, o, a = op.split(projected + h @ U, 4, 1)
            i, f, o, a = op.sigmoid_(i), op.sigmoid_(f), op.sigmoid_(o), op.tanh_(a)
            new_c = f * c + i * a
            tanh_c = op.tanh(new_c)
            steps.append((h, c, i, f, o, a, tanh_c))
            h, c = o * tanh_c, new_c
        ctx.save_for_backward(
            x, W, U, *(op.stack(list(each), 0) for each in zip(*steps, strict=True))
        )
        return h, c

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, d_h: Tensor, d_c: Tensor
    ) -> Gradients:
        _refuse_second_derivatives()
        x, W, U, h_before, c_before, i, f, o, a, tanh_c = ctx.saved_tensor()
        # How much of d_c, for o of d_h, arrives at each gate's sum z. With s = sigmoid(z),
        # s' = s (1 - s); with a = tanh(z), a' = 1 - a^2.
        to_z = [
            a * i * (1 - i),
            c_before * f * (1 - f),
            tanh_c * o * (1 - o),
            i * (1 - a * a),
        ]
        to_z = op.unbind(op.concat(to_z, 2), 0)
        to_c, f = op.unbind(o * (1 - tanh_c * tanh_c), 0), op.unbind(f, 0)
        d_steps = []
        for t in reversed(range(len(f))):
            # The cell state reaches the loss through h_t and through the next step.
            d_c = d_c + d_h * to_c[t]
            d_z = op.concat([d_c, d_c, d_h, d_c], 1) * to_z[t]
            d_h = op.matmul(d_z, U, False, True)
            d_c = d_c * f[t]
            d_steps.append(d_z)
        d_z = op.stack(d_steps[::-1], 0)
        # A gate after the other, [4, T B, H]: then each parameter's gradient lies in one piece.
        T, B, H = h_before.shape
        d_gates = op.transpose(d_z.reshape([T * B, 4, H]), [1, 0, 2])
        return _only(
            ctx.wanted,
            _back_to_inputs(d_z, W) if ctx.wanted[0] else None,
            d_h,
            d_c,
            *op.unbind(op.matmul(_rows(x), d_gates, True, False), 0),
            *op.unbind(op.matmul(_rows(h_before), d_gates, True, False), 0),
            *op.unbind(d_gates.sum(axis=1, keepdim=True), 0),
        )


def _refuse_second_derivatives() -> None:
    """Refuse `create_graph=True`, under which alone a backward pass is recorded.

    Paddle would record only part of what the gradients depend on, and be wrong in silence.
    """
    if paddle.is_grad_enabled():
        raise RuntimeError("execution 'fused' is differentiable once, not with create_graph=True")


def _rows(sequence: Tensor) -> Tensor:
    """All steps of all samples below each other: `[T, B, N]` to `[T B, N]`."""
    return sequence.reshape([-1, sequence.shape[-1]])


def _back_to_inputs(d_z: Tensor, W: Tensor) -> Tensor:
    d_x: Tensor = op.transpose(op.matmul(d_z, W, False, True), [1, 0, 2])
    return d_x


def _wanted(*tensors: Tensor) -> list[bool]:
    """Which gradients Paddle asks for; it refuses one that it did not ask for."""
    return [not tensor.stop_gradient for tensor in tensors]


def _only(wanted: list[bool], *gradients: Tensor | None) -> Gradients:
    return tuple(g if asked else None for g, asked in zip(gradients, wanted, strict=True))
