"""Both layers by Paddle's own recurrent operator, the one under `paddle.nn.SimpleRNN` and `LSTM`.

It wants weights transposed, and the LSTM's gates below each other in the order i, f, a, o. They are
laid out anew in every pass from the same parameters as in `rnn_core.cells`, and the gradients go
the same way back to these parameters. Differentiable once, as Paddle's operator.
"""

from typing import Any

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from rnn_core.runtime import operators as op


def rnn(inputs: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Last hidden state `[B, H]` of the tanh network over `inputs` `[B, T, E]`, from `h`."""
    (last,) = _run("RNN_TANH", inputs, [h], _transposed(W), _transposed(U), b)
    return last


def lstm(inputs: Tensor, h: Tensor, c: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden and cell state of the LSTM, from `h` and `c`.

    `parameters` are w, u and b, each for i, f, o and a.
    """
    w, u, b = (_in_paddles_order(*parameters[k : k + 4]) for k in (0, 4, 8))
    last_h, last_c = _run("LSTM", inputs, [h, c], _transposed(*w), _transposed(*u), op.concat(b, 1))
    return last_h, last_c


def _run(
    mode: str, inputs: Tensor, states: list[Tensor], w: Tensor, u: Tensor, b: Tensor
) -> list[Tensor]:
    """Run one layer in one direction, forward in time, and return its last states."""
    B, _, E = inputs.shape
    H = u.shape[1]
    # Paddle adds a second bias where the equations have one: a zero that nobody else sees.
    weights = [w, u, b.reshape([-1]), paddle.zeros([w.shape[0]], dtype=w.dtype)]
    if not all(tensor.stop_gradient for tensor in (inputs, *states, *weights)):
        # Paddle's backward pass fails unless each of these has a gradient, wanted or not.
        for weight in weights:
            weight.stop_gradient = False
    _, _, last = op.rnn(
        op.transpose(inputs, [1, 0, 2]),
        [state.reshape([1, B, H]) for state in states],
        weights,
        None,  # Sequences of one length.
        paddle.zeros([1], dtype="uint8"),  # The state of a dropout that is not used.
        0.0,  # Dropout.
        False,  # Both directions.
        E,
        H,
        1,  # Layers.
        mode,
        0,  # Seed of the dropout.
        False,  # Only for inference.
    )
    return [state.reshape([B, H]) for state in last]


def _transposed(*gates: Tensor) -> Tensor:
    """The transposes of `[N, H]` weights below each other, `[H, N]` for each."""
    below: Tensor = _Transposed.apply(*gates)  # type: ignore[no-untyped-call]
    return below


class _Transposed(PyLayer):
    """By hand, since autograd's gradients would be views that every later operator copies."""

    @staticmethod
    def forward(ctx: Any, *gates: Tensor) -> Tensor:
        ctx.wanted = [not gate.stop_gradient for gate in gates]
        below: Tensor = op.concat([op.transpose(gate, [1, 0]) for gate in gates], 0)
        return below

    @staticmethod
    def backward(ctx: Any, d_below: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return tuple(
            op.transpose(d_gate, [1, 0]).contiguous() if wanted else None
            for d_gate, wanted in zip(
                op.split(d_below, len(ctx.wanted), 0), ctx.wanted, strict=True
            )
        )


def _in_paddles_order(i: Tensor, f: Tensor, o: Tensor, a: Tensor) -> list[Tensor]:
    return [i, f, a, o]
