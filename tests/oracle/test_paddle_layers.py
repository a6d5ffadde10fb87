"""Paddle's own recurrent layers agree with the reference, and `rnn_core` agrees with them.

The execution "kernel" calls the operator behind these layers, but not the layers. They are tested
so that a bug of Paddle shows up under its own name, such as wrong gradients with two layers on the
CPU (Paddle's issue 37080).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core.config import DType, Execution
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells, over_dtypes, over_executions
from tests.helpers.tolerances import FORWARD, GRADIENT
from tests.helpers.weights import (
    build_layer,
    draw,
    from_state,
    go_back,
    random_cell,
    random_state,
    read_gradients,
    to_array,
    to_arrays,
    to_tensor,
    write_parameters,
)
from tests.reference.network import CELLS, Arrays, CellName
from tests.reference.stack import FORWARD as AHEAD
from tests.reference.stack import REVERSE, Direction, Part, stack_pass

B, T, E, H = 3, 6, 4, 5
THEIRS: dict[CellName, Any] = {"RNN": paddle.nn.SimpleRNN, "LSTM": paddle.nn.LSTM}
SINGLE: dict[CellName, Any] = {"RNN": paddle.nn.SimpleRNNCell, "LSTM": paddle.nn.LSTMCell}
# Paddle stacks the four gates of a weight in this order.
PADDLE_GATES = "ifao"
DIRECTIONS: dict[str, list[Direction]] = {"forward": [AHEAD], "bidirect": [AHEAD, REVERSE]}


def to_paddle(parameters: Arrays) -> Arrays:
    """Parameters of `rnn_core` in Paddle's layout: transposed, gates stacked, two biases."""
    if "W" in parameters:
        W, U, b = (parameters[name].T for name in "WUb")
    else:
        W, U, b = (
            np.concatenate([parameters[f"{kind}_{gate}"].T for gate in PADDLE_GATES])
            for kind in "wub"
        )
    # Paddle adds two biases. These differ, and their sum is exact.
    return {"weight_ih": W, "weight_hh": U, "bias_ih": 2 * b[:, 0], "bias_hh": -b[:, 0]}


def from_paddle(gradients: Arrays, bias: str) -> Arrays:
    """Gradients in Paddle's layout, with one of its two biases, by the names of `rnn_core`."""
    W, U, b = gradients["weight_ih"].T, gradients["weight_hh"].T, gradients[bias][np.newaxis]
    if W.shape[1] == len(U):
        return {"W": W, "U": U, "b": b}
    return {
        f"{kind}_{gate}": part
        for kind, whole in (("w", W), ("u", U), ("b", b))
        for gate, part in zip(PADDLE_GATES, np.split(whole, 4, axis=1), strict=True)
    }


def build(cell: CellName, dtype: DType, *args: Any) -> Any:
    """A recurrent layer of Paddle, created in this dtype."""
    with default_dtype(dtype):
        return THEIRS[cell](E, H, *args)


