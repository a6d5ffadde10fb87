"""Paddle's own recurrent layers agree with the reference.

The execution "kernel" calls the operator behind these layers, but not the layers. They are tested
so that a bug of Paddle shows up under its own name, such as wrong gradients with two layers on the
CPU (Paddle's issue 37080).
"""

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core.config import DType
from tests.helpers.comparison import assert_close
from tests.helpers.default_dtype import default_dtype
from tests.helpers.float64_products import skip_where_products_crash
from tests.helpers.parametrize import over_dtypes
from tests.helpers.tolerances import FORWARD, GRADIENT
from tests.helpers.weights import (
    draw,
    go_back,
    random_cell,
    random_state,
    read_gradients,
    to_array,
    to_arrays,
    to_tensor,
    write_parameters,
)
from tests.reference.network import CELLS, AnyCell, Arrays, Shape
from tests.reference.stack import FORWARD as AHEAD
from tests.reference.stack import REVERSE, Direction, Part, padded_pass, stack_pass

B, T, E, H = SMALL = (3, 6, 4, 5)
THEIRS: dict[AnyCell, Any] = {
    "RNN": paddle.nn.SimpleRNN,
    "LSTM": paddle.nn.LSTM,
    "ReLU": partial(paddle.nn.SimpleRNN, activation="relu"),
    "GRU": paddle.nn.GRU,
}
SINGLE: dict[AnyCell, Any] = {
    "RNN": paddle.nn.SimpleRNNCell,
    "LSTM": paddle.nn.LSTMCell,
    "ReLU": partial(paddle.nn.SimpleRNNCell, activation="relu"),
    "GRU": paddle.nn.GRUCell,
}
# Paddle stacks the gates of a weight in this order, by their number.
PADDLE_GATES = {3: "rzc", 4: "ifao"}
over_kinds = pytest.mark.parametrize("cell", CELLS)
# Sizes of B, T, E and H.
FEW = [1, 7, 8, 9, 16, 17, 31, 33, 64, 65, 129, 650]
MANY = [*FEW, 32, 127, 128, 256, 1024]
# Lengths of sequences by the number of layers; one of the first has no padding.
LENGTHS = {1: (2, 6, 1), 2: (2, 5, 1), 3: (4,)}
DIRECTIONS: dict[str, list[Direction]] = {"forward": [AHEAD], "bidirect": [AHEAD, REVERSE]}


def to_paddle(parameters: Arrays) -> Arrays:
    """Parameters of `rnn_core` in Paddle's layout: transposed, gates stacked, two biases."""
    if "W" in parameters:
        W, U, b = (parameters[name].T for name in "WUb")
    else:
        gates = PADDLE_GATES[3 if "w_r" in parameters else 4]
        W, U, b = (
            np.concatenate([parameters[f"{kind}_{gate}"].T for gate in gates]) for kind in "wub"
        )
    # Paddle adds two biases. These differ, and their sum is exact.
    first, second = 2 * b[:, 0], -b[:, 0]
    if "b_s" in parameters:  # Those of the GRU's candidate are not added.
        H = parameters["b_s"].size
        first[-H:], second[-H:] = parameters["b_c"], parameters["b_s"]
    return {"weight_ih": W, "weight_hh": U, "bias_ih": first, "bias_hh": second}


def from_paddle(gradients: Arrays, bias: str) -> Arrays:
    """Gradients in Paddle's layout, with one of its two biases, by the names of `rnn_core`."""
    W, U, b = gradients["weight_ih"].T, gradients["weight_hh"].T, gradients[bias][np.newaxis]
    count = W.shape[1] // len(U)
    if count == 1:
        return {"W": W, "U": U, "b": b}
    named = {
        f"{kind}_{gate}": part
        for kind, whole in (("w", W), ("u", U), ("b", b))
        for gate, part in zip(PADDLE_GATES[count], np.split(whole, count, axis=1), strict=True)
    }
    if (count, bias) == (3, "bias_hh"):
        named["b_s"] = named.pop("b_c")
    return named


