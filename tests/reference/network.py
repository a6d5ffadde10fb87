"""The network and its gradients in NumPy, written from the equations.

Shares no code with `rnn_core`. B is the batch size, T the number of time steps, E and H the sizes
of an input and of a state. `d_z` is the derivative of the loss with respect to `z` and has its
shape.

The forward pass accepts complex numbers too (no `abs`, no cast), so that `test_network.py` can
check derivatives by complex steps.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
Parameters = Mapping[str, Array]
# B, T, E, H.
Shape = tuple[int, int, int, int]
CellName = Literal["RNN", "LSTM"]
# With those that only Paddle has.
AnyCell = Literal["RNN", "LSTM", "ReLU", "GRU"]

GATES = "ifoa"


class StepGradients(NamedTuple):
    """Derivatives of the loss with respect to the inputs of one step."""

    parameters: Arrays
    x: Array
    state: Arrays


class Cell(NamedTuple):
    """One step of a recurrent layer, forward and backward.

    Attributes:
        state_names: names of the parts of its state; each part is `[B, H]`.
        step: function of (parameters, x `[B, E]`, state) that returns the next state.
        step_back: function of (parameters, x, state, d_next) that returns the gradients; d_next is
            the derivative with respect to the next state.
    """

    state_names: tuple[str, ...]
    step: Callable[[Parameters, Array, Arrays], Arrays]
    step_back: Callable[[Parameters, Array, Arrays, Arrays], StepGradients]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), in a form that does not overflow for any z."""
    return np.asarray((1 + np.tanh(z / 2)) / 2)


def rnn_step(p: Parameters, x: Array, state: Arrays) -> Arrays:
    """h_t = tanh(x_t W + h_{t-1} U + b)."""
    return {"hidden": np.tanh(x @ p["W"] + state["hidden"] @ p["U"] + p["b"])}


def rnn_step_back(p: Parameters, x: Array, state: Arrays, d_next: Arrays) -> StepGradients:
    """Gradients, with z = x W + h U + b and tanh'(z) = 1 - tanh(z)^2."""
    d_z = d_next["hidden"] * (1 - rnn_step(p, x, state)["hidden"] ** 2)
    return sum_back(p, x, state, d_z)


def sum_back(p: Parameters, x: Array, state: Arrays, d_z: Array) -> StepGradients:
    """Gradients of z = x W + h U + b."""
    return StepGradients(
        parameters={
            "W": x.T @ d_z,
            "U": state["hidden"].T @ d_z,
            "b": d_z.sum(axis=0, keepdims=True),
        },
        x=d_z @ p["W"].T,
        state={"hidden": d_z @ p["U"].T},
    )


def relu_step(p: Parameters, x: Array, state: Arrays) -> Arrays:
    """h_t = max(x_t W + h_{t-1} U + b, 0)."""
    z = x @ p["W"] + state["hidden"] @ p["U"] + p["b"]
    return {"hidden": np.where(z.real > 0, z, 0)}


def relu_step_back(p: Parameters, x: Array, state: Arrays, d_next: Arrays) -> StepGradients:
    """Gradients, 0 where the state is 0."""
    return sum_back(p, x, state, d_next["hidden"] * (relu_step(p, x, state)["hidden"] > 0))


def lstm_gates(p: Parameters, x: Array, h: Array) -> Arrays:
    """Input gate i, forget gate f, output gate o and candidate a, each `[B, H]`."""
    z = {g: x @ p[f"w_{g}"] + h @ p[f"u_{g}"] + p[f"b_{g}"] for g in GATES}
    return {"i": sigmoid(z["i"]), "f": sigmoid(z["f"]), "o": sigmoid(z["o"]), "a": np.tanh(z["a"])}


def lstm_step(p: Parameters, x: Array, state: Arrays) -> Arrays:
    """c_t = f c_{t-1} + i a and h_t = o tanh(c_t)."""
    gate = lstm_gates(p, x, state["hidden"])
    c = gate["f"] * state["cell"] + gate["i"] * gate["a"]
    return {"hidden": gate["o"] * np.tanh(c), "cell": c}


