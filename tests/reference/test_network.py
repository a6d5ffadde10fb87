"""The reference agrees with values worked out by hand and with numerical derivatives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.parametrize import over_cells
from tests.helpers.weights import random_cell, random_model, random_state
from tests.reference.network import (
    CELLS,
    LSTM,
    RNN,
    AnyCell,
    Arrays,
    CellName,
    Shape,
    lstm_gates,
    mean_squared_error,
    model_forward,
    model_pass,
    sigmoid,
    unroll,
    unroll_back,
)

EXACT = Tolerance(1e-14)
# Complex steps have no cancellation; only the rounding of a few hundred sums remains.
DERIVATIVE = Tolerance(1e-12, absolute=1e-15)
SHAPES = [(1, 1, 1, 1), (1, 3, 2, 4), (3, 2, 4, 2), (2, 10, 3, 3)]  # B, T, E, H


def derivatives(function: Callable[[Arrays], Any], at: Arrays) -> Arrays:
    """Derivatives of an analytic function by every entry of its arguments: Im f(x + ih) / h."""
    h = 1e-30
    result = {name: np.zeros(value.shape) for name, value in at.items()}
    for name, value in at.items():
        for index in np.ndindex(value.shape):
            moved = value.astype(np.complex128)
            moved[index] += 1j * h
            result[name][index] = function({**at, name: moved}).imag / h
    return result


def test_sigmoid_is_exact_and_does_not_overflow() -> None:
    """It is 1/4 at -ln 3, 1/2 at 0 and 3/4 at ln 3, and 0 and 1 far out, without a warning."""
    z = np.array([-1e5, -np.log(3), 0, np.log(3), 1e5])

    assert_close({"sigmoid": [0, 0.25, 0.5, 0.75, 1]}, {"sigmoid": sigmoid(z)}, Tolerance(0, 2e-16))


def test_rnn_agrees_with_two_steps_by_hand() -> None:
    """Two steps of one unit.

    As tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 3/5 and tanh(ln 3) = (3 - 1/3) / (3 + 1/3) = 4/5,
    choose the inputs so that the sums come to ln 2 and ln 3; W = 1, U = 5, b = 1:

        z_1 = x_1 + 5 * 0   + 1 = ln 2    h_1 = 0.6
        z_2 = x_2 + 5 * 0.6 + 1 = ln 3    h_2 = 0.8
    """
    p = {"W": np.array([[1.0]]), "U": np.array([[5.0]]), "b": np.array([[1.0]])}
    x = np.array([[[np.log(2) - 1], [np.log(3) - 4]]])

    _, first, second = unroll(RNN, p, x, {"hidden": np.zeros((1, 1))})

    assert_close({"hidden": [[0.6]]}, first, EXACT)
    assert_close({"hidden": [[0.8]]}, second, EXACT)


def test_rnn_multiplies_rows_by_its_matrices() -> None:
    """The product x W sums over the rows of W: [1, 2] [[1, 2], [3, 4]] = [7, 10]; so does h U."""
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]]) / 100
    zero = np.zeros((2, 2))
    row = np.array([[1.0, 2.0]])
    expected = np.tanh([[0.07, 0.10]])

    by_input = RNN.step({"W": matrix, "U": zero, "b": zero[:1]}, row, {"hidden": row})
    by_state = RNN.step({"W": zero, "U": matrix, "b": zero[:1]}, row, {"hidden": row})

    assert_close({"x W": expected}, {"x W": by_input["hidden"]}, EXACT)
    assert_close({"h U": expected}, {"h U": by_state["hidden"]}, EXACT)


def test_lstm_agrees_with_one_step_by_hand() -> None:
    """One step of one unit.

    With x = h = 0 only the biases act: sigmoid(ln 3) = 3/4 for i, sigmoid(-ln 3) = 1/4 for f,
    sigmoid(ln 4) = 4/5 for o, tanh(ln 2) = 3/5 for a. From c_0 = 1:

        c_1 = 1/4 * 1 + 3/4 * 3/5 = 0.7    h_1 = 0.8 tanh(0.7)
    """
    zero = np.zeros((1, 1))
    biases = {"i": np.log(3), "f": -np.log(3), "o": np.log(4), "a": np.log(2)}
    p: Arrays = {f"{kind}_{gate}": zero for kind in "wu" for gate in biases}
    p |= {f"b_{gate}": np.array([[bias]]) for gate, bias in biases.items()}

    states = unroll(LSTM, p, np.zeros((1, 1, 1)), {"hidden": zero, "cell": np.ones((1, 1))})

    assert_close({"cell": [[0.7]], "hidden": [[0.8 * np.tanh(0.7)]]}, states[-1], EXACT)


@pytest.mark.parametrize(("gate", "function"), [*((g, sigmoid) for g in "ifo"), ("a", np.tanh)])
def test_lstm_gates_read_their_own_weights(gate: str, function: Callable[[Any], Any]) -> None:
    """Gate g is its function of x w_g + h u_g + b_g: here 2 * 3 + 0.5 * 4 - 7 = 1."""
    p = {f"{kind}_{other}": np.zeros((1, 1)) for kind in "wub" for other in "ifoa"}
    p |= {f"w_{gate}": np.array([[3.0]]), f"u_{gate}": np.array([[4.0]])}
    p |= {f"b_{gate}": np.array([[-7.0]])}

    gates = lstm_gates(p, np.array([[2.0]]), np.array([[0.5]]))

    expected = {other: 0.0 if other == "a" else 0.5 for other in "ifoa"} | {gate: function(1.0)}
    assert_close({g: [[e]] for g, e in expected.items()}, gates, EXACT)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_cell_gradients_are_derivatives(name: AnyCell, shape: Shape) -> None:
    """Backpropagation through time gives the derivatives of a loss on all states."""
    B, T, E, H = shape
    generator = np.random.default_rng(0)
    cell, p = CELLS[name], random_cell(generator, name, E, H)
    x, start = generator.normal(size=(B, T, E)), random_state(generator, name, B, H)
    weights = [random_state(generator, name, B, H) for _ in range(T)]

    def loss(values: Arrays) -> Any:
        state = {key: values[key] for key in cell.state_names}
        states = unroll(cell, values, values["x"], state)[1:]
        pairs = zip(weights, states, strict=True)
        return sum((weight[key] * s[key]).sum() for weight, s in pairs for key in s)

    back = unroll_back(cell, p, x, unroll(cell, p, x, start), weights)

    assert_close(
        derivatives(loss, {**p, **start, "x": x}),
        {**back.parameters, **back.state, "x": back.x},
        DERIVATIVE,
    )


def test_model_agrees_with_a_line_by_hand() -> None:
    """With zero recurrent weights the model is a line, with a known loss.

    Zero recurrent weights and bias ln 2 give h = tanh(ln 2) = 0.6 for every token; with
    linear.weight 2 and linear.bias 1 both predictions are 2.2. Labels 2.2 and 1.2: errors 0 and
    1, loss (0 + 1) / 2.
    """
    zero = np.zeros((1, 1))
    p = {
        "recurrent.W": zero,
        "recurrent.U": zero,
        "recurrent.b": np.array([[np.log(2)]]),
        "embedding.weight": np.ones((3, 1)),
        "linear.weight": np.array([[2.0]]),
        "linear.bias": np.array([1.0]),
    }

    result = model_pass(p, np.array([[0], [2]]), np.array([[2.2], [1.2]]))

    assert_close(
        {"hidden": [[0.6], [0.6]], "predictions": [[2.2], [2.2]], "loss": 0.5},
        {"hidden": result.hidden, "predictions": result.predictions, "loss": result.loss},
        EXACT,
    )


@over_cells
def test_model_gradients_are_complex_step_derivatives(cell: CellName) -> None:
    """Every gradient is the derivative of the loss, even if tokens are repeated."""
    p = random_model(np.random.default_rng(1), cell, vocab_size=4, emb_size=3, hidden_size=2)
    tokens, labels = np.array([[1, 2, 1, 0], [3, 0, 0, 0]]), np.array([[3.0], [-1.0]])

    def loss(p: Arrays) -> Any:
        return mean_squared_error(model_forward(p, tokens)[0], labels)

    gradients = model_pass(p, tokens, labels).gradients

    assert_close(derivatives(loss, p), gradients, DERIVATIVE)
