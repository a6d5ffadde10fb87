"""Paddle's own recurrent layers, with the weights of the layers of `rnn_core`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from rnn_core import LSTM, LSTMState, SimpleRNN
from rnn_core.executions.kernel import GATES
from rnn_core.parameters import named_weights


class PaddlePeer(paddle.nn.Layer):
    """`paddle.nn.SimpleRNN` or `paddle.nn.LSTM` with the weights of a layer of `rnn_core`.

    Parameters: `weight_ih` `[G*H, E]`, `weight_hh` `[G*H, H]`, `bias_ih` `[G*H]`, with G = 1 for
    the RNN and 4 for the LSTM.

    Paddle's layers have a second bias. It stays zero here: it is not a parameter of the peer, so
    it is neither clipped nor updated. It cannot be left out, because `bias_hh_attr=False` ends the
    process with a segmentation fault, nor frozen, because then `backward` raises (Paddle 2.6.2 to
    3.3.1, on the CPU). Its gradient, `[G*H]`, is extra work.
    """

    def __init__(self, ours: SimpleRNN | LSTM) -> None:
        super().__init__()
        kinds: dict[type, Any] = {SimpleRNN: paddle.nn.SimpleRNN, LSTM: paddle.nn.LSTM}
        zero = paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(0.0))
        # In a tuple, so that the layer's parameters are not registered: those added below are.
        self._layer = (kinds[type(ours)](ours.emb_size, ours.hidden_size, bias_hh_attr=zero),)
        weights = paddle_layout(named_weights(ours))
        for name, values in weights.items():
            parameter = getattr(self._layer[0], f"{name}_l0")
            parameter.set_value(values)
            self.add_parameter(name, parameter)

    def forward(self, inputs: Tensor) -> Tensor | LSTMState:
        """Unroll `inputs` `[B, T, E]` from a zero state; returns the same as `rnn_core`'s layer."""
        layer = self._layer[0]
        # The optimizer does not clear this parameter's gradient, which would accumulate.
        layer.bias_hh_l0.clear_gradient(False)
        _, state = layer(inputs)
        if isinstance(layer, paddle.nn.LSTM):
            return LSTMState(hidden=state[0][0], cell=state[1][0])
        hidden: Tensor = state[0]
        return hidden


def paddle_layout(ours: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return recurrent parameters of `rnn_core`, or gradients, in the layout of Paddle's layers."""
    if "W" in ours:
        stacked = {"weight_ih": ours["W"], "weight_hh": ours["U"], "bias_ih": ours["b"]}
    else:
        stacked = {
            name: np.concatenate([ours[f"{kind}_{gate}"] for gate in GATES], axis=1)
            for name, kind in (("weight_ih", "w"), ("weight_hh", "u"), ("bias_ih", "b"))
        }
    return {
        name: values.ravel() if name == "bias_ih" else np.ascontiguousarray(values.T)
        for name, values in stacked.items()
    }


def peer_layout(ours: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return all parameters of a model, named and stacked as in a model with a `PaddlePeer`.

    `embedding.weight` `[V, E]`, `linear.weight` `[H, 1]` and `linear.bias` `[1]` stay as they are.
    """
    prefix = "recurrent."
    recurrent = {n.removeprefix(prefix): v for n, v in ours.items() if n.startswith(prefix)}
    rest = {n: v for n, v in ours.items() if not n.startswith(prefix)}
    return {prefix + n: v for n, v in paddle_layout(recurrent).items()} | rest