def random_stack(
    generator: np.random.Generator,
    cell: AnyCell,
    num_layers: int,
    directions: list[Direction],
    shape: Shape = SMALL,
    start: float = 1,
) -> list[dict[Direction, Part]]:
    """Stacked layers, each with random weights, and a random initial state times `start`."""
    B, _, E, H = shape
    sizes = [E] + [H * len(directions)] * (num_layers - 1)
    return [
        {
            direction: Part(
                random_cell(generator, cell, size, H),
                {n: start * v for n, v in random_state(generator, cell, B, H).items()},
            )
            for direction in directions
        }
        for size in sizes
    ]


def check_against_oracle(
    cell: AnyCell,
    dtype: DType,
    network: Any,
    layers: list[dict[Direction, Part]],
    places: list[str],
    shape: Shape = SMALL,
    lengths: Sequence[int] | None = None,
) -> None:
    """Assert that outputs, last states and all gradients agree with the reference.

    Args:
        cell: name of the cell.
        dtype: dtype of the network.
        network: a network from `paddle.nn`.
        layers: weights and initial states.
        places: for each part of `layers`, the pattern of its parameters' names, in which `{}`
            stands for "weight_ih" and so on.
        shape: B, T, E and H.
        lengths: number of steps of each sequence; T if None.
    """
    B, T, E, H = shape
    generator = np.random.default_rng(7)
    parts = [part for layer in layers for part in layer.values()]
    x, d_finals = draw(generator, B, T, E), [random_state(generator, cell, B, H) for _ in parts]
    d_outputs = draw(generator, B, T, H * len(layers[0]))
    arguments = CELLS[cell], layers, x, d_outputs, d_finals
    expected = stack_pass(*arguments) if lengths is None else padded_pass(*arguments, lengths)

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
    first: Any = tuple(starts.values()) if len(starts) > 1 else starts["hidden"]
    tracked = {"sequence": inputs, **starts}
    if lengths is None and not any(start.numpy().any() for start in starts.values()):
        first, tracked = None, {"sequence": inputs}  # The zeros that are used by default.
    kind = "int32" if dtype == "float32" else "int64"
    ends = None if lengths is None else paddle.to_tensor(np.array(lengths, dtype=kind))
    outputs, last = network(inputs, first, ends)
    with paddle.no_grad():
        untracked, _ = network(inputs, first, ends)
    finals = dict(zip(starts, last if len(starts) > 1 else [last], strict=True))
    go_back(
        {"outputs": outputs, **finals},
        {"outputs": d_outputs, **{name: join([d[name] for d in d_finals]) for name in finals}},
    )

    expected_finals = {name: join([final[name] for final in expected.finals]) for name in finals}
    for made in (outputs, untracked):
        assert_close({"outputs": expected.outputs}, {"outputs": to_array(made)}, FORWARD[dtype])
    assert_close(expected_finals, to_arrays(finals), FORWARD[dtype], where="final state")
    gradients = read_gradients(network)
    for place, d_part in reversed(list(zip(places, expected.d_parts, strict=True))):
        own = {name: gradients[place.format(name)] for name in to_paddle(d_part.parameters)}
        for bias in ("bias_ih", "bias_hh"):
            actual = from_paddle(own, bias)
            assert_close(
                {name: d for name, d in d_part.parameters.items() if name in actual},
                actual,
                GRADIENT[dtype],
                where=f"gradient of {place.format('*')} with {bias}",
            )
    d_starts = {name: join([part.start[name] for part in expected.d_parts]) for name in starts}
    d_tracked = {name: ({"sequence": expected.d_x} | d_starts)[name] for name in tracked}
    actual = to_arrays({name: t.grad for name, t in tracked.items()})
    assert_close(d_tracked, actual, GRADIENT[dtype], where="gradient")


