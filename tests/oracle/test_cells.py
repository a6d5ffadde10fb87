"""The two recurrent layers agree with the reference, with random weights."""

import numpy as np
import paddle
import pytest

from rnn_core.config import DType, Execution
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import (
    over_cells,
    over_dtypes,
    over_executions,
    over_traced_with_slow_sot,
)
from tests.helpers.tolerances import FORWARD, GRADIENT
from tests.helpers.weights import (
    build_layer,
    draw,
    from_state,
    go_back,
    random_cell,
    random_state,
    read_gradients,
    round_to_float32,
    to_array,
    to_arrays,
    to_state,
    to_tensor,
)
from tests.reference.network import CELLS, CellName, Shape, unroll, unroll_back, zero_state

SHAPES = [  # B, T, E, H
    (1, 1, 3, 5),
    (2, 1, 5, 3),
    (1, 2, 4, 4),
    (3, 2, 1, 1),
    (4, 2, 3, 5),
    (1, 10, 6, 4),
    (3, 10, 4, 6),
    (1, 50, 3, 8),
    (33, 50, 16, 33),
]

over_shapes = pytest.mark.parametrize("shape", SHAPES, ids="B{0[0]}-T{0[1]}-E{0[2]}-H{0[3]}".format)


@over_shapes
@over_cells
@over_dtypes
@over_executions
def test_last_state_and_gradients_agree_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution, shape: Shape
) -> None:
    """From a given state, the last states and all gradients agree; the state stays as it was."""
    B, T, E, H = shape
    generator = np.random.default_rng(1)
    parameters, x = random_cell(generator, cell, E, H), draw(generator, B, T, E)
    start, weight = random_state(generator, cell, B, H), random_state(generator, cell, B, H)
    states = unroll(CELLS[cell], parameters, x, start)
    d_states = [zero_state(CELLS[cell], B, H) for _ in range(T - 1)] + [weight]
    expected = unroll_back(CELLS[cell], parameters, x, states, d_states)

    layer = build_layer(cell, parameters, dtype, execution)
    inputs = to_tensor(x, dtype, differentiable=True)
    first = {name: to_tensor(value, dtype, differentiable=True) for name, value in start.items()}
    last = from_state(layer(inputs, to_state(first)))
    with paddle.no_grad():
        untracked = from_state(layer(inputs, to_state(first)))
    assert_close(start, to_arrays(first), FORWARD[dtype], where="initial state")
    go_back(last, weight)

    for made in (last, untracked):
        assert_close(states[-1], to_arrays(made), FORWARD[dtype], where="last state")
    # In the order of the computation, which is the reverse of time. Each step is checked
    # separately: a gradient that has faded would hide among those of the last steps.
    d_x = to_array(inputs.grad)
    for t in reversed(range(T)):
        assert_close(
            {"gradient of the input": expected.x[:, t]},
            {"gradient of the input": d_x[:, t]},
            GRADIENT[dtype],
            where=f"time step {t + 1}",
        )
    d_first = to_arrays({name: tensor.grad for name, tensor in first.items()})
    assert_close(expected.state, d_first, GRADIENT[dtype], where="gradient of the initial state")
    assert_close(expected.parameters, read_gradients(layer), GRADIENT[dtype], where="gradient")


@pytest.mark.parametrize("shape", [(4, 2, 3, 5)], ids=str)
@over_traced_with_slow_sot
def test_traced_layers_agree_with_the_reference(
    cell: CellName, execution: Execution, shape: Shape
) -> None:
    """The same for layers that are traced alone, with a state among their inputs."""
    test_last_state_and_gradients_agree_with_the_reference(cell, "float64", execution, shape)


@pytest.mark.parametrize("size", [1e-20, 1e2, 1e4, 1e30])
@over_cells
@over_dtypes
@over_executions
def test_saturated_cells_agree_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution, size: float
) -> None:
    """Inputs and states far larger than those of training saturate gates, and overflow nowhere.

    Nor do the gradients, most of which are zero. Without biases, far smaller ones give tiny states.
    """
    B, T, E, H = 3, 4, 5, 6
    generator = np.random.default_rng(3)
    parameters = random_cell(generator, cell, E, H)
    if size < 1:
        parameters |= {name: 0 * parameters[name] for name in parameters if name[0] == "b"}
    x = round_to_float32(size * draw(generator, B, T, E))
    start = {
        name: round_to_float32(size * values)
        for name, values in random_state(generator, cell, B, H).items()
    }
    layer = build_layer(cell, parameters, dtype, execution)

    first = {name: to_tensor(values, dtype) for name, values in start.items()}
    last = from_state(layer(to_tensor(x, dtype), to_state(first)))
    weight = random_state(generator, cell, B, H)
    go_back(last, weight)

    states = unroll(CELLS[cell], parameters, x, start)
    d_states = [zero_state(CELLS[cell], B, H) for _ in range(T - 1)] + [weight]
    expected = unroll_back(CELLS[cell], parameters, x, states, d_states)
    assert_close(states[-1], to_arrays(last), FORWARD[dtype])
    small = GRADIENT[dtype]._replace(absolute=1e-6)
    assert_close(expected.parameters, read_gradients(layer), small, where="gradient")
