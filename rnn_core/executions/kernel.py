"""Both layers computed with Paddle's recurrent operator, as `paddle.nn.SimpleRNN` and `LSTM` do.

The weights are stored in the operator's layout: transposed, and the LSTM's gates stacked in the
order i, f, a, o. No step has to rearrange them, which makes this the fastest execution.
`rnn_core.parameters` gives access to them by the names and shapes of the equations in
`rnn_core.cells`. Like Paddle's operator, the layers are differentiable once.
"""

from collections.abc import Sequence

import paddle
from paddle import Tensor

from rnn_core.cells import LSTM, LSTMState, SimpleRNN, check_inputs, check_state, pair
from rnn_core.parameters import Block, PackedLayer, named_weights, set_weights
from rnn_core.runtime import operators as op

# Order of the LSTM's gates in the operator; the third is the candidate.
GATES = ("i", "f", "a", "o")


class _Kernel(PackedLayer):
    """One layer in one direction. G = 1 for the RNN and 4 for the LSTM.

    Parameters: `weight_ih` `[G*H, E]`, `weight_hh` `[G*H, H]`, `bias` `[G*H]`, with the same
    initial values as the textbook's layer.
    """

    mode: str

    def __init__(self, textbook: SimpleRNN | LSTM, gates: int) -> None:
        super().__init__()
        E, H = textbook.emb_size, textbook.hidden_size
        self.emb_size, self.hidden_size = E, H
        self.weight_ih = _parameter([gates * H, E])
        self.weight_hh = _parameter([gates * H, H])
        self.bias = _parameter([gates * H])
        set_weights(self, named_weights(textbook))

    def _block(self, name: str, stored: Tensor, index: int, count: int) -> Block:
        is_matrix = len(stored.shape) == 2
        rows = stored.shape[1] if is_matrix else 1
        return Block(name, stored, index, count, (rows, self.hidden_size), transposed=is_matrix)

    def _last(self, inputs: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        """The last states, each `[B, H]`, after `inputs` `[B, T, E]`."""
        return recurrent(self.mode, inputs, states, self.weight_ih, self.weight_hh, self.bias)

    def _zeros(self, inputs: Tensor) -> Tensor:
        return op.zeros([inputs.shape[0], self.hidden_size], inputs.dtype)


class KernelRNN(_Kernel):
    """`rnn_core.cells.SimpleRNN` with Paddle's operator: same arguments, same initial weights."""

    mode = "RNN_TANH"

    def __init__(self, emb_size: int, hidden_size: int) -> None:
        super().__init__(SimpleRNN(emb_size, hidden_size), 1)

    def blocks(self, prefix: str) -> list[Block]:
        """`W` `[E, H]`, `U` `[H, H]` and `b` `[1, H]`."""
        stored = {"W": self.weight_ih, "U": self.weight_hh, "b": self.bias}
        return [self._block(prefix + name, tensor, 0, 1) for name, tensor in stored.items()]

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """As `SimpleRNN.forward`."""
        check_inputs(inputs, self.emb_size, self.bias.dtype)
        h = self._zeros(inputs) if state is None else state
        check_state(inputs, self.hidden_size, h)
        (last,) = self._last(inputs, [h])
        return last


class KernelLSTM(_Kernel):
    """`rnn_core.cells.LSTM` with Paddle's operator: same arguments, same initial weights."""

    mode = "LSTM"

    def __init__(self, emb_size: int, hidden_size: int) -> None:
        super().__init__(LSTM(emb_size, hidden_size), len(GATES))

    def blocks(self, prefix: str) -> list[Block]:
        """`w_*` `[E, H]`, `u_*` `[H, H]` and `b_*` `[1, H]`, each for the gates i, f, o, a."""
        stored = {"w": self.weight_ih, "u": self.weight_hh, "b": self.bias}
        return [
            self._block(f"{prefix}{kind}_{gate}", tensor, GATES.index(gate), len(GATES))
            for kind, tensor in stored.items()
            for gate in "ifoa"
        ]

    def forward(self, inputs: Tensor, state: LSTMState | None = None) -> LSTMState:
        """As `LSTM.forward`."""
        check_inputs(inputs, self.emb_size, self.bias.dtype)
        zeros = self._zeros(inputs)
        h, c = (zeros, zeros) if state is None else pair(state)
        check_state(inputs, self.hidden_size, h, c)
        return LSTMState(*self._last(inputs, [h, c]))


def recurrent(
    mode: str,
    inputs: Tensor,
    states: Sequence[Tensor],
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor,
) -> list[Tensor]:
    """Run one layer forward in time, and return its last states.

    Args:
        mode: "RNN_TANH" or "LSTM".
        inputs: input sequences, `[B, T, E]`.
        states: initial hidden state, and for the LSTM the initial cell state, each `[B, H]`.
        weight_ih: weights of the inputs, `[G*H, E]`.
        weight_hh: weights of the hidden state, `[G*H, H]`.
        bias: bias of all gates, `[G*H]`.
    """
    (B, _, E), H = inputs.shape, weight_hh.shape[1]
    # The operator has a second bias, which the equations do not have: zeros.
    zeros = op.zeros(bias.shape, bias.dtype)
    weights = [weight_ih, weight_hh, bias]
    if not all(tensor.stop_gradient for tensor in (inputs, *states, *weights)):
        # The operator's backward pass fails unless each weight requires a gradient.
        weights = [_with_gradient(weight) for weight in weights]
        zeros.stop_gradient = False
    _, _, last = op.rnn(
        op.transpose(inputs, [1, 0, 2]),
        [op.reshape(state, [1, B, H]) for state in states],
        [*weights, zeros],
        None,  # Sequences of equal length.
        op.zeros([1], paddle.uint8),  # The state of a dropout that is not used.
        0.0,  # Dropout.
        False,  # Bidirectional.
        E,
        H,
        1,  # Layers.
        mode,
        0,  # Seed of the dropout.
        False,  # Inference mode.
    )
    return [op.reshape(state, [B, H]) for state in last]


def _parameter(shape: list[int]) -> Tensor:
    zero = paddle.nn.initializer.Constant(0.0)
    return paddle.create_parameter(shape=shape, dtype="float32", default_initializer=zero)


def _with_gradient(weight: Tensor) -> Tensor:
    """The weight, or for a frozen one a copy whose gradient is discarded."""
    if weight.stop_gradient:
        weight = weight.detach()
        weight.stop_gradient = False
    return weight
