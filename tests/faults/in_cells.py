"""Faults in the recurrent layers and the model."""

from functools import partial

from tests.faults.fault import edit

in_cells = partial(edit, "cells.py")
in_model = partial(edit, "model.py")

RNN_STEP = "F.tanh(x @ self.W + h @ self.U + self.b)"
RNN_LOOP = "for x in inputs.unbind(axis=1):\n            h = self.step(x, h)"
LSTM_LOOP = "for x in inputs.unbind(axis=1):\n            state = self.step(x, state)"
I_GATE = "i = F.sigmoid(x @ self.w_i + h @ self.u_i + self.b_i)"
F_GATE = "f = F.sigmoid(x @ self.w_f + h @ self.u_f + self.b_f)"
O_GATE = "o = F.sigmoid(x @ self.w_o + h @ self.u_o + self.b_o)"
CANDIDATE = "a = F.tanh(x @ self.w_a + h @ self.u_a + self.b_a)"
CELL = "c = f * c + i * a"
HIDDEN = "h = o * F.tanh(c)"

FAULTS = (
    in_cells(
        "rnn-linear",
        "the activation is lost in a refactoring",
        (RNN_STEP, "x @ self.W + h @ self.U + self.b"),
    ),
    in_cells(
        "rnn-sigmoid",
        "the other activation of the file",
        (RNN_STEP, "F.sigmoid(x @ self.W + h @ self.U + self.b)"),
    ),
    in_cells(
        "rnn-relu",
        "the activation that is the default elsewhere",
        (RNN_STEP, "F.relu(x @ self.W + h @ self.U + self.b)"),
    ),
    in_cells("rnn-no-bias", "the bias is forgotten", (RNN_STEP, "F.tanh(x @ self.W + h @ self.U)")),
    in_cells(
        "rnn-bias-twice",
        "a bias for inputs and one for states, of which there is only one",
        (RNN_STEP, "F.tanh(x @ self.W + self.b + h @ self.U + self.b)"),
    ),
    in_cells(
        "rnn-matrices-swapped",
        "W and U have the same shape where E equals H",
        (RNN_STEP, "F.tanh(x @ self.U + h @ self.W + self.b)"),
    ),
    in_cells(
        "rnn-transposed-state-matrix",
        "another library's layout of U, which is square",
        (RNN_STEP, "F.tanh(x @ self.W + h @ self.U.t() + self.b)"),
    ),
    in_cells(
        "rnn-state-detached",
        "truncated backpropagation left on: no gradient through time",
        (RNN_STEP, "F.tanh(x @ self.W + h.detach() @ self.U + self.b)"),
    ),
    in_cells(
        "rnn-state-not-carried",
        "every step starts anew",
        (RNN_LOOP, RNN_LOOP.replace("(x, h)", "(x, h * 0)")),
    ),
    in_cells(
        "rnn-first-input-lost",
        "off by one at the start of the sequence",
        (RNN_LOOP, RNN_LOOP.replace("axis=1)", "axis=1)[1:]")),
    ),
    in_cells(
        "rnn-last-input-lost",
        "off by one at the end of the sequence",
        (RNN_LOOP, RNN_LOOP.replace("axis=1)", "axis=1)[:-1]")),
    ),
    in_cells(
        "rnn-reversed-in-time",
        "the sequence is read from its end",
        (RNN_LOOP, RNN_LOOP.replace("axis=1)", "axis=1)[::-1]")),
    ),
    in_cells(
        "rnn-given-state-ignored",
        "a carried state is dropped",
        ("if state is None else state", "if True else state"),
    ),
    in_cells(
        "starts-from-ones", "a state that does not start at zero", ("paddle.zeros", "paddle.ones")
    ),
    in_cells(
        "lstm-input-and-forget-swapped",
        "another library's order of gates",
        (CELL, "c = i * c + f * a"),
    ),
    in_cells(
        "lstm-forget-and-output-swapped",
        "another library's order of gates",
        (CELL, "c = o * c + i * a"),
        (HIDDEN, "h = f * F.tanh(c)"),
    ),
    in_cells("lstm-forgets-nothing", "no forget gate, as in 1997", (CELL, "c = c + i * a")),
    in_cells("lstm-output-gate-open", "no output gate", (HIDDEN, "h = F.tanh(c)")),
    in_cells("lstm-input-gate-open", "no input gate", (CELL, "c = f * c + a")),
    in_cells("lstm-no-output-tanh", "the second tanh is forgotten", (HIDDEN, "h = o * c")),
    in_cells(
        "lstm-coupled-gates", "another variant of the cell", (CELL, "c = f * c + (1 - f) * a")
    ),
    in_cells(
        "lstm-sigmoid-candidate",
        "one activation for all four",
        (CANDIDATE, CANDIDATE.replace("tanh", "sigmoid")),
    ),
    in_cells(
        "lstm-tanh-input-gate",
        "one activation for two",
        (I_GATE, I_GATE.replace("sigmoid", "tanh")),
    ),
    in_cells(
        "lstm-cell-and-hidden-swapped",
        "the two states in the other order, as the notebook returned them",
        ("LSTMState(hidden=h, cell=c)", "LSTMState(hidden=c, cell=h)"),
    ),
    in_cells(
        "lstm-old-cell-shown",
        "the output reads the cell before its update",
        (f"{CELL}\n        {HIDDEN}", f"h = o * F.tanh(c)\n        {CELL}"),
    ),
    in_cells(
        "lstm-forget-gate-detached",
        "a gate that learns nothing",
        (CELL, "c = f.detach() * c + i * a"),
    ),
    in_cells(
        "lstm-cell-detached",
        "no gradient through the cell state",
        (CELL, "c = f * c.detach() + i * a"),
    ),
    in_cells(
        "lstm-hidden-detached-in-candidate",
        "one of eight paths through time is cut",
        (CANDIDATE, CANDIDATE.replace("h @", "h.detach() @")),
    ),
    in_cells(
        "lstm-no-forget-bias",
        "one bias of four is forgotten",
        (F_GATE, F_GATE.replace(" + self.b_f", "")),
    ),
    in_cells(
        "lstm-output-gate-uses-input-matrix",
        "copied line, one index not changed",
        (O_GATE, O_GATE.replace("u_o", "u_i")),
    ),
    in_cells(
        "lstm-forget-gate-uses-output-bias",
        "copied line, one index not changed",
        (F_GATE, F_GATE.replace("b_f", "b_o")),
    ),
    in_cells(
        "lstm-transposed-input-matrix",
        "another library's layout, in one gate",
        (I_GATE, I_GATE.replace("self.u_i", "self.u_i.t()")),
    ),
    in_cells(
        "lstm-hidden-not-carried",
        "only the cell state is carried",
        ("h, c = state\n", "h, c = state.hidden * 0, state.cell\n"),
    ),
    in_cells(
        "lstm-cell-not-carried",
        "only the hidden state is carried",
        ("h, c = state\n", "h, c = state.hidden, state.cell * 0\n"),
    ),
    in_cells(
        "lstm-last-input-lost",
        "off by one at the end of the sequence",
        (LSTM_LOOP, LSTM_LOOP.replace("axis=1)", "axis=1)[:-1] or inputs.unbind(axis=1)")),
    ),
    in_cells(
        "lstm-reversed-in-time",
        "the sequence is read from its end",
        (LSTM_LOOP, LSTM_LOOP.replace("axis=1)", "axis=1)[::-1]")),
    ),
    in_cells(
        "lstm-weights-drawn-in-another-order",
        "parameters sorted by name: other weights from the same seed",
        ("self.w_f = _parameter(emb_size", "self.w_o = _parameter(emb_size"),
        (
            "self.w_o = _parameter(emb_size, hidden_size)\n        self.w_a",
            "self.w_f = _parameter(emb_size, hidden_size)\n        self.w_a",
        ),
    ),
    in_cells(
        "normal-weights",
        "another distribution of the same variance",
        ("XavierUniform", "XavierNormal"),
    ),
    in_cells(
        "biases-start-at-zero",
        "biases created by the layer",
        (
            "initializer = paddle.nn.initializer.XavierUniform()",
            "initializer = paddle.nn.initializer.XavierUniform() if rows > 1 "
            "else paddle.nn.initializer.Constant(0.0)",
        ),
    ),
    in_model(
        "model-predicts-from-the-cell-state",
        "the wrong one of two states goes into the linear layer",
        ("hidden = state.hidden if", "hidden = state.cell if"),
    ),
    in_model(
        "model-embedding-drawn-first",
        "layers in the order of the data's way: other weights from the same seed",
        (
            "        self.recurrent = ",
            "        paddle.nn.Embedding(self.vocab_size, 1)\n        self.recurrent = ",
        ),
    ),
    in_model(
        "model-embedding-frozen",
        "the embedding is passed on without its gradient",
        (
            "self.recurrent(self.embedding(tokens))",
            "self.recurrent(self.embedding(tokens).detach())",
        ),
    ),
    in_model(
        "model-float64-in-name-only",
        "the dtype is not passed on",
        ("self.to(dtype=dtype)", "pass"),
    ),
)
