"""The two recurrent layers, written as the textbook writes them.

This is the execution "textbook"; `rnn_core.executions` holds the others.
"""

from typing import Any, NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from rnn_core.config import check_size
from rnn_core.data.batch import check_tensor


class LSTMState(NamedTuple):
    """State of an LSTM after a step: hidden h and cell c, each `[B, H]`."""

    hidden: Tensor
    cell: Tensor


class SimpleRNN(paddle.nn.Layer):
    """The tanh recurrent network of Elman, "Finding Structure in Time" (1990).

        h_t = tanh(x_t W + h_{t-1} U + b),    h_0 = 0

    Parameters: `W` `[E, H]`, `U` `[H, H]`, `b` `[1, H]`, drawn in this order from Paddle's global
    generator, uniformly in +-sqrt(6 / (rows + columns)) (Glorot and Bengio, 2010).
    """

    def __init__(self, emb_size: int, hidden_size: int) -> None:
        check_size("emb_size", emb_size)
        check_size("hidden_size", hidden_size)
        super().__init__()
        self.emb_size, self.hidden_size = emb_size, hidden_size
        self.W = _parameter(emb_size, hidden_size)
        self.U = _parameter(hidden_size, hidden_size)
        self.b = _parameter(1, hidden_size)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> Tensor:
        """Unroll over time, from `state` (zeros if None).

        Args:
            inputs: input sequences, `[B, T, E]`, of the parameters' dtype.
            state: hidden state to start from, `[B, H]`, of the same dtype.

        Returns:
            The last hidden state, `[B, H]`.

        Raises:
            TypeError: `inputs` or a state is not a tensor of the parameters' dtype.
            ValueError: `inputs` is not `[B, T, E]` with B, T at least 1; a state is not `[B, H]`.
        """
        check_inputs(inputs, self.emb_size, self.W.dtype)
        h = _zeros(inputs, self.hidden_size) if state is None else state
        check_state(inputs, self.hidden_size, h)
        for x in inputs.unbind(axis=1):
            h = self.step(x, h)
        return h

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """One step: input `[B, E]`, hidden state `[B, H]` to the next hidden state `[B, H]`."""
        return F.tanh(x @ self.W + h @ self.U + self.b)


class LSTM(paddle.nn.Layer):
    """The long short-term memory of Hochreiter and Schmidhuber (1997).

    With the forget gate of Gers, Schmidhuber and Cummins (2000):

        i_t = sigmoid(x_t w_i + h_{t-1} u_i + b_i)    input gate
        f_t = sigmoid(x_t w_f + h_{t-1} u_f + b_f)    forget gate
        o_t = sigmoid(x_t w_o + h_{t-1} u_o + b_o)    output gate
        a_t = tanh(x_t w_a + h_{t-1} u_a + b_a)       candidate
        c_t = f_t * c_{t-1} + i_t * a_t               cell state,   c_0 = 0
        h_t = o_t * tanh(c_t)                         hidden state, h_0 = 0

    Parameters: `w_*` `[E, H]`, `u_*` `[H, H]`, `b_*` `[1, H]`, drawn in the order w_i, w_f,
    w_o, w_a, then u_*, then b_*, from the same distribution as those of `SimpleRNN`.
    """

    def __init__(self, emb_size: int, hidden_size: int) -> None:
        check_size("emb_size", emb_size)
        check_size("hidden_size", hidden_size)
        super().__init__()
        self.emb_size, self.hidden_size = emb_size, hidden_size
        self.w_i = _parameter(emb_size, hidden_size)
        self.w_f = _parameter(emb_size, hidden_size)
        self.w_o = _parameter(emb_size, hidden_size)
        self.w_a = _parameter(emb_size, hidden_size)
        self.u_i = _parameter(hidden_size, hidden_size)
        self.u_f = _parameter(hidden_size, hidden_size)
        self.u_o = _parameter(hidden_size, hidden_size)
        self.u_a = _parameter(hidden_size, hidden_size)
        self.b_i = _parameter(1, hidden_size)
        self.b_f = _parameter(1, hidden_size)
        self.b_o = _parameter(1, hidden_size)
        self.b_a = _parameter(1, hidden_size)

    def forward(self, inputs: Tensor, state: LSTMState | None = None) -> LSTMState:
        """Unroll over time, from `state` (zeros if None).

        Args:
            inputs: input sequences, `[B, T, E]`, of the parameters' dtype.
            state: hidden and cell state to start from, each `[B, H]`, of the same dtype.

        Returns:
            The last hidden and cell state, each `[B, H]`.

        Raises:
            TypeError: `inputs` or a state is not a tensor of the parameters' dtype.
            ValueError: `inputs` is not `[B, T, E]` with B, T at least 1; a state is not `[B, H]`.
        """
        check_inputs(inputs, self.emb_size, self.w_i.dtype)
        if state is None:
            state = LSTMState(_zeros(inputs, self.hidden_size), _zeros(inputs, self.hidden_size))
        check_state(inputs, self.hidden_size, *pair(state))
        for x in inputs.unbind(axis=1):
            state = self.step(x, state)
        return state

    def step(self, x: Tensor, state: LSTMState) -> LSTMState:
        """One step: input `[B, E]` and a state to the next state."""
        h, c = state
        i = F.sigmoid(x @ self.w_i + h @ self.u_i + self.b_i)
        f = F.sigmoid(x @ self.w_f + h @ self.u_f + self.b_f)
        o = F.sigmoid(x @ self.w_o + h @ self.u_o + self.b_o)
        a = F.tanh(x @ self.w_a + h @ self.u_a + self.b_a)
        c = f * c + i * a
        h = o * F.tanh(c)
        return LSTMState(hidden=h, cell=c)


def _parameter(rows: int, columns: int) -> Tensor:
    """A float32 parameter drawn from Paddle's global generator, whatever the default dtype.

    Uses the free function instead of `Layer.create_parameter`, because the notebook draws biases
    too, which a layer would initialise to zero.
    """
    initializer = paddle.nn.initializer.XavierUniform()
    return paddle.create_parameter(
        shape=[rows, columns], dtype="float32", default_initializer=initializer
    )


def _zeros(inputs: Tensor, hidden_size: int) -> Tensor:
    return paddle.zeros([inputs.shape[0], hidden_size], dtype=inputs.dtype)


def pair(state: LSTMState) -> LSTMState:
    """The state of an LSTM; a tensor would be unpacked into its rows.

    Raises:
        TypeError: `state` is not a tuple of two; tracing may have made it a list.
    """
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise TypeError(f"state must be an LSTMState or None, got {type(state).__name__}")
    return state


def check_inputs(inputs: Tensor, emb_size: int, dtype: Any) -> None:
    """Raise unless inputs are a tensor of this dtype, `[B, T, E]` with B and T at least 1."""
    check_tensor("inputs", inputs, dtype)
    shape = list(inputs.shape)
    if len(shape) != 3 or shape[0] < 1 or shape[1] < 1 or shape[2] != emb_size:
        raise ValueError(f"inputs must be [B >= 1, T >= 1, E = {emb_size}], got shape {shape}")


def check_state(inputs: Tensor, hidden_size: int, *states: Tensor) -> None:
    """Raise unless states are of the inputs' dtype and `[B, H]`: other shapes would broadcast."""
    wanted = [inputs.shape[0], hidden_size]
    for state in states:
        check_tensor("state", state, inputs.dtype)
        if list(state.shape) != wanted:
            raise ValueError(f"state must be [B, H] = {wanted}, got shape {list(state.shape)}")
