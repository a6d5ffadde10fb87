"""Faults in the executions of the recurrent layers that are not the textbook's."""

from functools import partial

from tests.faults.fault import edit

in_fused = partial(edit, "executions/fused.py")
in_kernel = partial(edit, "executions/kernel.py")
in_cells = partial(edit, "cells.py")

RNN_BACK = "d_h = op.matmul(d_z, U, False, True)\n            d_steps.append(d_z)"
RNN_END = "d_z = op.stack(d_steps[::-1], 0)\n        d_rows"
RNN_FORWARD = "for projected in op.unbind(x @ W + b, 0):\n            h = op.tanh_("
LSTM_END = "d_z = op.stack(d_steps[::-1], 0)\n        # A gate"
LSTM_BEGIN = "        steps = []\n        for projected in op.unbind(x @ W + b, 0):"
LSTM_BACK = "        for t in reversed(range(len(f))):"
LSTM_SPLIT = "i, f, o, a = op.split("
TO_EACH_GATE = "op.concat([d_c, d_c, d_h, d_c], 1)"
D_INPUT_WEIGHTS = "op.unbind(op.matmul(_rows(x), d_gates, True, False), 0)"
D_BIASES = "op.unbind(d_gates.sum(axis=1, keepdim=True), 0)"
D_INPUTS = "op.transpose(op.matmul(d_z, W, False, True), [1, 0, 2])"
EXECUTION = (
    'if self.execution != "textbook":\n            other = OTHER_EXECUTIONS[self.execution]\n'
)
BIASES = "b.reshape([-1]), paddle.zeros([w.shape[0]], dtype=w.dtype)]"
SQUARE = "{0} if {0}.shape[0] == {0}.shape[1] else "

