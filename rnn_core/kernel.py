"""Both layers by Paddle's own recurrent operator, the one under `paddle.nn.SimpleRNN` and `LSTM`.

It wants weights transposed, and the LSTM's gates below each other in the order i, f, a, o. They are
laid out anew in every pass from the same parameters as in `rnn_core.cells`, by operators that
autograd knows, so that the gradients arrive at these parameters.
"""

import paddle
from paddle import Tensor

from rnn_core import operators as op


def rnn(inputs: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Last hidden state `[B, H]` of the tanh network over `inputs` `[B, T, E]`, from `h`."""
    (last,) = _run("RNN_TANH", inputs, [h], _columns(W), _columns(U), b)
    return last


def lstm(inputs: Tensor, h: Tensor, c: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden and cell state of the LSTM, from `h` and `c`.

    `parameters` are w, u and b, each for i, f, o and a.
    """
    w, u, b = (_in_paddles_order(*parameters[k : k + 4]) for k in (0, 4, 8))
    stacked_w, stacked_u = (op.concat([_columns(gate) for gate in gates], 0) for gates in (w, u))
    last_h, last_c = _run("LSTM", inputs, [h, c], stacked_w, stacked_u, op.concat(b, 1))
    return last_h, last_c


def _run(
    mode: str, inputs: Tensor, states: list[Tensor], w: Tensor, u: Tensor, b: Tensor
) -> list[Tensor]:
    """Run one layer in one direction, forward in time, and return its last states."""
    B, _, E = inputs.shape
    H = u.shape[1]
    # Paddle adds a second bias where the equations have one. Its backward pass fails unless that
    # one has a gradient too, so it is a zero that nobody else sees.
    second_bias = paddle.zeros([w.shape[0]], dtype=w.dtype)
    second_bias.stop_gradient = False
    _, _, last = op.rnn(
        op.transpose(inputs, [1, 0, 2]),
        [state.reshape([1, B, H]) for state in states],
        [w, u, b.reshape([-1]), second_bias],
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


def _columns(weight: Tensor) -> Tensor:
    columns: Tensor = op.transpose(weight, [1, 0])
    return columns


def _in_paddles_order(i: Tensor, f: Tensor, o: Tensor, a: Tensor) -> list[Tensor]:
    return [i, f, a, o]
