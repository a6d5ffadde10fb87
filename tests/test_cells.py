"""The layers' parameters, states and borders; the oracle's tests check their arithmetic."""

import numpy as np
import paddle
import pytest

from rnn_core import LSTM, LSTMState, SimpleRNN

E, H = 5, 3
Layer = type[SimpleRNN] | type[LSTM]


def test_rnn_parameters() -> None:
    """The RNN has W, U and b, in this order."""
    shapes = [(name, list(p.shape)) for name, p in SimpleRNN(E, H).named_parameters()]

    assert [("W", [E, H]), ("U", [H, H]), ("b", [1, H])] == shapes


def test_lstm_parameters() -> None:
    """The LSTM has w, u and b, each for the gates i, f, o and the candidate a."""
    shapes = [(name, list(p.shape)) for name, p in LSTM(E, H).named_parameters()]

    gates = "ifoa"
    assert [
        *((f"w_{gate}", [E, H]) for gate in gates),
        *((f"u_{gate}", [H, H]) for gate in gates),
        *((f"b_{gate}", [1, H]) for gate in gates),
    ] == shapes


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_parameters_fill_the_glorot_range(layer: Layer) -> None:
    """Weights and biases lie in +-sqrt(6 / (rows + columns)), and come near both ends."""
    paddle.seed(0)
    for name, parameter in layer(64, 96).named_parameters():
        bound = np.sqrt(6 / sum(parameter.shape))
        values = parameter.numpy()
        assert np.abs(values).max() <= bound, name
        assert values.max() > 0.9 * bound, name
        assert values.min() < -0.9 * bound, name


def test_rnn_step_by_hand() -> None:
    """One unit: tanh(2 * 0.25 + 0.5 * 3 - 1) = tanh(1)."""
    layer = SimpleRNN(1, 1)
    fill(layer, W=0.25, U=3.0, b=-1.0)

    h = layer(paddle.to_tensor([[[2.0]]]), state=paddle.to_tensor([[0.5]]))
    assert np.tanh(1.0) == pytest.approx(h.item(), rel=1e-6)


def test_lstm_step_by_hand() -> None:
    """One unit, every gate with its own sum: x = 2, h = 0.5, c = 0.25."""
    layer = LSTM(1, 1)
    fill(layer, w_i=0.5, u_i=1.0, b_i=-1.0, w_f=-0.5, u_f=2.0, b_f=0.3)
    fill(layer, w_o=1.0, u_o=-1.0, b_o=-0.6, w_a=0.25, u_a=0.2, b_a=0.1)
    state = LSTMState(hidden=paddle.to_tensor([[0.5]]), cell=paddle.to_tensor([[0.25]]))

    new = layer(paddle.to_tensor([[[2.0]]]), state=state)

    def sigmoid(value: float) -> float:
        return float(1 / (1 + np.exp(-value)))

    # i: 2 * 0.5 + 0.5 * 1 - 1 = 0.5; f: -1 + 1 + 0.3 = 0.3; o: 2 - 0.5 - 0.6 = 0.9; a: 0.7
    cell = sigmoid(0.3) * 0.25 + sigmoid(0.5) * np.tanh(0.7)
    assert cell == pytest.approx(new.cell.item(), rel=1e-6)
    assert sigmoid(0.9) * np.tanh(cell) == pytest.approx(new.hidden.item(), rel=1e-6)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
@pytest.mark.parametrize(("B", "T"), [(1, 1), (4, 1), (1, 7), (4, 7)])
def test_last_state_has_one_row_for_each_sequence(layer: Layer, B: int, T: int) -> None:
    """From [B, T, E] comes the last state, [B, H]: the LSTM's hidden and cell state by name."""
    state = layer(E, H)(paddle.rand([B, T, E]))

    parts = [state.hidden, state.cell] if isinstance(state, LSTMState) else [state]
    assert [[B, H]] * len(parts) == [list(part.shape) for part in parts]


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
@pytest.mark.parametrize("shape", [[0, 3, E], [2, 0, E], [2, 3, E + 1], [2, 3, E - 1], [3, E]])
def test_refuses_misshapen_inputs(layer: Layer, shape: list[int]) -> None:
    """Inputs are [B, T, E], none of them empty, E as the layer was built for."""
    with pytest.raises(ValueError, match=r"inputs must be \[B >= 1, T >= 1, E = 5\], got shape"):
        layer(E, H)(paddle.zeros(shape))


@pytest.mark.parametrize("shape", [[1, H], [2, H + 1], [2, 1, H], [H]])
def test_refuses_a_state_that_would_broadcast(shape: list[int]) -> None:
    """A carried state has a row for each sequence of the batch."""
    inputs, wrong, right = paddle.zeros([2, 3, E]), paddle.zeros(shape), paddle.zeros([2, H])

    with pytest.raises(ValueError, match=r"state must be \[B, H\] = \[2, 3\], got shape \["):
        SimpleRNN(E, H)(inputs, wrong)
    for state in (LSTMState(wrong, right), LSTMState(right, wrong)):
        with pytest.raises(ValueError, match=r"state must be \[B, H\] = \[2, 3\], got shape \["):
            LSTM(E, H)(inputs, state)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM])
def test_refuses_wrong_sizes(layer: Layer) -> None:
    """A layer has at least one input and one unit."""
    with pytest.raises(ValueError, match="emb_size must be at least 1, got 0"):
        layer(0, H)
    with pytest.raises(TypeError, match="hidden_size must be an int, got 2.5"):
        layer(E, 2.5)  # type: ignore[arg-type]


def fill(layer: paddle.nn.Layer, **values: float) -> None:
    """Set parameters of one unit to these values."""
    parameters = dict(layer.named_parameters())
    for name, value in values.items():
        parameters[name].set_value(np.full((1, 1), value, dtype="float32"))