def lstm_step_back(p: Parameters, x: Array, state: Arrays, d_next: Arrays) -> StepGradients:
    """Gradients, by the chain rule: h_t; o and c_t; i, f, a and c_{t-1}; x_t and h_{t-1}."""
    h = state["hidden"]
    i, f, o, a = (lstm_gates(p, x, h)[g] for g in GATES)
    tanh_c = np.tanh(lstm_step(p, x, state)["cell"])
    # The cell state reaches the loss through h_t and through the next step.
    d_c = d_next["hidden"] * o * (1 - tanh_c**2) + d_next["cell"]
    # sigmoid'(z) = s (1 - s), with s = sigmoid(z).
    d_z = {
        "i": d_c * a * i * (1 - i),
        "f": d_c * state["cell"] * f * (1 - f),
        "o": d_next["hidden"] * tanh_c * o * (1 - o),
        "a": d_c * i * (1 - a**2),
    }
    parameters: Arrays = {}
    for g in GATES:
        parameters[f"w_{g}"] = x.T @ d_z[g]
        parameters[f"u_{g}"] = h.T @ d_z[g]
        parameters[f"b_{g}"] = d_z[g].sum(axis=0, keepdims=True)
    return StepGradients(
        parameters=parameters,
        x=np.sum([d_z[g] @ p[f"w_{g}"].T for g in GATES], axis=0),
        state={"hidden": np.sum([d_z[g] @ p[f"u_{g}"].T for g in GATES], axis=0), "cell": d_c * f},
    )


def gru_gates(p: Parameters, x: Array, h: Array) -> Arrays:
    """Reset gate r, update gate z, candidate c, and s, the share of h that r scales in c."""
    r, z = (sigmoid(x @ p[f"w_{g}"] + h @ p[f"u_{g}"] + p[f"b_{g}"]) for g in "rz")
    s = h @ p["u_c"] + p["b_s"]
    return {"r": r, "z": z, "s": s, "c": np.tanh(x @ p["w_c"] + p["b_c"] + r * s)}


def gru_step(p: Parameters, x: Array, state: Arrays) -> Arrays:
    """h_t = z h_{t-1} + (1 - z) c: the gated recurrent unit of Cho et al. (2014), as in Paddle."""
    gate = gru_gates(p, x, state["hidden"])
    return {"hidden": gate["z"] * state["hidden"] + (1 - gate["z"]) * gate["c"]}


def gru_step_back(p: Parameters, x: Array, state: Arrays, d_next: Arrays) -> StepGradients:
    """Gradients, by the chain rule: h_t; z and c; r and s; x_t and h_{t-1}."""
    h, d_h = state["hidden"], d_next["hidden"]
    r, z, s, c = (gru_gates(p, x, h)[g] for g in "rzsc")
    d_c = d_h * (1 - z) * (1 - c**2)
    by_x = {"r": d_c * s * r * (1 - r), "z": d_h * (h - c) * z * (1 - z), "c": d_c}
    by_h = by_x | {"c": d_c * r}
    parameters: Arrays = {"b_s": by_h["c"].sum(axis=0, keepdims=True)}
    for g in "rzc":
        parameters[f"w_{g}"] = x.T @ by_x[g]
        parameters[f"u_{g}"] = h.T @ by_h[g]
        parameters[f"b_{g}"] = by_x[g].sum(axis=0, keepdims=True)
    return StepGradients(
        parameters=parameters,
        x=np.sum([by_x[g] @ p[f"w_{g}"].T for g in "rzc"], axis=0),
        state={"hidden": d_h * z + np.sum([by_h[g] @ p[f"u_{g}"].T for g in "rzc"], axis=0)},
    )


RNN = Cell(("hidden",), rnn_step, rnn_step_back)
LSTM = Cell(("hidden", "cell"), lstm_step, lstm_step_back)
RELU = Cell(("hidden",), relu_step, relu_step_back)
GRU = Cell(("hidden",), gru_step, gru_step_back)
CELLS: dict[AnyCell, Cell] = {"RNN": RNN, "LSTM": LSTM, "ReLU": RELU, "GRU": GRU}


def zero_state(cell: Cell, batch: int, hidden_size: int) -> Arrays:
    """Zero state, the usual one before the first step."""
    return {name: np.zeros((batch, hidden_size)) for name in cell.state_names}


