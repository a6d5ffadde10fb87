"""Faults in the execution "kernel", and in how parameters are packed and named."""

from functools import partial

from tests.faults.fault import edit

in_kernel = partial(edit, "executions/kernel.py")
in_parameters = partial(edit, "parameters.py")
in_executions = partial(edit, "executions/__init__.py")
in_model = partial(edit, "model.py")
in_step = partial(edit, "step.py")

WEIGHTS = "weights = [weight_ih, weight_hh, bias, op.zeros(bias.shape, bias.dtype)]"
READ = "np.array(values.T if self.transposed else values)"
WRITE = "stored = values.T if self.transposed else values"
SQUARE = "values.shape[0] != values.shape[1] and self.transposed"
ROWS = "self.index * rows, (self.index + 1) * rows"
CLIPPED = "        self.clipped = clipped\n"
CLIP = "clipped = self.clip(raw, raw_squares)"

FAULTS = (
    in_kernel(
        "kernel-gates-in-our-order",
        "Paddle's order of gates is forgotten",
        ('GATES = ("i", "f", "a", "o")', 'GATES = ("i", "f", "o", "a")'),
    ),
    in_kernel(
        "kernel-bias-twice",
        "the bias in place of the zeros that stand for the second one",
        (WEIGHTS, "weights = [weight_ih, weight_hh, bias, bias]"),
    ),
    in_kernel(
        "kernel-no-bias",
        "zeros in place of both biases",
        (WEIGHTS, WEIGHTS.replace(" bias,", " bias * 0,")),
    ),
    in_kernel(
        "kernel-hidden-and-cell-swapped",
        "the last states in the other order",
        (
            "return LSTMState(*self._last(inputs, [h, c]))",
            "return LSTMState(*self._last(inputs, [h, c])[::-1])",
        ),
    ),
    in_kernel(
        "kernel-given-states-swapped",
        "the first states in the other order, which zeros do not show",
        ("self._last(inputs, [h, c])", "self._last(inputs, [c, h])"),
    ),
    in_kernel(
        "kernel-given-state-ignored",
        "a carried state is dropped",
        (
            "[op.reshape(state, [1, B, H]) for",
            "[op.reshape(state * 0, [1, B, H]) for",
        ),
    ),
    in_kernel(
        "kernel-relu", "the operator's other activation", ('mode = "RNN_TANH"', 'mode = "RNN_RELU"')
    ),
    in_kernel(
        "kernel-inputs-detached",
        "the embedding below is not trained",
        ("op.transpose(inputs, [1, 0, 2])", "op.transpose(inputs.detach(), [1, 0, 2])"),
    ),
    in_kernel(
        "kernel-frozen-weight-with-gradient",
        "a frozen weight gets a gradient, and is trained",
        ("        weight = weight.detach()\n", ""),
    ),
    in_kernel(
        "kernel-weights-of-its-own",
        "the seed draws other weights for this execution",
        (
            "set_weights(self, named_weights(textbook))",
            "set_weights(self, {n: w[::-1] for n, w in named_weights(textbook).items()})",
        ),
    ),
    in_kernel(
        "kernel-block-of-another-gate",
        "the names of two gates are exchanged in w alone",
        (
            "tensor, GATES.index(gate), len(GATES))",
            'tensor, GATES.index({"i": "f", "f": "i"}.get(gate, gate) if kind == "w" else gate), '
            "len(GATES))",
        ),
    ),
    in_kernel(
        "kernel-w-and-u-swapped",
        "both matrices are square where E is H",
        (
            '{"w": self.weight_ih, "u": self.weight_hh, "b": self.bias}',
            '{"w": self.weight_hh, "u": self.weight_ih, "b": self.bias}',
        ),
    ),
    in_parameters(
        "parameters-read-not-transposed",
        "a square weight or gradient is given out as it is stored",
        (READ, f"np.array(values.T if {SQUARE} else values)"),
    ),
    in_parameters(
        "parameters-written-not-transposed",
        "a square weight is stored as it is given",
        (WRITE, f"stored = values.T if {SQUARE} else values"),
    ),
    in_parameters(
        "parameters-read-and-written-not-transposed",
        "both ways are wrong, and the round trip right",
        (READ, f"np.array(values.T if {SQUARE} else values)"),
        (WRITE, f"stored = values.T if {SQUARE} else values"),
    ),
    in_parameters(
        "parameters-block-of-the-neighbour",
        "a gate's weight and gradient are those of the next gate",
        (
            ROWS,
            "(self.index + 1) % self.count * rows, ((self.index + 1) % self.count + 1) * rows",
        ),
    ),
    in_parameters(
        "parameters-blocks-from-the-end",
        "the blocks of a tensor are counted from the other end",
        (ROWS, "(self.count - 1 - self.index) * rows, (self.count - self.index) * rows"),
    ),
    in_parameters(
        "parameters-block-one-row-short",
        "the last unit of each gate is neither clipped nor trained",
        (ROWS, "self.index * rows, (self.index + 1) * rows - 1"),
    ),
    in_parameters(
        "parameters-weights-copied",
        "the update changes copies, and the model stays as it is",
        (
            "self.weights = [block.of(block.stored) for block in self.blocks]",
            "self.weights = [\n"
            "                block.of(block.stored) if block.index == 0 else "
            "block.of(block.stored).clone()\n"
            "                for block in self.blocks\n"
            "            ]",
        ),
    ),
    in_parameters(
        "parameters-gradients-in-another-order",
        "two gradients of one shape change places",
        (
            "        return gradients\n",
            "        gradients[:2] = gradients[1::-1] if gradients[0].shape == gradients[1].shape "
            "else gradients[:2]\n        return gradients\n",
        ),
    ),
    in_parameters(
        "parameters-first-block-set-alone",
        "of a packed tensor, one weight is replaced, and the others are forgotten",
        (
            "block.write(weight, weights[block.name])",
            "block.index or block.write(weight, weights[block.name])",
        ),
    ),
    in_parameters(
        "parameters-wrong-shape-accepted",
        "a weight that does not fit is reshaped",
        ("(values.shape, str(values.dtype)) != (block.shape, dtype)", "str(values.dtype) != dtype"),
    ),
    in_step(
        "step-gates-clipped-together",
        "a packed parameter is clipped by the norm of the whole tensor",
        (
            CLIPPED,
            "        if self.clip is not None:\n"
            "            blocks = self.parameters.blocks\n"
            "            whole = {id(b.stored): b.stored.grad for b in blocks}\n"
            "            made = self.clip(list(whole.values()), None)\n"
            "            by_tensor = dict(zip(whole, made))\n"
            "            clipped = [b.of(by_tensor[id(b.stored)]) for b in blocks]\n"
            f"{CLIPPED}",
        ),
    ),
    in_step(
        "step-block-clipped-by-its-neighbours-norm",
        "each gradient is scaled by the factor of the one before it",
        (
            CLIPPED,
            "        factors = [c.norm() / r.norm().clip(1e-30) for r, c in zip(raw, clipped)]\n"
            "        clipped = [r * f for r, f in zip(raw, [factors[-1], *factors])]\n"
            f"{CLIPPED}",
        ),
    ),
    in_step(
        "step-one-gate-not-clipped",
        "a parameter is updated with its raw gradient",
        (CLIPPED, "        self.clipped = [*clipped[:1], raw[1], *clipped[2:]]\n"),
    ),
    in_step(
        "step-one-gate-not-updated",
        "the update of one parameter is missed",
        (CLIPPED, "        self.clipped = [clipped[0], clipped[1] * 0, *clipped[2:]]\n"),
    ),
    in_step(
        "step-clipped-in-another-order",
        "clipped gradients of one shape change places",
        (
            CLIPPED,
            "        self.clipped = (\n"
            "            [clipped[1], clipped[0], *clipped[2:]]\n"
            "            if clipped[0].shape == clipped[1].shape\n"
            "            else clipped\n"
            "        )\n",
        ),
    ),
    in_step(
        "step-raw-norms-in-another-order",
        "the raw norms change places",
        (CLIP, f"{CLIP}\n            raw_squares = raw_squares and raw_squares[::-1]"),
    ),
    in_executions(
        "executions-kernel-is-the-textbook",
        "always the textbook's, whose numbers are the same: it only costs",
        ('{"RNN": KernelRNN, "LSTM": KernelLSTM}', '{"RNN": SimpleRNN, "LSTM": LSTM}'),
    ),
    in_executions(
        "executions-textbook-is-the-kernel",
        "the equations are never run",
        ('{"RNN": SimpleRNN, "LSTM": LSTM}', '{"RNN": KernelRNN, "LSTM": KernelLSTM}'),
    ),
    in_executions(
        "executions-cells-swapped",
        "the name of a cell gives the other one",
        ('{"RNN": SimpleRNN, "LSTM": LSTM}', '{"LSTM": SimpleRNN, "RNN": LSTM}'),
    ),
    in_model(
        "model-execution-ignored",
        "the name is kept, and the layer is always the textbook's",
        ("LAYERS[self.execution][self.cell]", 'LAYERS["textbook"][self.cell]'),
    ),
    in_model(
        "loop-execution-not-passed-on",
        "a new model is always the textbook's",
        ("        config.dtype,\n        config.execution,\n", "        config.dtype,\n"),
    ),
)
