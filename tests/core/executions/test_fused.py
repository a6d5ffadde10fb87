"""What the hand-written way back does not do; the oracle's tests check what it does."""

from typing import Any

import paddle
import pytest

from rnn_core import LSTM, SimpleRNN
from tests.helpers.weights import from_state


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_refuses_second_derivatives(layer: Any) -> None:
    """A gradient of gradients would be wrong in silence: only part of them would be recorded."""
    ours, inputs = layer(3, 4, "fused"), paddle.rand([2, 3, 3])
    inputs.stop_gradient = False
    total = paddle.add_n([tensor.sum() for tensor in from_state(ours(inputs)).values()])

    # Paddle's own error, with that of the backward pass in its words.
    with pytest.raises(OSError, match="'fused' is differentiable once, not with create_graph=True"):
        paddle.grad(total, [inputs, *ours.parameters()], create_graph=True)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_two_passes_before_either_goes_back(layer: Any) -> None:
    """Each pass keeps what it needs for its own way back."""
    paddle.seed(0)
    ours, batches = layer(3, 4, "fused"), [paddle.rand([2, steps, 3]) for steps in (3, 5)]
    alone = []
    for inputs in batches:
        ours.clear_gradients()
        from_state(ours(inputs))["hidden"].sum().backward()
        alone.append([parameter.grad.tolist() for parameter in ours.parameters()])

    states = [from_state(ours(inputs))["hidden"] for inputs in batches]

    for expected, state in zip(alone, states, strict=True):
        ours.clear_gradients()
        state.sum().backward()
        assert [parameter.grad.tolist() for parameter in ours.parameters()] == expected