def unroll(cell: Cell, p: Parameters, x: Array, state: Arrays) -> list[Arrays]:
    """The T + 1 states of a sequence `[B, T, E]`, beginning with `state`."""
    states = [state]
    for t in range(x.shape[1]):
        states.append(cell.step(p, x[:, t], states[-1]))
    return states


def unroll_back(
    cell: Cell, p: Parameters, x: Array, states: Sequence[Arrays], d_states: Sequence[Arrays]
) -> StepGradients:
    """Backpropagation through time.

    Args:
        cell: the cell that was unrolled.
        p: its parameters.
        x: the sequence, `[B, T, E]`.
        states: the result of `unroll`.
        d_states: for each step, the derivative of the loss with respect to the state after it,
            without the part that passes through later steps.

    Returns:
        The derivatives with respect to the parameters, the sequence and the initial state.
    """
    d_p = {name: np.zeros_like(value) for name, value in p.items()}
    d_x = np.zeros_like(x)
    d_state = {name: np.zeros_like(value) for name, value in states[-1].items()}
    for t in reversed(range(x.shape[1])):
        d_next = {name: d_state[name] + d_states[t][name] for name in cell.state_names}
        back = cell.step_back(p, x[:, t], states[t], d_next)
        # All steps share the parameters, so their gradients add up.
        for name, gradient in back.parameters.items():
            d_p[name] += gradient
        d_x[:, t] = back.x
        d_state = back.state
    return StepGradients(d_p, d_x, d_state)


class Result(NamedTuple):
    """Result of one pass through the model, forward and backward."""

    predictions: Array
    hidden: Array
    loss: Any
    gradients: Arrays


def mean_squared_error(predictions: Array, labels: Array) -> Any:
    """L = mean over the batch of (y - label)^2."""
    return ((predictions - labels) ** 2).mean()


def model_forward(p: Parameters, tokens: Array) -> tuple[Array, list[Arrays]]:
    """Embedding, recurrent layer from a zero state, linear layer on the last hidden state.

        x_t = row tokens_t of embedding.weight
        y   = h_T linear.weight + linear.bias

    Args:
        p: the parameters, by their names in the model of `rnn_core`.
        tokens: indices of embedding rows, `[B, T]`.

    Returns:
        The predictions `[B, 1]` and the T + 1 states.
    """
    cell, recurrent = recurrent_part(p)
    start = zero_state(cell, len(tokens), len(p["linear.weight"]))
    states = unroll(cell, recurrent, p["embedding.weight"][tokens], start)
    return states[-1]["hidden"] @ p["linear.weight"] + p["linear.bias"], states


def model_pass(p: Parameters, tokens: Array, labels: Array) -> Result:
    """Forward, and backward from the mean squared error; tokens `[B, T]`, labels `[B, 1]`."""
    predictions, states = model_forward(p, tokens)
    hidden, weight = states[-1]["hidden"], p["linear.weight"]

    d_predictions = 2 * (predictions - labels) / len(labels)
    cell, recurrent = recurrent_part(p)
    d_states = [zero_state(cell, len(tokens), len(weight)) for _ in states[1:]]
    d_states[-1]["hidden"] = d_predictions @ weight.T
    back = unroll_back(cell, recurrent, p["embedding.weight"][tokens], states, d_states)
    d_embedding = np.zeros_like(p["embedding.weight"])
    # Unlike `d_embedding[tokens] += back.x`, this adds up repeated tokens.
    np.add.at(d_embedding, tokens, back.x)
    gradients = {f"recurrent.{name}": gradient for name, gradient in back.parameters.items()}
    gradients["embedding.weight"] = d_embedding
    gradients["linear.weight"] = hidden.T @ d_predictions
    gradients["linear.bias"] = d_predictions.sum(axis=0)
    return Result(predictions, hidden, mean_squared_error(predictions, labels), gradients)


def recurrent_part(p: Parameters) -> tuple[Cell, Arrays]:
    """The cell of a model, recognised by the names of its parameters, and these parameters."""
    own = {
        name.removeprefix("recurrent."): value
        for name, value in p.items()
        if name.startswith("recurrent.")
    }
    return (RNN if "W" in own else LSTM), own