@contextmanager
def default_dtype(dtype: DType) -> Iterator[None]:
    """Default dtype for new layers; `to` cannot cast Paddle's recurrent layers."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)


def by_name(state: Any) -> dict[str, Any]:
    """The parts of a state of Paddle, by name."""
    return {"hidden": state[0], "cell": state[1]} if isinstance(state, tuple) else {"hidden": state}


def random_stack(
    generator: np.random.Generator, cell: CellName, num_layers: int, directions: list[Direction]
) -> list[dict[Direction, Part]]:
    """Stacked layers, each with random weights and a random initial state."""
    sizes = [E] + [H * len(directions)] * (num_layers - 1)
    return [
        {
            direction: Part(
                random_cell(generator, cell, size, H), random_state(generator, cell, B, H)
            )
            for direction in directions
        }
        for size in sizes
    ]


def check_against_oracle(
    cell: CellName,
    dtype: DType,
    network: Any,
    layers: list[dict[Direction, Part]],
    places: list[str],
) -> None:
    """Assert that outputs, last states and all gradients agree with the reference.

    Args:
        cell: name of the cell.
        dtype: dtype of the network.
        network: a network from `paddle.nn`.
        layers: weights and initial states.
        places: for each part of `layers`, the pattern of its parameters' names, in which `{}`
            stands for "weight_ih" and so on.
    """
    generator = np.random.default_rng(7)
    parts = [part for layer in layers for part in layer.values()]
    x, d_finals = draw(generator, B, T, E), [random_state(generator, cell, B, H) for _ in parts]
    d_outputs = draw(generator, B, T, H * len(layers[0]))
    expected = stack_pass(CELLS[cell], layers, x, d_outputs, d_finals)

    values = {
        place.format(name): value
        for part, place in zip(parts, places, strict=True)
        for name, value in to_paddle(part.parameters).items()
    }
    write_parameters(network, values, dtype)
    # Layers take and return the states of all their parts in one tensor, a single cell only its
    # own.
    join = np.stack if isinstance(network, paddle.nn.layer.rnn.RNNBase) else np.concatenate
    starts = {
        name: to_tensor(join([part.start[name] for part in parts]), dtype, differentiable=True)
        for name in CELLS[cell].state_names
    }
    inputs = to_tensor(x, dtype, differentiable=True)
    first = tuple(starts.values()) if len(starts) > 1 else starts["hidden"]
    outputs, last = network(inputs, first)
    finals = by_name(last)
    go_back(
        {"outputs": outputs, **finals},
        {"outputs": d_outputs, **{name: join([d[name] for d in d_finals]) for name in finals}},
    )

    expected_finals = {name: join([final[name] for final in expected.finals]) for name in finals}
    assert_close({"outputs": expected.outputs}, {"outputs": to_array(outputs)}, FORWARD[dtype])
    assert_close(expected_finals, to_arrays(finals), FORWARD[dtype], where="final state")
    gradients = read_gradients(network)
    for place, d_part in reversed(list(zip(places, expected.d_parts, strict=True))):
        own = {name: gradients[place.format(name)] for name in to_paddle(d_part.parameters)}
        for bias in ("bias_ih", "bias_hh"):
            assert_close(
                d_part.parameters,
                from_paddle(own, bias),
                GRADIENT[dtype],
                where=f"gradient of {place.format('*')} with {bias}",
            )
    d_starts = {name: join([part.start[name] for part in expected.d_parts]) for name in starts}
    actual = to_arrays({name: t.grad for name, t in {"sequence": inputs, **starts}.items()})
    assert_close({"sequence": expected.d_x, **d_starts}, actual, GRADIENT[dtype], where="gradient")


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("direction", DIRECTIONS)
@over_cells
@over_dtypes
def test_paddle_layers_agree_with_the_reference(
    cell: CellName, dtype: DType, direction: str, num_layers: int
) -> None:
    """Paddle's layers agree with one and two layers, in one direction and in both."""
    layers = random_stack(np.random.default_rng(8), cell, num_layers, DIRECTIONS[direction])
    places = [
        f"{{}}_l{index}" + ("_reverse" if direction == REVERSE else "")
        for index, layer in enumerate(layers)
        for direction in layer
    ]

    network = build(cell, dtype, num_layers, direction)

    check_against_oracle(cell, dtype, network, layers, places)


# Paddle 3.2.2 warns about its own call of `paddle.split` in LSTMCell.
@pytest.mark.filterwarnings(r"ignore:\s*Non compatible API:Warning")
@pytest.mark.parametrize("direction", [AHEAD, REVERSE])
@over_cells
@over_dtypes
def test_paddle_cells_agree_with_the_reference(
    cell: CellName, dtype: DType, direction: Direction
) -> None:
    """Paddle's cells agree in either direction; its layers cannot run in reverse alone."""
    layers = random_stack(np.random.default_rng(9), cell, 1, [direction])

    with default_dtype(dtype):
        network = paddle.nn.RNN(SINGLE[cell](E, H), is_reverse=direction == REVERSE)

    check_against_oracle(cell, dtype, network, layers, ["cell.{}"])


@over_cells
@over_dtypes
@over_executions
def test_our_layers_agree_with_paddle(cell: CellName, dtype: DType, execution: Execution) -> None:
    """With the same weights, both layers end in the same state with the same gradients."""
    generator = np.random.default_rng(10)
    parameters, x = random_cell(generator, cell, E, H), draw(generator, B, T, E)
    weight = random_state(generator, cell, B, H)
    theirs = build(cell, dtype)
    written = {f"{name}_l0": value for name, value in to_paddle(parameters).items()}
    write_parameters(theirs, written, dtype)
    ours = build_layer(cell, parameters, dtype, execution)

    their_x = to_tensor(x, dtype, differentiable=True)
    _, final = theirs(their_x)
    their_last = {name: tensor.squeeze(0) for name, tensor in by_name(final).items()}
    go_back(their_last, weight)
    our_x = to_tensor(x, dtype, differentiable=True)
    our_last = from_state(ours(our_x))
    go_back(our_last, weight)

    assert_close(to_arrays(their_last), to_arrays(our_last), FORWARD[dtype], where="last state")
    gradients = {name.removesuffix("_l0"): g for name, g in read_gradients(theirs).items()}
    expected = {"sequence": to_array(their_x.grad), **from_paddle(gradients, "bias_ih")}
    actual = {"sequence": to_array(our_x.grad), **read_gradients(ours)}
    assert_close(expected, actual, GRADIENT[dtype], where="gradient")