FAULTS = (
    in_fused(
        "fused-rnn-no-tanh-derivative",
        "the derivative of the activation is forgotten",
        ("d_z = d_h * slope", "d_z = d_h"),
    ),
    in_fused(
        "fused-rnn-derivative-of-the-step-before",
        "off by one: the derivative at another step's state",
        ("1 - h_after * h_after", "1 - h_before * h_before"),
    ),
    in_fused(
        "fused-rnn-derivative-not-squared",
        "1 - tanh in place of 1 - tanh^2",
        ("1 - h_after * h_after", "1 - h_after"),
    ),
    in_fused(
        "fused-rnn-matrix-not-transposed",
        "U, which is square, is not transposed on the way back",
        (RNN_BACK, RNN_BACK.replace("True", "False")),
    ),
    in_fused(
        "fused-rnn-gradients-last-step-first",
        "what was collected backward is not turned round",
        (RNN_END, RNN_END.replace("[::-1]", "")),
    ),
    in_fused(
        "fused-rnn-state-after-the-step",
        "off by one: the gradient of U with the state that came out, not the one that went in",
        ("op.matmul(_rows(h_before), d_rows", "op.matmul(_rows(h_after), d_rows"),
    ),
    in_fused(
        "fused-rnn-bias-of-one-step",
        "the gradient of the bias is not summed over time",
        ("d_rows.sum(axis=0, keepdim=True)", "d_steps[0].sum(axis=0, keepdim=True)"),
    ),
    in_fused(
        "fused-rnn-rows-batch-first",
        "samples and steps in another order on one side of a product: unseen with one sample",
        ("op.matmul(_rows(x), d_rows", "op.matmul(_rows(op.transpose(x, [1, 0, 2])), d_rows"),
    ),
    in_fused(
        "fused-rnn-no-gradient-through-time",
        "truncated after one step",
        (RNN_BACK, RNN_BACK.replace("True)", "True) * 0")),
    ),
    in_fused(
        "fused-rnn-given-state-without-gradient",
        "the state that a caller gave gets no gradient",
        ("d_h,\n            op.matmul(_rows(x)", "d_h * 0,\n            op.matmul(_rows(x)"),
    ),
    in_fused(
        "fused-rnn-first-step-skipped",
        "off by one at the start of the sequence",
        (RNN_FORWARD, RNN_FORWARD.replace(", 0)", ", 0)[1:]")),
    ),
    in_fused(
        "fused-rnn-given-state-ignored",
        "a carried state is dropped",
        ("states = [h]", "states = [h := h * 0]"),
    ),
    in_fused(
        "fused-rnn-keeps-what-it-saved",
        "every pass's saved tensors stay for ever",
        (
            "ctx.wanted = _wanted(inputs, h, W, U, b)\n",
            "ctx.wanted = _wanted(inputs, h, W, U, b)\n"
            '        vars(_wanted).setdefault("kept", []).append(ctx)\n',
        ),
    ),
    in_fused(
        "fused-inputs-without-gradient",
        "the embedding below is not trained",
        (D_INPUTS, f"{D_INPUTS} * 0"),
    ),
    in_fused(
        "fused-inputs-gradient-reversed",
        "the gradients of the inputs in the order in which they were collected",
        (D_INPUTS, f"{D_INPUTS}.flip([1])"),
    ),
    in_fused(
        "fused-lstm-no-tanh-derivative",
        "the derivative of the output's tanh is forgotten",
        ("op.unbind(o * (1 - tanh_c * tanh_c), 0)", "op.unbind(o, 0)"),
    ),
    in_fused(
        "fused-lstm-no-candidate-derivative",
        "the derivative of the candidate's tanh is forgotten",
        ("i * (1 - a * a)", "i"),
    ),
    in_fused(
        "fused-lstm-derivative-of-another-gate",
        "copied line, one letter not changed",
        ("a * i * (1 - i)", "a * i * (1 - f)"),
    ),
    in_fused(
        "fused-lstm-forget-gate-sees-the-new-cell",
        "off by one: the cell after the step is saved, not the one before",
        ("steps.append((h, c, i,", "steps.append((h, new_c, i,"),
    ),
    in_fused(
        "fused-lstm-cell-gradient-without-forget-gate",
        "the gradient of the cell goes back undiminished",
        ("d_c = d_c * f[t]", "pass"),
    ),
    in_fused(
        "fused-lstm-cell-gradient-not-carried",
        "the path through the cell, which the LSTM is for, is cut",
        ("d_c = d_c * f[t]", "d_c = d_c * 0"),
    ),
    in_fused(
        "fused-lstm-last-cell-without-gradient",
        "a loss of the cell state has no effect",
        (LSTM_BACK, f"        d_c = d_c * 0\n{LSTM_BACK}"),
    ),
    in_fused(
        "fused-lstm-output-gate-learns-from-the-end-only",
        "the next step's part of d_h does not reach the output gate",
        (TO_EACH_GATE, TO_EACH_GATE.replace("d_h", "d_h * float(t == len(f) - 1)")),
    ),
    in_fused(
        "fused-lstm-cell-learns-from-the-end-only",
        "the next step's part of d_h does not reach the cell",
        ("d_c = d_c + d_h * to_c[t]", "d_c = d_c + d_h * to_c[t] * float(t == len(f) - 1)"),
    ),
    in_fused(
        "fused-lstm-gradients-last-step-first",
        "what was collected backward is not turned round",
        (LSTM_END, LSTM_END.replace("[::-1]", "")),
    ),
    in_fused(
        "fused-lstm-bias-of-one-row",
        "the gradient of the biases is not summed",
        (D_BIASES, "op.unbind(d_gates[:, -1:], 0)"),
    ),
    in_fused(
        "fused-lstm-gates-in-another-order-forward",
        "gates split off in another order than they were put together",
        (LSTM_SPLIT, LSTM_SPLIT.replace("i, f", "f, i")),
    ),
    in_fused(
        "fused-lstm-gates-in-another-order-backward",
        "two gates change places on the way back only",
        (
            "a * i * (1 - i),\n            c_before * f * (1 - f),",
            "c_before * f * (1 - f),\n            a * i * (1 - i),",
        ),
    ),
    in_fused(
        "fused-lstm-gates-interleaved",
        "another layout of the four gates when they are taken apart",
        (
            "d_z.reshape([T * B, 4, H]), [1, 0, 2])",
            "d_z.reshape([T * B, H, 4]), [2, 0, 1])",
        ),
    ),
    in_fused(
        "fused-lstm-gradients-handed-out-wrongly",
        "w_i gets the gradient of w_f, which has the same shape",
        (D_INPUT_WEIGHTS, f"(lambda i, f, o, a: (f, i, o, a))(*{D_INPUT_WEIGHTS})"),
    ),
    in_fused(
        "fused-lstm-tanh-in-place",
        "in place, where the value before is needed again",
        ("op.tanh(new_c)", "op.tanh_(new_c)"),
    ),
    in_fused(
        "fused-lstm-first-step-skipped",
        "off by one at the start of the sequence",
        (LSTM_BEGIN, LSTM_BEGIN.replace(", 0)", ", 0)[1:]")),
    ),
    in_fused(
        "fused-lstm-given-state-ignored",
        "a carried state is dropped",
        (LSTM_BEGIN, f"        h, c = h * 0, c * 0\n{LSTM_BEGIN}"),
    ),
    in_fused(
        "fused-second-derivative-in-silence",
        "a second derivative that nobody wrote is computed, in part, and not refused",
        ("if paddle.is_grad_enabled():", "if False:"),
    ),
    in_kernel(
        "kernel-gates-in-our-order",
        "Paddle's order of gates is forgotten",
        ("return [i, f, a, o]", "return [i, f, o, a]"),
    ),
    in_kernel(
        "kernel-matrix-not-transposed",
        "the layout of U, which is square",
        (
            "op.transpose(gate, [1, 0])",
            f"({SQUARE.format('gate')}op.transpose(gate, [1, 0]))",
        ),
    ),
    in_kernel(
        "kernel-gradient-not-transposed",
        "the layout of U's gradient, which is square",
        (
            "op.transpose(d_gate, [1, 0])",
            f"({SQUARE.format('d_gate')}op.transpose(d_gate, [1, 0]))",
        ),
    ),
    in_kernel(
        "kernel-gradients-handed-out-backward",
        "the gates' gradients, all of one shape, in another order",
        ("op.split(d_below, len(ctx.wanted), 0)", "op.split(d_below, len(ctx.wanted), 0)[::-1]"),
    ),
    in_kernel(
        "kernel-bias-twice",
        "the bias in place of the zero that stands for the second one",
        (BIASES, "b.reshape([-1]), b.reshape([-1])]"),
    ),
    in_kernel(
        "kernel-no-bias",
        "two zeros in place of one",
        (BIASES, BIASES.replace("])", "]) * 0", 1)),
    ),
    in_kernel(
        "kernel-hidden-and-cell-swapped",
        "the last states in the other order",
        ("last_h, last_c = _run", "last_c, last_h = _run"),
    ),
    in_kernel(
        "kernel-given-states-swapped",
        "the first states in the other order, which zeros do not show",
        ("[h, c], _transposed", "[c, h], _transposed"),
    ),
    in_kernel(
        "kernel-given-state-ignored",
        "a carried state is dropped",
        ("[state.reshape([1, B, H]) for", "[state.reshape([1, B, H]) * 0 for"),
    ),
    in_kernel("kernel-relu", "the operator's other activation", ('"RNN_TANH"', '"RNN_RELU"')),
    in_kernel(
        "kernel-inputs-detached",
        "the embedding below is not trained",
        ("op.transpose(inputs, [1, 0, 2])", "op.transpose(inputs.detach(), [1, 0, 2])"),
    ),
    in_cells(
        "rnn-execution-ignored",
        "always the textbook's, whose numbers are the same: it only costs",
        (f"{EXECUTION}            return other.rnn", "if False:\n            return other.rnn"),
    ),
    in_cells(
        "lstm-execution-ignored",
        "always the textbook's, whose numbers are the same: it only costs",
        (
            f"{EXECUTION}            return LSTMState(*other",
            "if False:\n            return LSTMState(*other",
        ),
    ),
    in_cells(
        "executions-swapped",
        "the name of an execution gives the other one, whose numbers are the same",
        ('{"fused": fused, "kernel": kernel}', '{"fused": kernel, "kernel": fused}'),
    ),
    edit(
        "model.py",
        "model-execution-not-passed-on",
        "the name is kept, and not told to the layer",
        (
            "self.hidden_size, self.execution)",
            "self.hidden_size)",
        ),
    ),
    edit(
        "model.py",
        "loop-execution-not-passed-on",
        "a new model is always the textbook's",
        ("        config.dtype,\n        config.execution,\n", "        config.dtype,\n"),
    ),
)
