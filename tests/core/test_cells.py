"""Parameters, states and input checks of the layers; tests/oracle checks their arithmetic."""

from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import LSTMState
from rnn_core.config import Cell, Execution
from rnn_core.executions import LAYERS
from rnn_core.parameters import named_weights
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.tolerances import GRADIENT
from tests.helpers.weights import from_state, go_back, read_gradients

E, H = 5, 3


@over_executions
def test_parameters_have_the_names_and_shapes_of_the_equations(execution: Execution) -> None:
    """The RNN has W, U and b, the LSTM one of each for i, f, o and a, in this order.

    Those of a large layer are drawn within its bounds.
    """
    shapes = {
        cell: [(name, weight.shape) for name, weight in named_weights(layer(E, H)).items()]
        for cell, layer in LAYERS[execution].items()
    }

    sizes = {"w": (E, H), "u": (H, H), "b": (1, H)}
    assert shapes["RNN"] == [("W", (E, H)), ("U", (H, H)), ("b", (1, H))]
    assert shapes["LSTM"] == [(f"{k}_{g}", size) for k, size in sizes.items() for g in "ifoa"]
    for name, values in named_weights(LAYERS[execution]["RNN"](2, 300)).items():
        assert np.abs(values).max() <= (6 / sum(values.shape)) ** 0.5 * (1 + 1e-6), name


@over_cells
@over_executions
def test_state_and_inputs_are_left_as_they_were(cell: Cell, execution: Execution) -> None:
    """Neither pass writes into inputs, states or parameters."""
    ours, inputs, zeros = LAYERS[execution][cell](E, H), paddle.rand([2, 3, E]), paddle.rand([2, H])
    given = zeros if cell == "RNN" else LSTMState(zeros, zeros * 2)
    watched = [inputs, *from_state(given).values(), *ours.parameters()]
    before = [tensor.numpy().tolist() for tensor in watched]

    go_back(from_state(ours(inputs, given)), dict.fromkeys(from_state(given), np.ones((2, H))))

    assert [tensor.numpy().tolist() for tensor in watched] == before


@over_cells
@over_executions
@pytest.mark.parametrize("inputs_want", [False, True])
@pytest.mark.parametrize("state_wants", [False, True])
def test_frozen_parameters_get_no_gradient_and_the_others_keep_theirs(
    cell: Cell, execution: Execution, inputs_want: bool, state_wants: bool
) -> None:
    """The same holds for inputs and states that need no gradient."""
    expected = gradients_of_all(cell, execution, set(), inputs_want=True, state_wants=True)
    names = [name for name in expected if name not in ("inputs", "hidden", "cell")]
    # Nothing, each parameter alone, each kind of parameter, all other kinds, and all.
    frozen: list[set[str]] = [set(), *({name} for name in names), set(names)]
    for kind in "wub":
        of_kind = {name for name in names if name[0].lower() == kind}
        frozen += [of_kind, {*names} - of_kind]

    for names_frozen in frozen:
        if names_frozen == set(names) and not inputs_want and not state_wants:
            continue  # Nothing needs a gradient.
        actual = gradients_of_all(cell, execution, names_frozen, inputs_want, state_wants)
        for name, gradient in actual.items():
            wanted = name not in names_frozen
            wanted = inputs_want if name == "inputs" else wanted
            wanted = state_wants if name in ("hidden", "cell") else wanted
            assert gradient == (expected[name] if wanted else None), (name, names_frozen)


def gradients_of_all(
    cell: Cell, execution: Execution, frozen: set[str], inputs_want: bool, state_wants: bool
) -> dict[str, Any]:
    """Gradients of parameters, inputs and state by name, None where there is none."""
    paddle.seed(3)
    ours = LAYERS[execution][cell](E, H)
    inputs, h, c = paddle.rand([2, 3, E]), paddle.rand([2, H]), paddle.rand([2, H])
    inputs.stop_gradient = not inputs_want
    state = h if cell == "RNN" else LSTMState(h, c)
    for tensor in from_state(state).values():
        tensor.stop_gradient = not state_wants
    for name, parameter in ours.named_parameters():
        parameter.stop_gradient = name in frozen
    if state_wants != inputs_want:
        ours.eval()  # The mode does not matter.

    go_back(from_state(ours(inputs, state)), dict.fromkeys(from_state(state), np.ones((2, H))))

    tensors = {**dict(ours.named_parameters()), "inputs": inputs, **from_state(state)}
    return {name: None if t.grad is None else t.grad.tolist() for name, t in tensors.items()}


@over_cells
@over_executions
def test_state_has_no_gradient_if_nothing_needs_one(cell: Cell, execution: Execution) -> None:
    """Under `no_grad` or with all parameters frozen, the state is the same, without a gradient."""
    ours, inputs = LAYERS[execution][cell](E, H), paddle.rand([2, 3, E])
    expected = from_state(ours(inputs))

    with paddle.no_grad():
        without = from_state(ours(inputs))
    for parameter in ours.parameters():
        parameter.stop_gradient = True
    frozen = from_state(ours(inputs))

    for name, tensor in expected.items():
        stops = [each[name].stop_gradient for each in (expected, without, frozen)]
        assert stops == [False, True, True]
        assert tensor.tolist() == without[name].tolist() == frozen[name].tolist()


@pytest.mark.parametrize("part", ["hidden", "cell"])
@over_executions
def test_the_lstm_is_differentiable_from_either_state(execution: Execution, part: str) -> None:
    """The gradient from one state alone equals that from both with a zero weight for the other."""
    gradients = []
    for parts in ([part], ["hidden", "cell"]):
        paddle.seed(3)
        ours, inputs = LAYERS[execution]["LSTM"](E, H), paddle.rand([2, 3, E])
        state = from_state(ours(inputs))
        weights = {name: np.full((2, H), float(name == part)) for name in parts}
        go_back({name: state[name] for name in parts}, weights)
        gradients.append(read_gradients(ours))

    alone, both = gradients
    assert_close(both, alone, GRADIENT["float32"])
