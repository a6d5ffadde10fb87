"""Limits and layout of the execution "kernel"; tests/oracle checks its arithmetic."""

from typing import Any

import paddle
import pytest

from rnn_core.config import Cell
from rnn_core.executions import LAYERS
from tests.helpers.memory import object_bytes, tensor_bytes
from tests.helpers.parametrize import over_cells
from tests.helpers.weights import from_state


@over_cells
def test_kernel_refuses_second_derivatives(cell: Cell) -> None:
    """Paddle's operator raises, so that no wrong second derivative is returned."""
    ours, inputs = LAYERS["kernel"][cell](3, 4), paddle.rand([2, 3, 3])
    inputs.stop_gradient = False
    total = paddle.add_n([tensor.sum() for tensor in from_state(ours(inputs)).values()])

    with pytest.raises(ValueError, match="InvalidArgument"):
        paddle.grad(total, [inputs, *ours.parameters()], create_graph=True)


@over_cells
def test_kernel_keeps_nothing_of_the_textbook_layer(cell: Cell) -> None:
    """It takes the initial weights of one, which is freed."""
    made: list[Any] = []

    def make() -> None:
        made.append(LAYERS["kernel"][cell](3, 128))

    objects = min(object_bytes(make)[0] for _ in range(5))  # The first ones may fill caches.
    before = tensor_bytes()
    make()

    sizes = [4 * p.size for p in made[0].parameters()]
    # Paddle allocates multiples of 256 bytes.
    assert tensor_bytes() - before <= sum(size + 256 for size in sizes)
    assert objects < sum(sizes) / 2  # No array of the weights. Measured: 7 to 14 kB.


@over_cells
def test_kernel_gradients_are_contiguous(cell: Cell) -> None:
    """They are not strided views, which every later operator would copy."""
    ours = LAYERS["kernel"][cell](3, 4)
    from_state(ours(paddle.rand([2, 3, 3])))["hidden"].sum().backward()

    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.is_contiguous(), name
