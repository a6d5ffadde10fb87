"""What Paddle's operator does not do; the oracle's tests check what it does."""

from typing import Any

import paddle
import pytest

from rnn_core import LSTM, SimpleRNN
from tests.helpers.weights import from_state


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_has_no_second_derivatives(layer: Any) -> None:
    """Paddle's operator refuses a gradient of gradients, and so nothing wrong comes out."""
    ours, inputs = layer(3, 4, "kernel"), paddle.rand([2, 3, 3])
    inputs.stop_gradient = False
    total = paddle.add_n([tensor.sum() for tensor in from_state(ours(inputs)).values()])

    with pytest.raises(ValueError, match="InvalidArgument"):
        paddle.grad(total, [inputs, *ours.parameters()], create_graph=True)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_gradients_lie_in_one_piece(layer: Any) -> None:
    """They go the way back through a transpose, and are no views that every operator copies."""
    ours = layer(3, 4, "kernel")
    from_state(ours(paddle.rand([2, 3, 3])))["hidden"].sum().backward()

    for name, parameter in ours.named_parameters():
        assert parameter.grad.is_contiguous(), name