@pytest.mark.parametrize("padded", [False, True], ids=["equal", "unequal"])
@pytest.mark.parametrize("num_layers", LENGTHS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@over_kinds
@over_dtypes
def test_paddle_layers_agree_with_the_reference(
    cell: AnyCell, dtype: DType, direction: str, num_layers: int, padded: bool
) -> None:
    """Paddle's layers agree with up to three layers, in one direction and in both."""
    lengths = LENGTHS[num_layers] if padded else None
    shape = (len(LENGTHS[num_layers]), *SMALL[1:])
    # See "reverse-gradient" in test_known_defects.py.
    start = 0 if direction == "bidirect" and lengths else 1
    check_layers(cell, dtype, direction, num_layers, shape, lengths, start)


def check_layers(
    cell: AnyCell,
    dtype: DType,
    direction: str,
    num_layers: int,
    shape: Shape,
    lengths: Sequence[int] | None = None,
    start: float = 1,
) -> None:
    """Assert that Paddle's layers agree with the reference in this form."""
    generator, directions = np.random.default_rng(8), DIRECTIONS[direction]
    layers = random_stack(generator, cell, num_layers, directions, shape, start)
    places = [
        f"{{}}_l{index}" + ("_reverse" if direction == REVERSE else "")
        for index, layer in enumerate(layers)
        for direction in layer
    ]
    with default_dtype(dtype):
        network = THEIRS[cell](*shape[2:], num_layers, direction)
    check_against_oracle(cell, dtype, network, layers, places, shape, lengths)


@pytest.mark.parametrize(
    ("cells", "sizes"),
    [
        pytest.param(("RNN", "LSTM"), FEW, id="few"),
        pytest.param(CELLS, MANY, id="many", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("axis", "BTEH")
@over_dtypes
def test_paddle_layers_agree_at_every_size(
    dtype: DType, axis: str, cells: list[AnyCell], sizes: list[int]
) -> None:
    """One of the sizes B, T, E and H grows; the initial state is given, or zero by default."""
    skip_where_products_crash(dtype)
    cases: list[tuple[AnyCell, int]] = [*product(cells, sizes), ("RNN", 1030)]
    for cell, size in cases:
        shape: Any = tuple(size if name == axis else 2 for name in "BTEH")
        check_layers(cell, dtype, "forward", 1, shape, start=(size + (cell == "RNN")) % 2)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(33, 17, 31, 65), (16, 50, 64, 129), (7, 129, 65, 48)], ids=str)
@pytest.mark.parametrize("direction", DIRECTIONS)
@over_kinds
@over_dtypes
def test_large_paddle_layers_agree_with_the_reference(
    cell: AnyCell, dtype: DType, direction: str, shape: Shape
) -> None:
    """Two layers and sequences of unequal length agree at larger sizes."""
    B, T, _, _ = shape
    start = 0 if direction == "bidirect" else 1  # As above.
    check_layers(cell, dtype, direction, 2, shape, [1 + 5 * k % T for k in range(B)], start)


# Paddle 3.2.2 warns about its own call of `paddle.split` in LSTMCell.
@pytest.mark.filterwarnings(r"ignore:\s*Non compatible API:Warning")
@pytest.mark.parametrize("direction", [AHEAD, REVERSE])
@over_kinds
@over_dtypes
def test_paddle_cells_agree_with_the_reference(
    cell: AnyCell, dtype: DType, direction: Direction
) -> None:
    """Paddle's cells agree in either direction; its layers cannot run in reverse alone.

    States that are given once are not those of the next call.
    """
    layers = random_stack(np.random.default_rng(9), cell, 1, [direction])

    with default_dtype(dtype):
        network = paddle.nn.RNN(SINGLE[cell](E, H), is_reverse=direction == REVERSE)

    check_against_oracle(cell, dtype, network, layers, ["cell.{}"])
    with default_dtype(dtype):
        inputs = paddle.ones([2, 3, E])
        expected, states = network(inputs)
        network(inputs, states)
        assert network(inputs)[0].tolist() == expected.tolist()
