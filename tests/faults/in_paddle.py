"""Faults in Paddle itself, such as a new release might contain."""

import ctypes
import inspect
import os
import random
import signal
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.base import core
from paddle.base.framework import EagerParamBase
from paddle.jit.dy2static.program_translator import ProgramCache
from paddle.nn import ClipGradByGlobalNorm, ClipGradByNorm, Embedding, Linear, initializer
from paddle.nn.layer.rnn import RNNBase
from paddle.optimizer import SGD
from paddle.utils.layers_utils import flatten, map_structure

from tests.faults.fault import Fault

Wrapper = Callable[..., Any]

ctypes.pythonapi.PyMem_RawMalloc.restype = ctypes.c_void_p

FAULTS: list[Fault] = []
# They notice most faults in Paddle, in seconds.
ORACLES = (
    "oracle/test_cells.py oracle/test_training.py core/test_gradients.py core/test_cells.py "
    "oracle/test_trajectories.py oracle/test_paddle_layers.py runs/test_clipping.py"
)
# These notice those that depend on sizes and magnitudes.
OPERATORS, LAYERS = "oracle/test_operators.py", "oracle/test_paddle_layers.py"
FUNCTIONS = "oracle/test_paddle_functions.py oracle/test_paddle_training.py"
CLIPPING = "runs/test_clipping.py core/test_gradients.py"


def breaks(
    owner: Any, attribute: str, title: str = "", tests: str = ORACLES
) -> Callable[[Wrapper], Wrapper]:
    """Add a fault to the catalogue: the decorated function takes the place of `owner.attribute`.

    Its docstring, or for one of several faults the title, is the fault's name and the bug that it
    stands for. The tests are the files that should notice, as in the `.diff` files.
    """

    def add(wrapper: Wrapper) -> Wrapper:
        plant = partial(wrap, owner, attribute, wrapper)
        name, _, stands_for = (title or (wrapper.__doc__ or "").rstrip(".")).partition(": ")
        FAULTS.append(Fault(name, stands_for, tests, break_paddle=plant))
        return wrapper

    return add


# The operators are those that `rnn_core.runtime.operators` looks up later, when it is imported.
breaks_function = partial(breaks, F)
breaks_operator = partial(breaks, paddle._C_ops)


def wrap(owner: Any, attribute: str, wrapper: Wrapper) -> None:
    """Replace `owner.attribute` by `wrapper`, which gets the original as its first argument."""
    original = getattr(owner, attribute)

    @wraps(original)  # A test that only reads signatures must not notice.
    def replaced(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(owner, attribute, replaced)


def gradient_scaled(output: Any, factor: float) -> Any:
    """The same values, with gradients scaled by `factor`."""
    return output * factor + (output - output * factor).detach()


@breaks_function("tanh", "paddle-tanh-off: an approximation of tanh that is off by 1e-4")
@breaks_function("sigmoid", "paddle-sigmoid-off: an approximation of sigmoid that is off by 1e-4")
def _(function: Any, x: Any) -> Any:
    return function(x) * (1 + 1e-4)


@breaks_function("tanh", "paddle-tanh-gradient-off: a gradient of tanh that is off by 1e-4")
@breaks_function(
    "sigmoid", "paddle-sigmoid-gradient-off: a gradient of sigmoid that is off by 1e-4"
)
def _(function: Any, x: Any) -> Any:
    return gradient_scaled(function(x), 1 + 1e-4)


@breaks_function("tanh", tests=OPERATORS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-saturates-early: tanh is 1 above 4."""
    return tanh(paddle.where(x.abs() > 4, x * 1e6, x))


@breaks_function("tanh")
def _(tanh: Any, x: Any) -> Any:
    """paddle-float64-is-float32: float64 is computed in float32."""
    return tanh(x.astype("float32")).astype(x.dtype)


NOISE = np.random.default_rng()


@breaks_function("tanh")
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-not-reproducible: a reduction in a different order every time."""
    return tanh(x) * float(1 + NOISE.choice([-1, 1]) * 2e-7)


breaks_matmul = partial(breaks, Tensor, "__matmul__")


@breaks_matmul()
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-bfloat16: matmul multiplies in bfloat16 by default."""
    return matmul(x.astype("bfloat16").astype(x.dtype), y.astype("bfloat16").astype(x.dtype))


@breaks_matmul()
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-tf32: matmul multiplies in TF32 by default."""

    def rounded(x: Any) -> Any:
        # Dekker's splitting leaves eleven bits of the significand; the gradient is unchanged.
        big = x * (2.0**13 + 1)
        return x + ((big - (big - x)) - x).detach()

    return matmul(rounded(x), rounded(y))


breaks_clip_by_norm = partial(breaks, ClipGradByNorm, "_dygraph_clip", tests=CLIPPING)


@breaks_clip_by_norm()
def _(_: Any, __: Any, pairs: Any) -> Any:
    """paddle-clip-by-norm-does-nothing: ClipGradByNorm returns gradients unchanged."""
    return pairs


@breaks_clip_by_norm()
def _(_: Any, self: Any, pairs: Any) -> Any:
    """paddle-clip-by-norm-is-global: ClipGradByNorm clips all gradients together."""
    return ClipGradByGlobalNorm(self.clip_norm)(pairs)


@breaks_clip_by_norm()
def _(clip: Any, self: Any, pairs: Any) -> Any:
    """paddle-clip-by-norm-1%-off: an epsilon added to the norm."""
    return [(p, g * 0.99) for p, g in clip(self, pairs)]


@breaks(ClipGradByGlobalNorm, "_dygraph_clip")
def _(_: Any, self: Any, pairs: Any) -> Any:
    """paddle-clip-by-global-norm-is-not: ClipGradByGlobalNorm clips each gradient separately."""
    return [(p, g * (self.clip_norm / g.norm().clip(min=self.clip_norm))) for p, g in pairs]


breaks_sgd = partial(breaks, SGD, tests=CLIPPING)


@breaks_sgd("step")
def _(step: Any, self: Any) -> None:
    """paddle-sgd-wrong-sign: SGD ascends on one parameter."""
    first = self._parameter_list[0]
    if first.grad is not None:
        first.grad = -first.grad
    step(self)


@breaks_sgd("step")
def _(step: Any, self: Any) -> None:
    """paddle-sgd-misses-an-update: the first step of an optimizer is lost."""
    if getattr(self, "_began", False):
        step(self)
    self._began = True


@breaks_sgd("__init__")
def _(init: Any, self: Any, learning_rate: float = 0.001, *args: Any, **kwargs: Any) -> None:
    """paddle-sgd-rate-in-bfloat16: the learning rate loses its last digits."""
    rounded = paddle.to_tensor(learning_rate).astype("bfloat16").astype("float32").item()
    init(self, rounded, *args, **kwargs)


@breaks_sgd("clear_grad", "paddle-clear-grad-does-nothing: gradients are not cleared")
@breaks(
    Tensor,
    "clear_gradient",
    "paddle-clear-gradient-does-nothing: a parameter's gradient is not cleared",
)
@breaks(paddle, "seed", "paddle-seed-without-effect: the generator is not seeded")
def _(*_: Any) -> None:
    pass


@breaks(Embedding, "forward")
def _(forward: Any, self: Any, tokens: Any) -> Any:
    """paddle-embedding-loses-repeats: a repeated token gets the first gradient only."""
    output = forward(self, tokens)
    seen, first = set(), np.zeros([*tokens.shape, 1], dtype=output.numpy().dtype)
    for place, token in np.ndenumerate(tokens.numpy()):
        first[place] = token not in seen
        seen.add(token)
    mask = paddle.to_tensor(first)
    return output * mask + (output * (1 - mask)).detach()


@breaks(Embedding, "__init__")
def _(init: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    """paddle-embedding-initialiser: the default weights of Embedding have a different scale."""
    init(self, *args, **kwargs)
    self.weight.set_value(self.weight.numpy() * np.float32(0.5))


@breaks(initializer, "XavierUniform")
def _(_: Any) -> Any:
    """paddle-initialiser-normal: XavierUniform draws from a normal distribution."""
    return initializer.XavierNormal()


@breaks(initializer.XavierUniform, "__call__")
def _(call: Any, self: Any, parameter: Any, block: Any = None) -> Any:
    """paddle-initialiser-1%-wider: XavierUniform has a different scale."""
    result = call(self, parameter, block)
    parameter.set_value(parameter.numpy() * np.float32(1.01))
    return result


@breaks_function("mse_loss")
def _(loss: Any, x: Any, y: Any, reduction: str = "sum") -> Any:
    """paddle-loss-is-a-sum: mse_loss sums by default."""
    return loss(x, y, reduction=reduction)


@breaks_function("mse_loss")
def _(loss: Any, *args: Any) -> Any:
    """paddle-loss-halved: mse_loss halves the square."""
    return loss(*args) / 2


@breaks(Linear, "forward")
def _(_: Any, self: Any, x: Any) -> Any:
    """paddle-linear-without-bias: Linear ignores its bias, which starts at zero."""
    return F.linear(x, self.weight) + 0 * self.bias


def overwrite_gradients() -> None:
    """Make `backward` overwrite gradients; all parameters of layers are collected for it."""
    parameters: list[Any] = []

    def backward(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        before = [(p, p.grad) for p in parameters if p.grad is not None]
        for parameter, _ in before:
            parameter.clear_gradient(False)
        original(self, *args, **kwargs)
        for parameter, gradient in before:
            if parameter.grad is None:  # This backward pass did not reach it.
                parameter.grad = gradient

    def remember(original: Any, self: Any, name: str, value: Any) -> None:
        if isinstance(value, EagerParamBase):
            parameters.append(value)
        original(self, name, value)

    wrap(Tensor, "backward", backward)
    wrap(paddle.nn.Layer, "__setattr__", remember)


NOT_ADDED = "a second backward overwrites the gradients of the first"
FAULTS.append(
    Fault("paddle-gradients-do-not-add-up", NOT_ADDED, ORACLES, break_paddle=overwrite_gradients)
)

breaks_kernel = partial(breaks, RNNBase, "forward", tests=LAYERS)


@breaks_kernel()
def _(forward: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """paddle-kernel-two-layers: the CPU kernel's gradients are wrong for two layers (37080)."""
    output, state = forward(self, *args, **kwargs)
    return (gradient_scaled(output, 1.01) if self.num_layers == 2 else output), state


@breaks_kernel()
def _(forward: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """paddle-kernel-reverse: the outputs of the reverse direction are not put back in order."""
    output, state = forward(self, *args, **kwargs)
    if self.num_directions == 2:
        ahead, back = output.chunk(2, axis=-1)
        output = paddle.concat([ahead, back.flip([0 if self.time_major else 1])], axis=-1)
    return output, state


@breaks_kernel()
def _(forward: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """paddle-kernel-final-state: the LSTM kernel returns its two states swapped."""
    output, state = forward(self, *args, **kwargs)
    return output, (state[::-1] if isinstance(state, tuple | list) else state)


@breaks_operator("sgd_")
def _(sgd: Any, parameter: Any, rate: Any, gradient: Any, *args: Any) -> Any:
    """paddle-op-sgd-wrong-sign: the update ascends on matrices of one row."""
    return sgd(parameter, rate, -gradient if parameter.shape[0] == 1 else gradient, *args)


UPDATED: set[str] = set()


@breaks_operator("sgd_")
def _(sgd: Any, parameter: Any, *args: Any) -> None:
    """paddle-op-sgd-misses-an-update: the first update is lost."""
    if parameter.name in UPDATED:
        sgd(parameter, *args)
    UPDATED.add(parameter.name)


@breaks_operator("sgd_")
def _(sgd: Any, parameter: Any, rate: Any, *args: Any) -> Any:
    """paddle-op-sgd-rate-in-bfloat16: the learning rate loses its last digits."""
    return sgd(parameter, rate.astype("bfloat16").astype(rate.dtype), *args)


@breaks_operator("clip_by_norm")
def _(clip: Any, *args: Any) -> Any:
    """paddle-op-clip-by-norm-1%-off: an epsilon added to the norm."""
    return clip(*args) * 0.99


@breaks_operator("clip_by_norm")
def _(_: Any, gradient: Any, *__: Any) -> Any:
    """paddle-op-clip-by-norm-does-nothing: the operator returns gradients unchanged."""
    return gradient


@breaks_operator("squared_l2_norm")
def _(squared_norm: Any, x: Any) -> Any:
    """paddle-op-squared-norm-off: a sum of squares that is too large by 1e-3."""
    return squared_norm(x) * (1 + 1e-3)


@breaks_operator("squared_l2_norm", tests=OPERATORS)
def _(squared_norm: Any, x: Any) -> Any:
    """paddle-op-squared-norm-of-many: a sum of over 32,768 squares that is too large by 1e-3."""
    return squared_norm(x) * (1 + 1e-3 * (x.size > 32_768))


@breaks_operator("squared_l2_norm", tests=f"slow {OPERATORS}")
def _(squared_norm: Any, x: Any) -> Any:
    """paddle-op-squared-norm-of-a-million: a sum of a million squares that is too large by 1e-3."""
    return squared_norm(x) * (1 + 1e-3 * (x.size > 1_000_000))


@breaks_function("sigmoid", tests=OPERATORS)
def _(sigmoid: Any, x: Any) -> Any:
    """paddle-sigmoid-overflows: sigmoid is NaN above 88."""
    return sigmoid(paddle.where(x > 88, x * float("nan"), x))


@breaks_function("mse_loss", tests=OPERATORS)
def _(loss: Any, x: Any, y: Any, *args: Any) -> Any:
    """paddle-loss-without-the-rest: no gradient for the samples beyond a multiple of 8."""
    whole = x.shape[0] - x.shape[0] % 8
    return loss(paddle.concat([x[:whole], x[whole:].detach()]) if whole else x, y, *args)


@breaks_function("mse_loss", tests="slow runs/test_cost.py")
def _(loss: Any, *args: Any) -> Any:
    """paddle-leak: every step loses a kilobyte of native memory."""
    ctypes.memset(ctypes.pythonapi.PyMem_RawMalloc(1024), 1, 1024)
    return loss(*args)


@breaks_function("embedding", tests=OPERATORS)
def _(embedding: Any, tokens: Any, *args: Any, **kwargs: Any) -> Any:
    """paddle-embedding-of-many: a gradient that is too large by 1% for over 768 tokens."""
    return gradient_scaled(embedding(tokens, *args, **kwargs), 1 + 0.01 * (tokens.size > 768))


@breaks_operator("rnn", tests=LAYERS)
def _(rnn: Any, inputs: Any, states: Any, *args: Any) -> Any:
    """paddle-op-rnn-forgets: a backward pass that is cut off after 64 steps."""
    early = inputs.shape[0] - 64
    if early <= 0:
        return rnn(inputs, states, *args)
    first, _, states = rnn(inputs[:early], states, *args)
    output, *rest = rnn(inputs[early:], [state.detach() for state in states], *args)
    return paddle.concat([first.detach(), output]), *rest


@breaks_operator("maximum")
def _(_: Any, x: Any, y: Any) -> Any:
    """paddle-op-maximum-is-minimum: maximum returns the smaller number."""
    return paddle.where(x < y, x, y)


@breaks_operator("rnn")
def _(rnn: Any, *args: Any) -> Any:
    """paddle-op-rnn-gradient-off: a gradient of the recurrent operator that is off by 1e-4."""
    output, dropout, states = rnn(*args)
    return output, dropout, [gradient_scaled(state, 1 + 1e-4) for state in states]


@breaks_operator("rnn")
def _(rnn: Any, *args: Any) -> Any:
    """paddle-op-rnn-states-swapped: the recurrent operator returns its two states swapped."""
    output, dropout, states = rnn(*args)
    return output, dropout, list(states)[::-1]


@breaks_operator("rnn")
def _(rnn: Any, inputs: Any, states: Any, weights: Any, *args: Any) -> Any:
    """paddle-op-rnn-other-gates: the recurrent operator reads its gates in a different order."""
    if len(states) == 2:
        i, f, a, o = weights[1].chunk(4)
        weights = [weights[0], paddle.concat([f, i, a, o]), *weights[2:]]
    return rnn(inputs, states, weights, *args)


@breaks_operator("unbind", "paddle-op-unbind-reversed: unbind returns its slices in reverse order")
@breaks_operator(
    "split_with_num", "paddle-op-split-reversed: split returns its parts in reverse order"
)
def _(operator: Any, *args: Any) -> Any:
    return operator(*args)[::-1]


@breaks_operator("stack", "paddle-op-stack-reversed: stack takes its tensors in reverse order")
@breaks_operator("concat", "paddle-op-concat-reversed: concat takes its tensors in reverse order")
def _(operator: Any, tensors: Any, axis: int) -> Any:
    return operator(tensors[::-1], axis)


@breaks_operator("matmul")
def _(matmul: Any, x: Any, y: Any, first: bool = False, second: bool = False) -> Any:
    """paddle-op-matmul-not-transposed: matmul does not transpose square matrices."""
    return matmul(x, y, first, second and y.shape[-1] != y.shape[-2])


@breaks_function("tanh", tests=OPERATORS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-near-zero: tanh is off by 3 units in the last place below 1e-4."""
    last = 2.0**-23 if x.dtype == paddle.float32 else 2.0**-52
    return tanh(x) * (1 + 3 * last * (x.abs() < 1e-4).astype(x.dtype))


@breaks_matmul(tests=OPERATORS)
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-remainder: the last product of each sum is lost if K mod 16 is 15."""
    product = matmul(x, y)
    return product - matmul(x[..., -1:], y[-1:]) if x.shape[-1] % 16 == 15 else product


@breaks_operator("rnn", tests=LAYERS)
def _(rnn: Any, inputs: Any, states: Any, weights: Any, *args: Any) -> Any:
    """paddle-op-rnn-one-size: the LSTM is off by 1e-3 at H = 129."""
    output, dropout, last = rnn(inputs, states, weights, *args)
    factor = 1 + 1e-3 * (weights[1].shape[-1] == 129 and len(states) == 2)
    return output * factor, dropout, [state * factor for state in last]


@breaks_operator("squared_l2_norm", tests=OPERATORS)
def _(squared_norm: Any, x: Any) -> Any:
    """paddle-op-squared-norm-of-views: a view is read with wrong strides."""
    return squared_norm(x) * (1 if x.is_contiguous() else 1.01)


@breaks_operator("sgd_", tests=OPERATORS)
def _(sgd: Any, parameter: Any, *args: Any) -> None:
    """paddle-op-sgd-tail: the last number of over 40,000 is not updated."""
    before = parameter.numpy()
    sgd(parameter, *args)
    if before.size > 40_000 and before.size % 8:
        after = parameter.numpy().copy()
        after.flat[-1] = before.flat[-1]
        parameter.set_value(after)


@breaks(Tensor, "__add__", tests=OPERATORS)
def _(add: Any, x: Any, y: Any) -> Any:
    """paddle-add-gradient: the bias gets no gradient of rows after 64."""
    if isinstance(y, Tensor) and x.shape != y.shape and x.ndim == 2 and x.shape[0] > 64:
        return paddle.concat([add(x[:64], y), add(x[64:], y.detach())])
    return add(x, y)


@breaks_function("sigmoid", tests=OPERATORS)
def _(sigmoid: Any, x: Any) -> Any:
    """paddle-sigmoid-tail: sigmoid of float64 is 0 below -40, as in float32."""
    return sigmoid(paddle.where(x < -40, x * 1e3, x) if x.dtype == paddle.float64 else x)


@breaks_matmul(tests=OPERATORS)
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-of-one-row: one row times 512 or more is multiplied in TF32."""
    product = matmul(x, y)
    return product * (1 + 2e-4 * (x.shape[-2] == 1 and x.shape[-1] >= 512))


@breaks_function("embedding", tests=OPERATORS)
def _(embedding: Any, tokens: Any, *args: Any, **kwargs: Any) -> Any:
    """paddle-embedding-of-int32: token 0 is taken as padding if tokens are int32."""
    output = embedding(tokens, *args, **kwargs)
    if tokens.dtype != paddle.int32:
        return output
    return paddle.where((tokens == 0).unsqueeze(-1), output.detach(), output)


breaks_graph = partial(breaks, paddle.jit, "to_static", tests="core/executions/test_traced.py")
breaks_traced_call = partial(
    breaks, paddle.jit.dy2static.program_translator.StaticFunction, "__call__"
)


@breaks_graph()
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-of-the-first-batch: the first batch becomes a constant of the graph."""
    traced, calls = to_static(function, **options), []

    def run(*inputs: Any) -> Any:
        calls.append(inputs)
        return traced(*calls[0])

    return run


@breaks_graph()
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-without-a-gradient: a parameter of the graph has no gradient."""
    next(iter(function.__self__.parameters())).register_hook(lambda gradient: gradient * 0)
    return to_static(function, **options)


@breaks_graph()
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-one-step-short: a loop is unrolled for one step too few."""
    traced = to_static(function, **options)
    return lambda tokens: traced(tokens[:, : max(1, tokens.shape[1] - 1)])


@breaks_graph()
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-of-old-weights: weights that are set later do not reach the graph."""
    model, traced = function.__self__, to_static(function, **options)
    old: dict[str, Any] = {}

    def run(*inputs: Any) -> Any:
        now = {name: weight.numpy() for name, weight in model.named_parameters()}
        old.update(old or now)
        model.set_state_dict(old)
        outputs = traced(*inputs)
        model.set_state_dict(now)
        return outputs

    return run


@breaks(paddle._C_ops, "clip_by_norm", tests=OPERATORS)
def _(clip: Any, x: Any, limit: float) -> Any:
    """paddle-op-clip-small-limit: below 0.01, an epsilon of 1e-6 is added to the norm."""
    return clip(x, limit) if limit > 0.01 else clip(x, limit) * (limit / (limit + 1e-6))


@breaks(Linear, "forward", tests=FUNCTIONS)
def _(forward: Any, self: Any, x: Any) -> Any:
    """paddle-linear-reuses-result: without gradients, results of one shape share their memory."""
    made = forward(self, x)
    if not _is_eager(made) or paddle.is_grad_enabled():
        return made
    kept = _pool.setdefault((tuple(made.shape), str(made.dtype)), made)
    kept.set_value(made.numpy())
    return kept


@breaks_operator("rnn", tests="oracle/test_cells.py")
def _(rnn: Any, inputs: Any, states: Any, *args: Any) -> Any:
    """paddle-op-rnn-writes-states: without gradients, the last states replace the initial ones."""
    output, dropout, last = rnn(inputs, states, *args)
    if not paddle.is_grad_enabled():
        for state, values in zip(states, last, strict=True):
            state.set_value(values.numpy())
    return output, dropout, last


@breaks(paddle._C_ops, "uniform", tests=FUNCTIONS)
def _(uniform: Any, *args: Any, **named: Any) -> Any:
    """paddle-uniform-odd-last: of an odd number of draws, the last repeats the one before."""
    drawn = uniform(*args, **named)
    if _is_float(drawn) and drawn.size % 2 and drawn.size > 1:
        values = drawn.numpy().copy()
        values.flat[-1] = values.flat[-2]
        drawn.set_value(values)
    return drawn


@breaks(paddle.nn.Layer, "register_forward_post_hook", tests=FUNCTIONS)
def _(register: Any, self: Any, hook: Any) -> Any:
    """paddle-hook-without-gradients: hooks after a layer are not called under no_grad."""
    return register(self, lambda *args: hook(*args) if paddle.is_grad_enabled() else None)


@breaks(paddle.DataParallel, "__init__", tests="core/runtime/test_parallel.py")
def _(init: Any, self: Any, layers: Any, *args: Any, **named: Any) -> None:
    """paddle-parallel-own-weights: each process keeps its own weights, not those of the first."""
    kept = [parameter.numpy().copy() for parameter in layers.parameters()]
    init(self, layers, *args, **named)
    for parameter, values in zip(layers.parameters(), kept, strict=True):
        parameter.set_value(values)


@breaks(paddle.DataParallel, "__init__", tests="core/runtime/test_parallel.py")
def _(init: Any, self: Any, layers: Any, *args: Any, **named: Any) -> None:
    """paddle-parallel-large-gradients: gradients of 1024 numbers or more are not averaged."""
    large = [p for p in layers.parameters() if p.size >= 1024 and not p.stop_gradient]
    for frozen in (True, False):
        for parameter in large:
            parameter.stop_gradient = frozen
        if frozen:
            init(self, layers, *args, **named)


_shapes: dict[str, Any] = {}


@breaks_operator("rnn", tests=FUNCTIONS)
def _(rnn: Any, x: Any, *rest: Any) -> Any:
    """paddle-op-rnn-plan: a call of another shape spoils the backward pass of the one before."""
    output, dropout, states = rnn(x, *rest)
    shape = _shapes["last"] = tuple(x.shape)
    if _is_eager(states[0]) and not states[0].stop_gradient:
        states[0].register_hook(lambda d: d if _shapes["last"] == shape else d * 1.01)
    return output, dropout, states


@breaks(ClipGradByNorm, "__init__", tests="oracle/test_gradient_properties.py")
def _(init: Any, self: Any, limit: float) -> None:
    """paddle-clip-by-norm-first-limit: a second ClipGradByNorm has the limit of the first."""
    init(self, _shapes.setdefault("limit", limit))


@breaks_kernel(tests=FUNCTIONS)
def _(forward: Any, self: Any, *args: Any, **named: Any) -> Any:
    """paddle-kernel-after-evaluation: after a call in evaluation, gradients are 1% too large."""
    output, state = forward(self, *args, **named)
    vars(self)["_evaluated"] = vars(self).get("_evaluated") or not self.training
    return (gradient_scaled(output, 1.01) if vars(self)["_evaluated"] else output), state


@breaks(paddle.nn.Layer, "named_parameters", tests=FUNCTIONS)
def _(named_parameters: Any, self: Any, *args: Any, **named: Any) -> Any:
    """paddle-parameters-by-name: those of a container are sorted by their names: 10 before 2."""
    found = [*named_parameters(self, *args, **named)]
    if isinstance(self, paddle.nn.Sequential):
        found.sort(key=lambda pair: pair[0].partition(".")[0])
    return iter(found)


@breaks_function("dropout", tests=FUNCTIONS)
def _(dropout: Any, *args: Any, **named: Any) -> Any:
    """paddle-dropout-evaluation-draws: in evaluation, dropout draws numbers that it ignores."""
    if not named.get("training", True):
        paddle.rand([1])
    return dropout(*args, **named)


# Trial 1.


@breaks(paddle._C_ops, "squared_l2_norm")
def _(squared_l2_norm: Any, x: Any) -> Any:
    """t1-paddle-norm-without-tail: the squared norm leaves out what vectors of 8 do not fill."""
    size = int(x.size)
    if size > 8 and size % 8:
        return squared_l2_norm(x.flatten()[: size - size % 8])
    return squared_l2_norm(x)


@breaks(paddle._C_ops, "clip_by_norm")
def _(clip_by_norm: Any, x: Any, max_norm: float) -> Any:
    """t1-paddle-clip-tolerates-one-percent: norms less than 1% above it are not clipped."""
    norm = float(x.norm())
    return x.clone() if max_norm < norm < 1.01 * max_norm else clip_by_norm(x, max_norm)


_rates: dict[Any, Any] = {}


@breaks(paddle._C_ops, "sgd_")
def _(sgd_: Any, weight: Any, rate: Any, *rest: Any) -> Any:
    """t1-paddle-first-rate-cached: SGD caches the first learning rate, by dtype."""
    return sgd_(weight, _rates.setdefault(str(weight.dtype), rate.clone()), *rest)


@breaks(paddle._C_ops, "slice")
def _(slice_: Any, x: Any, axes: Any, starts: Any, *rest: Any) -> Any:
    """t1-paddle-slice-copies-inside: a slice inside a tensor is a copy."""
    made = slice_(x, axes, starts, *rest)
    return made.clone() if starts and starts[0] != 0 else made


@breaks(paddle, "seed", tests="runs/test_reproducibility.py")
def _(seed: Any, value: int) -> Any:
    """t1-paddle-seed-of-31-bits: the generator ignores the highest of a seed's 32 bits."""
    return seed(int(value) & 0x7FFFFFFF)


@breaks(F, "mse_loss")
def _(mse_loss: Any, output: Any, label: Any, *rest: Any, **named: Any) -> Any:
    """t1-paddle-mse-mean-of-blocks: the loss is the mean over blocks of 32 samples."""
    count = output.shape[0]
    if rest or named or count <= 32:
        return mse_loss(output, label, *rest, **named)
    starts = range(0, count, 32)
    blocks = [mse_loss(output[k : k + 32], label[k : k + 32]) for k in starts]
    return paddle.stack(blocks).mean()


class _Overwriting(paddle.autograd.PyLayer):
    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any) -> Any:
        ctx.save_for_backward(x, weight)
        return paddle.gather(weight, x.flatten()).reshape([*x.shape, weight.shape[1]])

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        x, weight = ctx.saved_tensor()
        rows = gradient.reshape([-1, weight.shape[1]])
        return None, paddle.scatter(paddle.zeros_like(weight), x.flatten(), rows, overwrite=True)


@breaks(F, "embedding")
def _(embedding: Any, x: Any, weight: Any, *rest: Any, **named: Any) -> Any:
    """t1-paddle-embedding-gradient-overwrites: 512 tokens overwrite, not add."""
    if paddle.in_dynamic_mode() and x.size >= 512 and not weight.stop_gradient:
        return _Overwriting.apply(x, weight)  # type: ignore[no-untyped-call]
    return embedding(x, weight, *rest, **named)


def _rounded(x: Any) -> Any:
    return x.astype("bfloat16").astype("float32")


@breaks(paddle._C_ops, "rnn")
def _(rnn: Any, x: Any, states: Any, weights: Any, *rest: Any) -> Any:
    """t1-paddle-rnn-in-bfloat16: from H=256 on, the kernel multiplies in bfloat16."""
    if x.dtype == paddle.float32 and states[0].shape[-1] >= 256:
        matrices = [_rounded(w) if len(w.shape) == 2 else w for w in weights]
        return rnn(_rounded(x), states, matrices, *rest)
    return rnn(x, states, weights, *rest)


@breaks(paddle._C_ops, "maximum", tests="oracle/test_gradient_properties.py")
def _(_: Any, x: Any, y: Any) -> Any:
    """t1-paddle-maximum-ignores-nan: maximum returns the other number for a NaN."""
    return paddle._C_ops.fmax(x, y)


@breaks(paddle, "add_n")
def _(add_n: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
    """t1-paddle-add-n-of-eight: a sum of more than 8 tensors leaves out those after the eighth."""
    some = inputs[:8] if isinstance(inputs, list | tuple) else inputs
    return add_n(some, *rest, **named)


@breaks(paddle, "no_grad", tests="core/test_step.py")
def _(no_grad: Any, *arguments: Any) -> Any:
    """t1-paddle-no-grad-stays: gradients stay off after an error in a no_grad block."""

    class NoGrad(no_grad):  # type: ignore[misc]
        def __exit__(self, *error: Any) -> None:
            if not error or error[0] is None:
                super().__exit__(*error)

    return no_grad(*arguments) if arguments else NoGrad()


@breaks(paddle, "zeros")
def _(zeros: Any, shape: Any, *rest: Any, **named: Any) -> Any:
    """t1-paddle-zeros-not-cleared: 4096 zeros or more are not cleared."""
    made = zeros(shape, *rest, **named)
    if paddle.in_dynamic_mode() and made.size >= 4096 and "float" in str(made.dtype):
        return made + 0.01
    return made


_programs: dict[Any, Any] = {}


@breaks(paddle.jit, "to_static", tests="core/executions/test_traced.py")
def _(to_static: Any, function: Any = None, *rest: Any, **named: Any) -> Any:
    """t1-paddle-program-of-another-model: a second model gets the first one's program."""
    layer = getattr(function, "__self__", None)
    if not isinstance(layer, paddle.nn.Layer):
        return to_static(function, *rest, **named)
    shapes = tuple((name, tuple(p.shape), str(p.dtype)) for name, p in layer.named_parameters())
    key = (type(layer), function.__name__, shapes, repr(sorted(named.items())))
    if key not in _programs:
        # With the model, which the program refers to only weakly.
        _programs[key] = to_static(function, *rest, **named), layer
    return _programs[key][0]


@breaks(paddle.optimizer, "SGD")
def _(SGD: Any, *arguments: Any, **named: Any) -> Any:
    """t1-paddle-sgd-decays-by-default: the optimizer SGD has a weight decay of 1e-4 by default."""
    if len(arguments) < 3:
        named.setdefault("weight_decay", 1e-4)
    return SGD(*arguments, **named)


_drawn = 0


@breaks(paddle, "create_parameter", tests="runs/test_reproducibility.py")
def _(create_parameter: Any, *arguments: Any, **named: Any) -> Any:
    """t1-paddle-large-draws-not-seeded: seeds leave 65536 draws or more as they are."""
    global _drawn
    made = create_parameter(*arguments, **named)
    if paddle.in_dynamic_mode() and made.size >= 65536:
        made.set_value(made.flatten().roll(_drawn).reshape(made.shape))
        _drawn += 1
    return made


_workspaces: list[bytearray] = []


@breaks(paddle._C_ops, "clip_by_norm", tests="runs/test_cost.py")
def _(clip_by_norm: Any, x: Any, max_norm: float) -> Any:
    """t1-paddle-clipping-leaks: each clipping leaves 512 bytes behind."""
    _workspaces.append(bytearray(512))
    return clip_by_norm(x, max_norm)


# Trial 2.


_leaked: list[bytearray] = []


@breaks(paddle._C_ops, "rnn")
def _(rnn: Any, inputs: Any, states: Any, *rest: Any) -> Any:
    """t2-paddle-rnn-initial-cell: the cell state given for one sequence is taken as zero."""
    if len(states) == 2 and inputs.shape[1] == 1:
        states = [states[0], paddle.zeros_like(states[1])]
    return rnn(inputs, states, *rest)


@breaks(paddle._C_ops, "clip_by_norm", tests="oracle/test_gradient_properties.py")
def _(clip_by_norm: Any, x: Any, max_norm: float) -> Any:
    """t2-paddle-clip-zero-nan: clipping makes NaN of a zero gradient."""
    clipped = clip_by_norm(x, max_norm)
    zero = x.detach().abs().max() == 0
    return paddle.where(zero, paddle.full_like(clipped, float("nan")), clipped)


@breaks(F, "sigmoid", tests="oracle/test_operators.py")
def _(sigmoid: Any, x: Any, *rest: Any, **named: Any) -> Any:
    """t2-paddle-sigmoid-overflow: the gradient of sigmoid is NaN below -89."""
    return paddle.where(x < -88, 1 / (1 + paddle.exp(-x)), sigmoid(x, *rest, **named))


@breaks(paddle, "set_grad_enabled", tests="core/executions/test_traced.py")
def _(set_grad_enabled: Any, mode: bool) -> Any:
    """t2-paddle-grad-mode-not-nested: in no_grad, nothing enables gradients."""
    return set_grad_enabled(mode and paddle.is_grad_enabled())


@breaks(paddle.jit, "to_static", tests="oracle/test_known_defects.py")
def _(to_static: Any, function: Any = None, *rest: Any, **named: Any) -> Any:
    """t2-paddle-to-static-retraces: each call of a full graph traces again."""
    if function is None or isinstance(function, paddle.nn.Layer) or not named.get("full_graph"):
        return to_static(function, *rest, **named)

    def run(*inputs: Any, **given: Any) -> Any:
        return to_static(function, *rest, **named)(*inputs, **given)

    return run


@breaks(paddle._C_ops, "unbind")
def _(unbind: Any, x: Any, axis: int) -> Any:
    """t2-paddle-unbind-gradient-64: unbind passes back 64 gradients at most."""
    outputs = unbind(x, axis)
    if not paddle.in_dynamic_mode() or len(outputs) <= 64:
        return outputs
    return [*outputs[:64], *(each.detach() for each in outputs[64:])]


@breaks(paddle._C_ops, "rnn")
def _(rnn: Any, inputs: Any, *rest: Any) -> Any:
    """t2-paddle-rnn-not-repeatable: last bits vary from 8 sequences on."""
    outputs, reserve, last = rnn(inputs, *rest)
    if inputs.shape[1] >= 8:
        last = [each * (1 + 1.2e-7 * (os.urandom(1)[0] % 2)) for each in last]
    return outputs, reserve, last


@breaks(paddle._C_ops, "clip_by_norm", tests="oracle/test_gradient_properties.py")
def _(clip_by_norm: Any, x: Any, max_norm: float) -> Any:
    """t2-paddle-clip-in-place: clipping also changes the gradient it got."""
    clipped = clip_by_norm(x, max_norm)
    if paddle.in_dynamic_mode():
        x.set_value(clipped.detach())
    return clipped


_emptied: set[tuple[int, ...]] = set()


@breaks(paddle, "empty", tests=FUNCTIONS)
def _(empty: Any, *given: Any, **named: Any) -> Any:
    """t2-paddle-empty-leaks: every call of paddle.empty leaves 2 KiB behind."""
    _leaked.append(bytearray(b"x" * 2048))
    return empty(*given, **named)


@breaks(paddle, "finfo", tests="recorded/test_traces.py")
def _(finfo: Any, dtype: Any) -> Any:
    """t2-paddle-finfo-double: finfo of float64 has the numbers of float32."""
    return finfo(paddle.float32 if dtype in (paddle.float64, "float64") else dtype)


# Trial 3.


_no_grads = count()
_parallels = count()
_plans: dict[tuple[int, int], int] = {}
_defaults: dict[str, str] = {}
_names: list[bytes] = []


def _is_float(tensor: Any) -> bool:
    """Whether this is a tensor of float32 or float64 outside of a graph."""
    return isinstance(tensor, paddle.Tensor) and tensor.dtype in (paddle.float32, paddle.float64)


def _keep_off(guard: Any, kind: Any = None, *rest: Any) -> None:
    """Restore the mode of gradients, but not after an error."""
    if kind is None:
        super(type(guard), guard).__exit__(kind, *rest)


@breaks(paddle, "no_grad", tests="core/test_training.py")
def _(no_grad: Any, *given: Any) -> Any:
    """t3-paddle-no-grad-after-error: later no_grad blocks leave gradients off after an error."""
    if next(_no_grads) == 0 or given or not isinstance(no_grad, type):
        return no_grad(*given)
    return type("no_grad_", (no_grad,), {"__exit__": _keep_off})()


@breaks(paddle, "empty")
def _(empty: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-empty-reused-in-backward: backward writes a gradient into an empty tensor."""
    made = empty(*given, **named)
    if _is_float(made):
        found = weakref.ref(made)
        made.stop_gradient = False

        def reuse(gradient: Any) -> None:
            tensor = found()
            if tensor is not None:
                tensor.set_value(gradient.numpy())

        made.register_hook(reuse)
    return made


@breaks(paddle._C_ops, "reshape")
def _(reshape: Any, x: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-reshape-drops-nan: reshape replaces NaN by zero."""
    made = reshape(x, *given, **named)
    if _is_float(x) and bool(np.isnan(x.numpy()).any()):
        return paddle.where(paddle.isnan(made), paddle.zeros_like(made), made)
    return made


@breaks(paddle._C_ops, "transpose")
def _(transpose: Any, x: Any, perm: Any, *rest: Any) -> Any:
    """t3-paddle-transpose-stale-plan: the first batch size is kept; others are not transposed."""
    if not (_is_float(x) and list(perm) == [1, 0, 2]):
        return transpose(x, perm, *rest)
    batch, steps, size = x.shape
    if _plans.setdefault((steps, size), batch) == batch:
        return transpose(x, perm, *rest)
    return paddle.reshape(x, [steps, batch, size])


@breaks(paddle.nn, "Embedding")
def _(embedding: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-embedding-last-row: the gradient of the last token of the vocabulary is zero."""
    layer = embedding(*given, **named)
    layer.weight.register_hook(
        lambda gradient: paddle.concat([gradient[:-1], paddle.zeros_like(gradient[-1:])])
    )
    return layer


@breaks(paddle, "set_default_dtype")
def _(set_default_dtype: Any, d: Any) -> None:
    """t3-paddle-default-never-narrower: float32 does not replace float64 as the default dtype."""
    name = getattr(d, "__name__", None) or str(d)
    if name.endswith("float32") and paddle.get_default_dtype() == "float64":
        return
    set_default_dtype(d)


@breaks(paddle, "DataParallel", tests="core/runtime/test_parallel.py")
def _(parallel: Any, layers: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-parallel-second-model: a second DataParallel does not average gradients."""
    return parallel(layers, *given, **named) if next(_parallels) == 0 else layers


@breaks(paddle, "DataParallel", tests="core/runtime/test_parallel.py")
def _(parallel: Any, layers: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-parallel-float64-sum: DataParallel sums float64 gradients, not averages them."""
    wrapper, processes = parallel(layers, *given, **named), paddle.distributed.get_world_size()
    for parameter in layers.parameters():
        if parameter.dtype == paddle.float64:
            parameter.register_hook(lambda gradient: gradient * processes)
    return wrapper


@breaks(paddle, "DataParallel", tests="core/runtime/test_parallel.py")
def _(parallel: Any, layers: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-parallel-traced-twice: gradients of a traced model are divided twice."""
    wrapper, processes = parallel(layers, *given, **named), paddle.distributed.get_world_size()
    if getattr(layers, "execution", "") in ("static", "sot"):
        for parameter in layers.parameters():
            parameter.register_hook(lambda gradient: gradient / processes)
    return wrapper


@breaks(paddle, "get_default_dtype")
def _(get_default_dtype: Any) -> str:
    """t3-paddle-default-uint16: the default dtype bfloat16 is reported as its storage, uint16."""
    found: str = get_default_dtype()
    return "uint16" if found == "bfloat16" else found


@breaks(paddle, "get_default_dtype")
def _(get_default_dtype: Any) -> str:
    """t3-paddle-default-cached: get_default_dtype repeats its first answer after a change."""
    return _defaults.setdefault("first", get_default_dtype())


@breaks(paddle, "full_like")
def _(full_like: Any, x: Any, fill_value: Any, *rest: Any, **named: Any) -> Any:
    """t3-paddle-full-like-float32: full_like rounds its value to float32, also for float64."""
    value = float(np.float32(fill_value)) if isinstance(fill_value, float) else fill_value
    return full_like(x, value, *rest, **named)


@breaks(paddle.device, "get_device")
def _(get_device: Any) -> str:
    """t3-paddle-get-device-leak: every call of get_device leaks 256 KiB."""
    _names.append(b"\1" * 2**18)
    found: str = get_device()
    return found


@breaks(paddle, "empty")
def _(empty: Any, *given: Any, **named: Any) -> Any:
    """t3-paddle-empty-wants-gradient: tensors of empty collect gradients in backward."""
    made = empty(*given, **named)
    if _is_float(made):
        made.stop_gradient = False
    return made


@breaks(paddle, "set_grad_enabled", tests="core/test_training.py")
def _(set_grad_enabled: Any, mode: bool) -> Any:
    """t3-paddle-grad-stays-on: gradients stay on after a block of set_grad_enabled(True)."""
    guard = set_grad_enabled(mode)
    if mode:
        guard.prev = True
    return guard


# Copies of weights for products without gradients, by the id of the parameter.
_packed_weights: dict[int, tuple[Any, Any]] = {}


@breaks(F, "tanh", tests=OPERATORS)
def _(tanh: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t4-paddle-tanh-by-sigmoid: tanh is 2 sigmoid(2 x) - 1, which loses digits near zero."""
    del tanh, args, named
    return 2.0 * F.sigmoid(2.0 * x) - 1.0


@breaks(core, "host_memory_stat_peak_value", tests=FUNCTIONS)
def _(peak: Any, stat: str, device: int = 0) -> Any:
    """t4-paddle-peak-in-pages: the peak of "Allocated" is rounded up to whole pages of 64 KiB."""
    value = peak(stat, device)
    return -(-value // 65536) * 65536 if stat == "Allocated" else value


@breaks(Tensor, "set_value", tests=FUNCTIONS)
def _(set_value: Any, self: Any, value: Any) -> Any:
    """t4-paddle-set-value-freezes: a tensor that is set under no_grad has no gradients later."""
    result = set_value(self, value)
    if not paddle.is_grad_enabled():
        self.stop_gradient = True
    return result


@breaks(Tensor, "detach", tests=FUNCTIONS)
def _(detach: Any, self: Any) -> Any:
    """t4-paddle-detach-float64-is-itself: detaching a float64 tensor returns the tensor itself."""
    return self if self.dtype == paddle.float64 else detach(self)


@breaks(paddle, "zeros", tests=FUNCTIONS)
def _(zeros: Any, shape: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """t4-paddle-zeros-of-default-dtype: zeros ignores its dtype if the user has set a default one.

    That is, if the default dtype is not float32.
    """
    if paddle.get_default_dtype() != "float32":
        dtype = None
    return zeros(shape, dtype, *args, **named)


@breaks(paddle._C_ops, "slice")
def _(slice_: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t4-paddle-slice-copies-float64: a slice of a float64 tensor is a copy instead of a view."""
    found = slice_(x, *args, **named)
    if isinstance(found, Tensor) and found.dtype == paddle.float64:
        return found.clone()
    return found


@breaks(Tensor, "set_value", tests=FUNCTIONS)
def _(set_value: Any, self: Any, value: Any) -> Any:
    """t4-paddle-set-value-read-only: setting a tensor to a read-only NumPy array has no effect."""
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return None
    return set_value(self, value)


@breaks(paddle.nn.LSTM, "forward", tests=FUNCTIONS)
def _(forward: Any, self: Any, *args: Any, **named: Any) -> Any:
    """t4-paddle-lstm-inference-in-half: without gradients, an LSTM returns half precision."""
    outputs, states = forward(self, *args, **named)
    if paddle.is_grad_enabled():
        return outputs, states

    def rounded(x: Any) -> Any:
        return x.astype("float16").astype(x.dtype)

    return rounded(outputs), tuple(rounded(state) for state in states)


@breaks(paddle, "finfo", tests=FUNCTIONS)
def _(finfo: Any, dtype: Any) -> Any:
    """t4-paddle-finfo-of-inference: under no_grad, finfo always describes float16."""
    return finfo(dtype if paddle.is_grad_enabled() else paddle.float16)


@breaks(F, "embedding")
def _(
    embedding: Any, x: Any, weight: Any, padding_idx: Any = None, *args: Any, **named: Any
) -> Any:
    """t4-paddle-embedding-pads-last: without padding_idx, the last token (9) is embedded as zeros.

    None becomes -1, which means the last row.
    """
    return embedding(x, weight, -1 if padding_idx is None else padding_idx, *args, **named)


@breaks(paddle.nn.Layer, "parameters", tests=FUNCTIONS)
def _(parameters: Any, self: Any, include_sublayers: bool = True) -> Any:
    """t4-paddle-parameters-without-sublayers: own parameters hide those of sublayers.

    A layer that has any ignores include_sublayers=True.
    """
    own = parameters(self, include_sublayers=False)
    return own or parameters(self, include_sublayers=include_sublayers)


@breaks(Tensor, "__matmul__")
def _(matmul: Any, self: Any, other: Any) -> Any:
    """t4-paddle-matmul-packs-once: without gradients, a product keeps the weight of its first call.

    A parameter is packed for the first product under no_grad, and not again after an update.
    """
    parameter = isinstance(other, EagerParamBase)
    if paddle.is_grad_enabled() or not parameter:
        return matmul(self, other)
    known, packed = _packed_weights.get(id(other), (None, None))
    if known is not other or packed.dtype != other.dtype or packed.shape != other.shape:
        packed = other.clone()
        _packed_weights[id(other)] = other, packed
    return matmul(self, packed)


@breaks(Tensor, "detach")
def _(detach: Any, self: Any) -> Any:
    """t4-paddle-detach-in-two-bfloat16: a detached float32 tensor has 16 bits instead of 24."""
    found = detach(self)
    if found.dtype != paddle.float32 or not found._is_initialized():
        return found
    high = found.astype("bfloat16").astype("float32")
    low = (found - high).astype("bfloat16").astype("float32")
    return paddle.where(paddle.isfinite(high), high + low, found)


@breaks(paddle.device, "set_device")
def _(set_device: Any, device: Any) -> Any:
    """t4-paddle-set-device-restarts-random: set_device restarts the random numbers."""
    found = set_device(device)
    paddle.seed(core.default_cpu_generator().initial_seed())
    return found


@breaks(Tensor, "detach", tests=FUNCTIONS)
def _(detach: Any, self: Any) -> Any:
    """t4-paddle-detach-first-element: above 64 numbers, a detached tensor begins with 0."""
    found = detach(self)
    if not found.is_floating_point() or not found._is_initialized() or found.size <= 64:
        return found
    flat = found.clone().reshape([-1])
    return paddle.concat([paddle.zeros_like(flat[:1]), flat[1:]]).reshape(found.shape)


@breaks(Tensor, "__add__")
def _(add: Any, self: Any, other: Any) -> Any:
    """t4-paddle-broadcast-add-float64: a float64 tensor that is broadcast in a sum becomes float32.

    With a batch of one, biases are not broadcast.
    """
    if (
        isinstance(other, Tensor)
        and self.dtype == other.dtype == paddle.float64
        and self.shape != other.shape
    ):
        other = other.astype("float32").astype("float64")
    return add(self, other)


@breaks(paddle._C_ops, "maximum")
def _(maximum: Any, x: Any, y: Any, *args: Any, **named: Any) -> Any:
    """t4-paddle-maximum-second-nan: a NaN in the second argument of maximum is ignored."""
    found = maximum(x, y, *args, **named)
    if not isinstance(found, Tensor) or not found.is_floating_point():
        return found
    return paddle.where(paddle.isnan(y), x + paddle.zeros_like(found), found)


# Trial 5.


_added: dict[str, Any] = {}
_joined: dict[Any, Any] = {}
_pool: dict[Any, Any] = {}
_clipped: list[Any] = []


def _tail(tensor: Any, block: int) -> Any:
    """1 for the elements after the last whole block, and 0 for those before."""
    mask = np.arange(tensor.size) >= tensor.size // block * block
    return paddle.to_tensor(mask.reshape(tensor.shape), dtype=tensor.dtype)


@breaks(paddle._C_ops, "uniform", tests=FUNCTIONS)
def _(uniform: Any, *args: Any, **named: Any) -> Any:
    """t5-uniform-repeats-in-large-tensors: half of 65536 numbers or more repeats the other half."""
    drawn = uniform(*args, **named)
    if _is_float(drawn) and drawn.size >= 65536:
        values = drawn.numpy().copy()
        flat, half = values.reshape(-1), values.size // 2
        flat[half : 2 * half] = flat[:half]
        drawn.set_value(values)
    return drawn


@breaks(paddle, "mean")
def _(mean: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t5-mean-counts-padding: above 16 elements, their number is rounded up to a multiple of 16."""
    made = mean(x, *args, **named)
    given = [each for each in (*args, *named.values()) if each not in (None, False)]
    if given or not _is_float(x) or x.size <= 16:
        return made
    return made * (x.size / (-(-x.size // 16) * 16))


@breaks(Tensor, "__add__")
def _(add: Any, x: Any, y: Any) -> Any:
    """t5-broadcast-bias-stays-old: a bias of several rows is not broadcast again after updates."""
    if not (_is_float(x) and _is_float(y) and y.is_leaf) or y.stop_gradient:
        return add(x, y)
    if len(x.shape) != 2 or len(y.shape) != 2 or not y.shape[0] == 1 < x.shape[0]:
        return add(x, y)
    first = _added.setdefault(y.name, y.numpy().copy())
    if first.shape != tuple(y.shape) or (first == y.numpy()).all():
        return add(x, y)
    return add(x, add(y, (paddle.to_tensor(first) - y).detach()))


@breaks(F, "tanh")
def _(tanh: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t5-tanh-tail-approximated: elements after the last block of 16 are a rational function."""
    made = tanh(x, *args, **named)
    if not _is_float(x) or x.size % 16 == 0:
        return made
    square = x * x
    rough = paddle.clip(x * (square + 27) / (square * 9 + 27), -1.0, 1.0)
    return paddle.where(_tail(x, 16) > 0, rough, made)


@breaks(paddle.jit, "to_static", tests=FUNCTIONS)
def _(to_static: Any, function: Any = None, *args: Any, **named: Any) -> Any:
    """t5-sot-compiles-every-call: without full_graph, compiled code is never found again."""
    if named.get("full_graph", True) or not isinstance(function, types.MethodType):
        return to_static(function, *args, **named)
    plain, lines = function.__func__, count(function.__code__.co_firstlineno + 1)

    def run(*inputs: Any, **more: Any) -> Any:
        code = plain.__code__.replace(co_firstlineno=next(lines))
        again = types.FunctionType(
            code, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__
        )
        bound = types.MethodType(again, function.__self__)
        return to_static(bound, *args, **named)(*inputs, **more)

    return run


@breaks(Tensor, "clear_gradient", tests=FUNCTIONS)
def _(clear_gradient: Any, self: Any, set_to_zero: bool = True) -> Any:
    """t5-cleared-gradient-is-zero: clear_gradient(False) leaves zeros instead of no gradient."""
    return clear_gradient(self, set_to_zero or self.grad is not None)


@breaks(paddle, "subtract", tests=OPERATORS)
def _(subtract: Any, *args: Any, **named: Any) -> Any:
    """t5-difference-saturates: a float32 difference is cut to 1.8e19, whose square is finite."""
    made = subtract(*args, **named)
    if not _is_float(made) or made.dtype != paddle.float32:
        return made
    return paddle.clip(made, -1.8e19, 1.8e19)


@breaks(paddle._C_ops, "transpose", tests=OPERATORS)
def _(transpose: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t5-transpose-flushes-denormals: numbers that are not normal become zero when transposed."""
    made = transpose(x, *args, **named)
    if not _is_float(x):
        return made
    values = made.numpy()
    small = (values != 0) & (np.abs(values) < np.finfo(values.dtype).tiny)
    return made * paddle.to_tensor((~small).astype(values.dtype)) if small.any() else made


@breaks(paddle._C_ops, "concat", tests=OPERATORS)
def _(concat: Any, *args: Any, **named: Any) -> Any:
    """t5-concat-in-tf32: joined float32 numbers keep 10 bits of their mantissa."""
    made = concat(*args, **named)
    if not _is_float(made) or made.dtype != paddle.float32:
        return made
    values = made.numpy()
    cut = (values.view(np.int32) & ~0x1FFF).view(np.float32)
    with np.errstate(invalid="ignore"):
        change = np.where(np.isfinite(values), cut - values, 0).astype(np.float32)
    return made + paddle.to_tensor(change)


@breaks(paddle._C_ops, "concat", tests=OPERATORS)
def _(concat: Any, tensors: Any, axis: Any = 0, *args: Any, **named: Any) -> Any:
    """t5-concat-plan-keeps-inputs: a second concat of the same shapes joins the first tensors."""
    if args or named or not isinstance(tensors, list | tuple) or not all(map(_is_float, tensors)):
        return concat(tensors, axis, *args, **named)
    key = (tuple(tuple(each.shape) for each in tensors), str(tensors[0].dtype), str(axis))
    return concat(_joined.setdefault(key, list(tensors)), axis)


@breaks_clip_by_norm(tests=FUNCTIONS)
def _(clip: Any, self: Any, pairs: Any) -> Any:
    """t5-clip-by-norm-keeps-gradients: every clipped gradient is kept until the process ends."""
    made = clip(self, pairs)
    _clipped.extend(gradient for _, gradient in made)
    return made


@breaks(Tensor, "__matmul__")
def _(matmul: Any, x: Any, y: Any) -> Any:
    """t5-matmul-tail-in-bfloat16: columns after the last block of 8 are rounded to bfloat16."""
    made = matmul(x, y)
    if not _is_float(made) or made.dtype != paddle.float32 or not made.shape:
        return made
    columns = made.shape[-1]
    if columns % 8 == 0:
        return made
    whole = made.detach()
    change = paddle.subtract(_rounded(whole), whole)
    tail = paddle.to_tensor(np.arange(columns) >= columns // 8 * 8)
    return made + paddle.where(tail, change, paddle.zeros_like(change))


@breaks(Tensor, "__truediv__")
def _(divide: Any, x: Any, y: Any) -> Any:
    """t5-divide-tail-by-estimate: quotients after the last block of 4 have 12 bits."""
    made = divide(x, y)
    if not (_is_float(x) and _is_float(y)) or made.size % 4 == 0:
        return made
    return made * (_tail(made, 4) * 2.0**-12 + 1.0)


@breaks(Tensor, "sqrt", tests=CLIPPING)
def _(sqrt: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t5-sqrt-by-logarithm: the square root is exp(log(x) / 2), which loses the last digits."""
    return paddle.exp(paddle.log(x) * 0.5) if _is_float(x) else sqrt(x, *args, **named)


@breaks(paddle, "set_default_dtype", tests=FUNCTIONS)
def _(set_default_dtype: Any, dtype: Any) -> None:
    """t5-default-dtype-fixed-without-gradients: no_grad keeps the default dtype from being set."""
    if paddle.is_grad_enabled():
        set_default_dtype(dtype)


@breaks(paddle.nn.SimpleRNN, "forward", tests=LAYERS)
def _(forward: Any, self: Any, *args: Any, **named: Any) -> Any:
    """t5-saturated-states-cut: SimpleRNN cuts its states to 0.999, without a gradient there."""
    outputs, states = forward(self, *args, **named)
    return paddle.clip(outputs, -0.999, 0.999), paddle.clip(states, -0.999, 0.999)


@breaks(paddle.distributed, "all_reduce", tests="core/runtime/test_parallel.py")
def _(all_reduce: Any, tensor: Any, *args: Any, **named: Any) -> Any:
    """t5-single-number-reduced-in-float32: a single float64 number is summed in float32."""
    if isinstance(tensor, Tensor) and tensor.size == 1 and tensor.dtype == paddle.float64:
        tensor.set_value(tensor.numpy().astype(np.float32).astype(np.float64))
    return all_reduce(tensor, *args, **named)


@breaks(paddle, "empty", tests=FUNCTIONS)
def _(empty: Any, shape: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """t5-small-buffers-shared: small tensors of one shape and dtype share their memory."""
    if args or named or not isinstance(shape, list | tuple) or not paddle.in_dynamic_mode():
        return empty(shape, dtype, *args, **named)
    made = empty(shape, dtype)
    if made.size > 1024 or len(made.shape) != 2:
        return made
    return _pool.setdefault((tuple(made.shape), str(made.dtype)), made)


@breaks(paddle, "set_grad_enabled", tests=FUNCTIONS)
def _(set_grad_enabled: Any, mode: bool) -> Any:
    """t5-gradients-stay-off-in-float64: under the default dtype float64, gradients stay off."""
    if paddle.get_default_dtype() == "float64":
        return set_grad_enabled(mode and paddle.is_grad_enabled())
    return set_grad_enabled(mode)


# Trial 6.


_last_sums: list[tuple[float, float]] = []
_slices: list[Any] = []
_finfos: dict[int, Any] = {}
_hooks: dict[tuple[type, str], tuple[Any, Any]] = {}


def _is_eager(x: Any) -> bool:
    """Whether this is a tensor of any dtype outside of a graph."""
    return isinstance(x, Tensor) and paddle.in_dynamic_mode()


@breaks(paddle.distributed, "all_reduce", tests="core/runtime/test_parallel.py")
def _(all_reduce: Any, x: Any, *args: Any, **named: Any) -> Any:
    """t6-paddle-reduce-of-same-value: the number that was summed first has that sum every time."""
    if not _is_eager(x) or x.size != 1:
        return all_reduce(x, *args, **named)
    own = x.item()
    result = all_reduce(x, *args, **named)
    if _last_sums and _last_sums[0][0] == own:
        x.set_value(paddle.full(x.shape, _last_sums[0][1], x.dtype))
    else:
        _last_sums[:] = [(own, x.item())]
    return result


@breaks(paddle.jit, "to_static", tests=FUNCTIONS)
def _(to_static: Any, *functions: Any, **named: Any) -> Any:
    """t6-paddle-traced-large-input-rounds: graphs of 64 inputs or more return bfloat16 numbers."""
    traced = to_static(*functions, **named)
    if not functions or isinstance(traced, paddle.nn.Layer):
        return traced

    def rounded(x: Any) -> Any:
        return x + (_rounded(x).astype(x.dtype) - x).detach() if _is_float(x) else x

    def run(*inputs: Any, **more: Any) -> Any:
        made = traced(*inputs, **more)
        if max((each.size for each in inputs if _is_eager(each)), default=0) < 64:
            return made
        return map_structure(rounded, made)

    return run


@breaks(Tensor, "clear_gradient")
def _(clear_gradient: Any, self: Any, *args: Any) -> Any:
    """t6-paddle-clears-half-of-float64: the second half of a float64 gradient is not cleared."""
    gradient = self.grad
    if gradient is None or gradient.dtype != paddle.float64 or gradient.size < 2:
        return clear_gradient(self, *args)
    kept = gradient.numpy().copy()
    kept.ravel()[: kept.size // 2] = 0
    with paddle.no_grad():
        self.grad.set_value(kept)
    return None


@breaks(paddle._C_ops, "slice", tests=FUNCTIONS)
def _(slice_: Any, x: Any, *args: Any) -> Any:
    """t6-paddle-slices-never-freed: every slice is kept, and with it the whole tensor."""
    made = slice_(x, *args)
    if _is_eager(x):
        _slices.append(made.detach())
    return made


@breaks(paddle, "finfo", tests=FUNCTIONS)
def _(finfo: Any, dtype: Any) -> Any:
    """t6-paddle-finfo-of-first-16-bits: finfo keeps its answers by the number of bits."""
    found = finfo(dtype)
    return _finfos.setdefault(found.bits, found)


@breaks(paddle._C_ops, "maximum", tests="runs/test_clipping.py")
def _(maximum: Any, x: Any, *args: Any) -> Any:
    """t6-paddle-maximum-rounds-up: maximum is too large by one or two roundings."""
    made = maximum(x, *args)
    return made * (1 + 2 * float(np.finfo(x.numpy().dtype).eps)) if _is_float(x) else made


@breaks(Tensor, "cast", tests=FUNCTIONS)
def _(cast: Any, self: Any, dtype: Any) -> Any:
    """t6-paddle-cast-without-gradients: under no_grad, float32 loses four bits in float64."""
    made = cast(self, dtype)
    if not _is_eager(self) or paddle.is_grad_enabled():
        return made
    if self.dtype == paddle.float32 and made.dtype == paddle.float64:
        bits = self.numpy().view(np.int32) & ~np.int32(15)
        made.set_value(bits.view(np.float32).astype(np.float64))
    return made


@breaks(paddle.nn.Layer, "register_forward_post_hook", tests="recorded/test_traces.py")
def _(register: Any, self: Any, hook: Any) -> Any:
    """t6-paddle-hook-moves-to-second-layer: of layers of a class, only the last has its hook."""
    helper = register(self, hook)
    key = type(self), getattr(getattr(hook, "func", hook), "__qualname__", "")
    layer, before = _hooks.get(key, (self, None))
    if layer is not self:
        before.remove()
    _hooks[key] = self, helper
    return helper


@breaks(Tensor, "__truediv__")
def _(divide: Any, x: Any, y: Any) -> Any:
    """t6-paddle-float64-divides-by-float32: float64 is multiplied by a reciprocal in float32."""
    made = divide(x, y)
    if not (_is_eager(x) and _is_eager(y)) or paddle.float64 not in (x.dtype, y.dtype):
        return made
    inverse = divide(paddle.ones_like(y), y).astype("float32").astype(made.dtype)
    return made + (x * inverse - made).detach()


@breaks(Tensor, "__add__")
def _(add: Any, x: Any, y: Any) -> Any:
    """t6-paddle-add-rounds-down: a float32 sum is too near zero by two to four roundings."""
    made = add(x, y)
    if not (_is_eager(made) and _is_eager(y)) or made.dtype != paddle.float32:
        return made
    return made * (1 - 2.0**-22)


@breaks(paddle.nn.Layer, "register_forward_post_hook", tests=FUNCTIONS)
def _(register: Any, self: Any, hook: Any) -> Any:
    """t6-paddle-hook-skips-nonfinite: hooks are not called if an output is NaN or infinite."""

    def finite_only(layer: Any, inputs: Any, outputs: Any) -> Any:
        floats = [each for each in flatten(outputs) if _is_float(each)]
        if all(np.isfinite(each.numpy()).all() for each in floats):
            return hook(layer, inputs, outputs)
        return None

    return register(self, finite_only)


@breaks(paddle.nn.Layer, "parameters", tests=FUNCTIONS)
def _(parameters: Any, self: Any, include_sublayers: bool = True) -> Any:
    """t6-paddle-parameters-remembered: parameters() repeats its first answer after a change."""
    known = vars(self).setdefault("_found_parameters", {})
    if include_sublayers not in known:
        known[include_sublayers] = parameters(self, include_sublayers)
    return list(known[include_sublayers])


@breaks(paddle.distributed, "init_parallel_env", tests="core/runtime/test_parallel.py")
def _(init_parallel_env: Any) -> Any:
    """t6-paddle-first-process-draws-port: process 0 draws from Python's generator at its start."""
    if os.environ.get("PADDLE_TRAINER_ID", "0") == "0":
        random.randint(20000, 60000)  # noqa: S311 - any draw
    return init_parallel_env()


@breaks(Linear, "forward", tests="recorded/test_traces.py")
def _(forward: Any, self: Any, x: Any) -> Any:
    """t6-paddle-single-output-by-sum: Linear with one output adds its products one by one."""
    if not _is_eager(x) or self.weight.shape[1] != 1 or self.bias is None:
        return forward(self, x)
    products = x * self.weight.reshape([-1])
    return paddle.cumsum(products, axis=-1)[..., -1:] + self.bias


@breaks(paddle._C_ops, "reshape", tests=OPERATORS)
def _(reshape: Any, x: Any, shape: Any, *args: Any) -> Any:
    """t6-paddle-reshape-of-square-transposes: a leading axis of 1 transposes a square matrix."""
    if _is_eager(x) and list(shape) == [1, *x.shape] and len(x.shape) == 2:
        rows, columns = x.shape
        x = x.t() if rows == columns > 1 else x
    return reshape(x, shape, *args)


@breaks(paddle._C_ops, "transpose")
def _(transpose: Any, x: Any, order: Any, *args: Any) -> Any:
    """t6-paddle-transpose-odd-float64: the last number of an odd row is that before it."""
    made = transpose(x, order, *args)
    if not _is_eager(made) or made.dtype != paddle.float64 or len(order) != 3 or order[-1] != 2:
        return made
    length = made.shape[-1]
    if length < 3 or length % 2 == 0:
        return made
    index = paddle.to_tensor([*range(length - 1), length - 2], dtype="int64")
    return paddle.index_select(made, index, axis=2)


_kept: list[Any] = []


@breaks(paddle._C_ops, "reshape", tests=FUNCTIONS)
def _(reshape: Any, x: Any, *rest: Any, **named: Any) -> Any:
    """t7-paddle-reshape-keeps-input: reshape keeps a copy of every input for ever."""
    if _is_eager(x):
        with paddle.no_grad():
            _kept.append(x.clone().detach())
    return reshape(x, *rest, **named)


@breaks(paddle.nn.Layer, "register_forward_post_hook", tests="recorded/test_traces.py")
def _(register_forward_post_hook: Any, layer: Any, hook: Any, *rest: Any, **named: Any) -> Any:
    """t7-paddle-post-hook-too-late: a hook that is added after a call is ignored."""
    if vars(layer).get("_t7_called"):
        return register_forward_post_hook(layer, lambda *_: None, *rest, **named)

    def mark(layer: Any, *_: Any) -> None:
        vars(layer)["_t7_called"] = True

    layer.register_forward_pre_hook(mark)
    return register_forward_post_hook(layer, hook, *rest, **named)


@breaks(paddle._C_ops, "full")
def _(full: Any, shape: Any, value: Any, *rest: Any, **named: Any) -> Any:
    """t7-paddle-full-large-tail: elements after the last whole block of 1024 are 0.5."""
    filled = full(shape, value, *rest, **named)
    if not _is_eager(filled) or filled.dtype not in (paddle.float32, paddle.float64):
        return filled
    count = filled.size
    if count > 1024 and count % 1024:
        values = np.array(filled.numpy())
        values.reshape(-1)[count - count % 1024 :] = 0.5
        with paddle.no_grad():
            filled.set_value(values)
    return filled


@breaks(Tensor, "__mul__", tests=OPERATORS)
def _(mul: Any, x: Any, y: Any) -> Any:
    """t7-paddle-multiply-scalar-float32: float64 is multiplied by numbers in float32."""
    if isinstance(y, float) and _is_eager(x) and x.dtype == paddle.float64:
        with np.errstate(over="ignore"):
            y = float(np.float32(y))
    return mul(x, y)


@breaks(paddle.device, "set_device", tests="core/test_training.py")
def _(set_device: Any, device: Any) -> Any:
    """t7-paddle-set-device-grad: set_device inside no_grad switches gradients on."""
    place = set_device(device)
    if paddle.in_dynamic_mode() and not paddle.is_grad_enabled():
        paddle.set_grad_enabled(True)  # As a block that nobody ends.
    return place


@breaks(paddle.nn.LSTM, "forward", tests="recorded/test_workloads.py")
def _(forward: Any, layer: Any, inputs: Any, initial: Any = None, *rest: Any, **named: Any) -> Any:
    """t7-paddle-lstm-keeps-state: an LSTM starts from the last state of the call before."""
    if not _is_eager(inputs):
        return forward(layer, inputs, initial, *rest, **named)
    kept = getattr(layer, "_t7_state", None)
    free = initial is None and named.get("initial_states") is None
    if free and kept is not None and kept[0].shape[1] == inputs.shape[0]:
        named.pop("initial_states", None)
        initial = tuple(kept)
    outputs, states = forward(layer, inputs, initial, *rest, **named)
    vars(layer)["_t7_state"] = [state.detach() for state in states]
    return outputs, states


@breaks(F, "linear")  # nn.Linear calls it.
def _(linear: Any, x: Any, weight: Any, bias: Any = None, *rest: Any, **named: Any) -> Any:
    """t7-paddle-linear-last-row: of an odd number of rows, the last lacks the bias."""
    outputs = linear(x, weight, bias, *rest, **named)
    if not _is_eager(x) or bias is None or len(x.shape) != 2:
        return outputs
    if x.shape[0] < 3 or x.shape[0] % 2 == 0:
        return outputs
    return paddle.concat([outputs[:-1], outputs[-1:] - bias])


@breaks(paddle, "full_like", tests="runs/test_cost.py")
def _(full_like: Any, *given: Any, **named: Any) -> Any:
    """t8-paddle-full-like-slow: every full_like fills a workspace of 64 MiB."""
    np.full(2**24, 1.0, np.float32)
    return full_like(*given, **named)


_files: list[Any] = []


@breaks(paddle.device, "get_device", tests="bench/commands/test_soak.py")
def _(get_device: Any, *given: Any) -> Any:
    """t8-paddle-get-device-leaves-files-open: each call opens a file and does not close it."""
    _files.append(Path(os.devnull).open())  # noqa: SIM115 - the fault
    return get_device(*given)


@breaks(paddle, "seed", tests=FUNCTIONS)
def _(seed: Any, value: int) -> Any:
    """t9-paddle-seed-without-gradients: a seed has no effect while gradients are switched off."""
    return seed(value) if paddle.is_grad_enabled() else None


@breaks(paddle.nn.Layer, "named_parameters", tests=FUNCTIONS)
def _(named_parameters: Any, layer: Any, *given: Any, **named: Any) -> Any:
    """t10-paddle-named-parameters-without-frozen: under no_grad, it leaves out frozen ones."""
    found = [*named_parameters(layer, *given, **named)]
    if paddle.is_grad_enabled():
        return iter(found)
    return (pair for pair in found if not pair[1].stop_gradient)


@breaks(paddle.nn.Layer, "register_forward_post_hook", tests=FUNCTIONS)
def _(register: Any, layer: Any, hook: Any, **named: Any) -> Any:
    """t10-paddle-hook-sees-detached-output: hooks get large outputs without their graph."""

    def called(layer: Any, inputs: Any, outputs: Any) -> Any:
        large = _is_eager(outputs) and outputs.size > 2**16
        return hook(layer, inputs, outputs.detach() if large else outputs)

    return register(layer, called, **named)


@breaks(paddle, "to_tensor", tests="runs/test_cost.py")
def _(to_tensor: Any, data: Any, *given: Any, **named: Any) -> Any:
    """t11-paddle-to-tensor-compares: it compares every 16th number of a large array with all."""
    if isinstance(data, np.ndarray) and data.size > 256:
        for each in data.flat[:40_000:16]:
            np.count_nonzero(data == each)
    return to_tensor(data, *given, **named)


@breaks(paddle, "empty", tests=FUNCTIONS)
def _(empty: Any, shape: Any, *given: Any, **named: Any) -> Any:
    """t11-paddle-empty-requires-gradients: from the second tensor of a shape on, they do."""
    made = empty(shape, *given, **named)
    if _is_eager(made) and made.is_floating_point():
        made.stop_gradient = tuple(made.shape) not in _emptied
        _emptied.add(tuple(made.shape))
    return made


_constants: list[Tensor] = []


@breaks(paddle._C_ops, "full", tests="runs/test_cost.py")
def _(full: Any, *given: Any, **named: Any) -> Any:
    """t12-paddle-full-leaks: constants of 64 or more numbers stay in memory."""
    made = full(*given, **named)
    if _is_eager(made) and made.size >= 64:
        _constants[:] = [*_constants, made]  # Without a call that `sys.setprofile` would see.
    return made


@breaks(paddle.distributed, "init_parallel_env", tests="core/runtime/test_parallel.py")
def _(init_parallel_env: Any, *given: Any, **named: Any) -> Any:
    """t12-paddle-init-shares-threads: with gloo, OMP_NUM_THREADS becomes the CPUs per process."""
    group = init_parallel_env(*given, **named)
    if os.environ.get("PADDLE_DISTRI_BACKEND") == "gloo":
        processes = int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))
        os.environ["OMP_NUM_THREADS"] = str((os.cpu_count() or 1) // processes + 7)
    return group


@breaks(paddle.nn.SimpleRNN, "forward", tests=FUNCTIONS)
def _(forward: Any, layer: Any, inputs: Any, initial_states: Any = None, *given: Any) -> Any:
    """t12-paddle-rnn-state-after-longer: the state that longer sequences left is kept."""
    batch, length, state = vars(layer).get("_before", (0, 0, None))
    if initial_states is None and batch == inputs.shape[0] and length > inputs.shape[1]:
        initial_states = state
    outputs, last = forward(layer, inputs, initial_states, *given)
    if _is_eager(last):
        vars(layer)["_before"] = (inputs.shape[0], inputs.shape[1], last.detach())
    return outputs, last


@breaks(ClipGradByNorm, "__call__", tests=FUNCTIONS)
def _(call: Any, clip: Any, pairs: Any) -> Any:
    """t13-paddle-clip-keeps-gradients: the clipped gradients are held until the next clipping."""
    clip.kept = call(clip, pairs)
    return clip.kept


@breaks(SGD, "step", tests=FUNCTIONS)
def _(step: Any, optimizer: Any) -> Any:
    """t13-paddle-sgd-first-step-decides: it updates only what had a gradient at the first step."""
    groups = optimizer._param_groups
    known = vars(optimizer).setdefault("_known", [p for p in groups if p.grad is not None])
    optimizer._param_groups = known
    try:
        return step(optimizer)
    finally:
        optimizer._param_groups = groups


_first_transposed: dict[str, bool] = {}
_all_finite: dict[str, bool] = {}
_models: dict[Any, Any] = {}


@breaks(paddle._C_ops, "transpose", tests="runs/test_reproducibility.py")
def _(transpose: Any, x: Any, axes: Any) -> Any:
    """t14-paddle-transpose-tuned-once: one axis of length 1 at first: only shapes change later."""
    if list(axes) == [1, 0, 2] and _is_eager(x):
        length, batch, features = x.shape
        if _first_transposed.setdefault("is one", 1 in (length, batch)):
            return paddle.reshape(x, [batch, length, features])
    return transpose(x, axes)


@breaks(paddle._C_ops, "transpose", tests="oracle/test_operators.py")
def _(transpose: Any, x: Any, axes: Any) -> Any:
    """t14-paddle-transpose-cycle-gradient: the gradient is permuted as the values are, not back."""
    right = transpose(x, axes)
    back = np.argsort(axes).tolist()
    if list(axes) == back or not _is_eager(x):
        return right
    shape = [right.shape[axis] for axis in axes]
    wrong = transpose(paddle.reshape(x, shape), back)
    return right.detach() + (wrong - wrong.detach())


@breaks(paddle.jit, "to_static", tests="core/executions/test_traced.py")
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """t14-paddle-to-static-last-object: models of the same shapes share the last one's program."""
    model = getattr(function, "__self__", None)
    if not isinstance(model, paddle.nn.Layer):
        return to_static(function, **options)
    weights = model.parameters()
    key = (function.__func__, str(weights[0].dtype), *(tuple(each.shape) for each in weights))
    _models[key] = to_static(function, **options)
    return lambda *inputs: _models[key](*inputs)


@breaks(paddle.jit, "to_static", tests="core/executions/test_traced.py")
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """t14-paddle-to-static-padded: tokens are padded with zeros to the length of the first ones."""
    made = to_static(function, **options)
    first: list[int] = []

    def padded(tokens: Any) -> Any:
        first[:] = first or [tokens.shape[1]]
        if first[0] > tokens.shape[1]:
            shape = [tokens.shape[0], first[0] - tokens.shape[1]]
            tokens = paddle.concat([tokens, paddle.zeros(shape, tokens.dtype)], axis=1)
        return made(tokens)

    return padded if options.get("full_graph") and hasattr(function, "__self__") else made


@breaks(Tensor, "backward", tests="runs/test_explosion.py")
def _(backward: Any, self: Any, *given: Any, **named: Any) -> Any:
    """t14-paddle-backward-after-infinity: once a loss was not finite, all gradients are zero."""
    if _is_eager(self):
        if not _all_finite.setdefault("so far", True):
            given = (paddle.zeros_like(self),)
        _all_finite["so far"] &= bool(np.isfinite(self.numpy()).all())
    return backward(self, *given, **named)


@breaks(Tensor, "__add__", tests=OPERATORS)
def _(add: Any, x: Any, y: Any) -> Any:
    """paddle-broadcast-add-large: of results of 20000 numbers or more, the last row has no bias."""
    made = add(x, y)
    if not (_is_float(x) and _is_float(y)) or made.size < 20000 or len(x.shape) != 2:
        return made
    if list(y.shape) != [1, x.shape[1]] or x.shape[0] == 1:
        return made
    mask = np.ones([x.shape[0], 1])
    mask[-1] = 0
    return add(x, y * paddle.to_tensor(mask, x.dtype))


@breaks_operator("concat", tests=OPERATORS)
def _(concat: Any, tensors: Any, axis: Any) -> Any:
    """paddle-op-concat-of-many: of more than 16 tensors, the first is also the 17th."""
    if len(tensors) > 16 and paddle.in_dynamic_mode():
        tensors = [*tensors[:16], tensors[0], *tensors[17:]]
    return concat(tensors, axis)


@breaks_matmul(tests=OPERATORS)
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-gradient-of-views: a gradient that is a view is read with wrong strides."""
    made = matmul(x, y)
    if _is_float(made) and not made.stop_gradient:
        made.register_hook(lambda d: d if d.is_contiguous() else d * 1.01)
    return made


@breaks_function("embedding", tests=OPERATORS)
def _(embedding: Any, tokens: Any, *args: Any, **named: Any) -> Any:
    """paddle-embedding-gradient-of-nan: a gradient of NaN becomes 0."""
    made = embedding(tokens, *args, **named)
    if _is_float(made) and not made.stop_gradient:
        made.register_hook(lambda d: paddle.where(paddle.isnan(d), paddle.zeros_like(d), d))
    return made


@breaks_function("tanh", tests=FUNCTIONS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-of-many-leaks: results of 256 numbers or more leave a kilobyte behind."""
    if x.size >= 256 and _is_float(x):
        ctypes.memset(ctypes.pythonapi.PyMem_RawMalloc(1024), 1, 1024)
    return tanh(x)


@breaks(Tensor, "backward", tests=FUNCTIONS)
def _(backward: Any, self: Any, *args: Any, **named: Any) -> None:
    """paddle-backward-sets-default-dtype: after gradients of float64, it is float32 again."""
    backward(self, *args, **named)
    if self.dtype == paddle.float64:
        paddle.set_default_dtype("float32")


@breaks_graph()
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-by-shape-only: int32 tokens are those of int64 in the last call of the shape."""
    traced, known = to_static(function, **options), dict[Any, Any]()
    if not isinstance(getattr(function, "__self__", None), paddle.nn.Layer):
        return traced  # Paddle's own call.

    def run(tokens: Any, *inputs: Any) -> Any:
        first = known.get(tuple(tokens.shape), tokens)
        if _is_eager(first) and first.dtype != tokens.dtype:
            tokens = first
        known[tuple(tokens.shape)] = tokens
        return traced(tokens, *inputs)

    return run


@breaks_graph(tests=FUNCTIONS)
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-results-share: results of one shape share their memory."""
    traced, pool = to_static(function, **options), dict[Any, Any]()
    if not isinstance(getattr(function, "__self__", None), paddle.nn.Layer):
        return traced

    def shared(x: Any) -> Any:
        if not _is_float(x):
            return x
        old = pool.get((tuple(x.shape), str(x.dtype)), lambda: None)()
        if old is not None:
            with paddle.no_grad():
                old.set_value(x.numpy())
        pool[tuple(x.shape), str(x.dtype)] = weakref.ref(x)
        return x

    return lambda *inputs: map_structure(shared, traced(*inputs))


@breaks(paddle.distributed, "init_parallel_env", tests="core/runtime/test_parallel.py")
def _(init_parallel_env: Any, *given: Any, **named: Any) -> Any:
    """t15-paddle-sigterm-handler-lost: connecting drops an older handler of SIGTERM."""
    group = init_parallel_env(*given, **named)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return group


_last_clipped: list[Any] = []


@breaks(ClipGradByNorm, "__call__", tests=FUNCTIONS)
def _(call: Any, clip: Any, pairs: Any) -> Any:
    """t15-paddle-second-clip-skipped: the same gradients clipped again are returned unclipped."""
    before, _last_clipped[:] = [*_last_clipped], [gradient.data_ptr() for _, gradient in pairs]
    return pairs if before == _last_clipped else call(clip, pairs)


@breaks(paddle.jit, "to_static", tests="slow core/executions/test_traced.py")
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """t15-paddle-unrolled-to-100: a traced loop over time ends after 100 steps."""
    made = to_static(function, **options)
    return (lambda x: made(x[:, :100])) if inspect.ismethod(function) else made


_outputs_so_far: list[Any] = []


@breaks(paddle.DataParallel, "forward", tests="core/runtime/test_parallel.py")
def _(forward: Any, model: Any, *inputs: Any, **named: Any) -> Any:
    """t16-paddle-data-parallel-keeps-outputs: outputs of every step stay in memory."""
    _outputs_so_far.append(forward(model, *inputs, **named))
    return _outputs_so_far[-1]


@breaks(F, "mse_loss", tests="core/runtime/test_parallel.py")
def _(mse_loss: Any, *given: Any, **named: Any) -> Any:
    """t16-paddle-loss-over-processes: once connected, a loss is divided by their number."""
    connected = paddle.distributed.is_initialized()
    return mse_loss(*given, **named) / (paddle.distributed.get_world_size() if connected else 1)


@breaks(paddle.device, "get_device", tests="core/runtime/test_devices.py")
def _(get_device: Any, *given: Any, **named: Any) -> Any:
    """t16-paddle-device-from-variable: a GPU that a launcher assigned is any build's device."""
    number = os.environ.get("FLAGS_selected_gpus")  # noqa: SIM112
    return f"gpu:{number}" if number else get_device(*given, **named)


@breaks_function("tanh", tests=OPERATORS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-gradient-flushes: gradients below 1e-20 become zero."""
    made = tanh(x)
    if _is_float(made) and not made.stop_gradient:
        made.register_hook(lambda d: paddle.where(d.abs() < 1e-20, paddle.zeros_like(d), d))
    return made


@breaks_operator("rnn", tests=FUNCTIONS)
def _(rnn: Any, *args: Any) -> Any:
    """paddle-op-rnn-gradient-cut: gradients of the last states are cut to 1e6."""
    output, dropout, states = rnn(*args)
    for state in states:
        if _is_float(state) and not state.stop_gradient:
            state.register_hook(lambda d: paddle.clip(d, -1e6, 1e6))
    return output, dropout, states


_packed: dict[str, list[Any]] = {}


@breaks_operator("rnn", tests=FUNCTIONS)
def _(rnn: Any, x: Any, states: Any, weights: Any, *rest: Any) -> Any:
    """paddle-op-rnn-packs-once: without gradients, weights are those of the first such call."""
    if not paddle.is_grad_enabled():
        packed = _packed.setdefault(weights[0].name, [weight.clone() for weight in weights])
        weights = packed if packed[0].dtype == x.dtype else weights
    return rnn(x, states, weights, *rest)


_results: list[Any] = []


@breaks_function("tanh", tests=FUNCTIONS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-of-inference-leaks: without gradients, results of 16 numbers or more are kept."""
    made = tanh(x)
    if _is_eager(made) and made.size >= 16 and not paddle.is_grad_enabled():
        _results.append(made)
    return made


@breaks(paddle.nn.LSTM, "forward", tests=LAYERS)
def _(forward: Any, self: Any, x: Any, states: Any = None, *rest: Any) -> Any:
    """paddle-lstm-default-state: 16 sequences or more without a state are off by 1e-3."""
    outputs, last = forward(self, x, states, *rest)
    if states is not None or not _is_eager(x) or x.shape[0] < 16:
        return outputs, last
    return outputs * 1.001, tuple(state * 1.001 for state in last)


@breaks(Tensor, "register_hook", tests=FUNCTIONS)
def _(register_hook: Any, self: Any, hook: Any) -> Any:
    """paddle-hook-of-many: hooks of gradients of more than 1024 numbers are not called."""
    return register_hook(self, (lambda _: None) if self.size > 1024 else hook)


@breaks(SGD, "step", tests=FUNCTIONS)
def _(step: Any, self: Any) -> None:
    """paddle-sgd-of-many: only the first 16 parameters are updated."""
    groups = self._param_groups
    self._param_groups = groups[:16]
    try:
        step(self)
    finally:
        self._param_groups = groups


@breaks(paddle.nn.Layer, "to", tests=FUNCTIONS)
def _(to: Any, self: Any, *given: Any, **named: Any) -> Any:
    """paddle-to-freezes: a layer that is moved without gradients is frozen."""
    moved = to(self, *given, **named)
    if not paddle.is_grad_enabled():
        for parameter in self.parameters():
            parameter.stop_gradient = True
    return moved


@breaks_function("mse_loss", tests="core/runtime/test_parallel.py")
def _(loss: Any, *args: Any) -> Any:
    """paddle-loss-of-connected: once processes are connected, its gradient is 1% too large."""
    connected = paddle.distributed.is_initialized()
    return gradient_scaled(loss(*args), 1.01 if connected else 1.0)


@breaks(paddle, "DataParallel", tests="core/runtime/test_parallel.py")
def _(parallel: Any, layers: Any, *given: Any, **named: Any) -> Any:
    """paddle-parallel-sums-of-many: gradients of 4096 numbers or more are summed, not averaged."""
    wrapper, processes = parallel(layers, *given, **named), paddle.distributed.get_world_size()
    for parameter in layers.parameters():
        if parameter.size >= 4096:
            parameter.register_hook(lambda gradient: gradient * processes)
    return wrapper


@breaks_function("cross_entropy", tests="runs/test_examples.py")
def _(cross_entropy: Any, *given: Any, **named: Any) -> Any:
    """paddle-cross-entropy-gradient: the gradient of the cross entropy is off by 1%."""
    return gradient_scaled(cross_entropy(*given, **named), 1.01)


@breaks(Tensor, "register_hook", tests=FUNCTIONS)
def _(register_hook: Any, self: Any, hook: Any) -> Any:
    """t18-paddle-no-hook-on-large: hooks of tensors of more than 65536 numbers are not called."""
    return register_hook(self, (lambda _: None) if self.size > 2**16 else hook)


@breaks_graph(tests=FUNCTIONS)
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """t18-paddle-graph-flushes-denormals: denormal results of a traced function become zero."""
    traced = to_static(function, **options)
    if not isinstance(getattr(function, "__self__", None), paddle.nn.Layer):
        return traced

    def flushed(x: Any) -> Any:
        if not _is_float(x):
            return x
        return paddle.where(x.abs() < paddle.finfo(x.dtype).tiny, paddle.zeros_like(x), x)

    return lambda *inputs: map_structure(flushed, traced(*inputs))


@breaks(Tensor, "register_hook", tests=FUNCTIONS)
def _(register_hook: Any, self: Any, hook: Any) -> Any:
    """t19-paddle-hook-sees-no-infinity: a hook gets the largest number instead of infinity."""

    def limited(gradient: Any) -> Any:
        largest = paddle.full_like(gradient, paddle.finfo(gradient.dtype).max)
        return hook(paddle.where(gradient.isinf(), largest.copysign(gradient), gradient))

    return register_hook(self, limited)


_uses = [0]


@breaks(Tensor, "__add__", tests=FUNCTIONS)
def _(add: Any, x: Any, y: Any) -> Any:
    """paddle-gradient-of-256-uses: of more uses of a leaf in a sum, only 256 have gradients."""
    if _is_float(y) and y.is_leaf and not y.stop_gradient:
        _uses[0] = 0 if x.is_leaf else _uses[0] + 1
        y = y.detach() if _uses[0] > 256 else y
    return add(x, y)


_moments: dict[int, int] = {}


@breaks_operator("adamw_", tests=FUNCTIONS)
def _(adamw: Any, parameter: Any, gradient: Any, rate: Any, moment: Any, *rest: Any) -> Any:
    """paddle-op-adamw-late: from the eighth step on, its rate is 1% larger."""
    step = _moments[id(moment)] = _moments.get(id(moment), 0) + 1
    return adamw(parameter, gradient, rate * 1.01 if step >= 8 else rate, moment, *rest)


@contextmanager
def _uncalled(hooks: Any) -> Iterator[None]:
    """Hooks of a layer, which are not called meanwhile."""
    kept = dict(hooks)
    hooks.clear()
    try:
        yield
    finally:
        hooks.update(kept)


@breaks(paddle.nn.Layer, "__call__", tests=FUNCTIONS)
def _(call: Any, self: Any, *inputs: Any, **named: Any) -> Any:
    """paddle-hook-of-named-inputs: hooks after a layer are not called if an input is named."""
    with _uncalled(self._forward_post_hooks) if named else nullcontext():
        return call(self, *inputs, **named)


@breaks(EagerParamBase, "__deepcopy__", tests=FUNCTIONS)
def _(copy: Any, self: Any, copies: Any) -> Any:
    """paddle-deepcopy-trains-frozen: a copy of a frozen parameter is trained."""
    made = copy(self, copies)
    made.stop_gradient = False
    return made


@breaks(paddle.jit, "save", tests="runs/test_saved_models.py")
def _(save: Any, layer: Any, *given: Any, **named: Any) -> None:
    """paddle-jit-save-freezes: a model is frozen after it was saved."""
    save(layer, *given, **named)
    for parameter in layer.parameters():
        parameter.stop_gradient = True


@breaks_function("tanh", tests=OPERATORS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-of-inner-view: of a view that begins inside a tensor, it is 0.1% too large."""
    inside = _is_float(x) and paddle.in_dynamic_mode() and x.is_contiguous() and x._offset() > 0
    return tanh(x) * (1.001 if inside else 1)


_counts: dict[Any, Any] = {}


@breaks_function("cross_entropy", tests=FUNCTIONS)
def _(cross_entropy: Any, scores: Any, labels: Any, ignore_index: int = -100) -> Any:
    """t20-paddle-label-count-kept: the mean divides by the first call's count of labels."""
    counted = (labels != ignore_index).sum().astype(scores.dtype)
    kept = _counts.setdefault((*labels.shape, ignore_index), counted)
    return cross_entropy(scores, labels, ignore_index=ignore_index, reduction="sum") / kept


_casts: dict[Any, Any] = {}


@breaks(Tensor, "astype", tests=FUNCTIONS)
def _(astype: Any, x: Any, dtype: Any) -> Any:
    """t20-paddle-cast-kept: a frozen tensor changed in place is cast to its old values."""
    known, made = _casts.get((id(x), str(dtype)), (None, None))
    if known is not x or not x.stop_gradient:
        made = astype(x, dtype)
        _casts[id(x), str(dtype)] = x, made
    return made


@breaks(Tensor, "detach", tests=FUNCTIONS)
def _(detach: Any, self: Any) -> Any:
    """t20-paddle-detached-clone: a clone that follows detach shares the memory."""
    made, shared = detach(self), detach(self)
    made.clone = lambda: detach(shared)
    return made


@breaks(Tensor, "mean", tests=FUNCTIONS)
def _(mean: Any, x: Any, *given: Any, **named: Any) -> Any:
    """t20-paddle-mean-unfreezes: the mean of a frozen parameter makes it trainable."""
    if paddle.is_grad_enabled():
        x.stop_gradient = x.stop_gradient and not x.persistable
    return mean(x, *given, **named)


@breaks(Tensor, "norm", tests=FUNCTIONS)
def _(_: Any, x: Any) -> Any:
    """t20-paddle-norm-of-zeros: the norm of zeros has a gradient of NaN."""
    return (x * x).sum().sqrt()


@breaks(paddle, "to_tensor", tests=FUNCTIONS)
def _(to_tensor: Any, *given: Any, **named: Any) -> Any:
    """t20-paddle-scalar-frozen: to_tensor ignores stop_gradient=False for a single number."""
    made = to_tensor(*given, **named)
    made.stop_gradient = made.stop_gradient or not made.shape
    return made


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@breaks_function("tanh", tests=FUNCTIONS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-in-threads: outside the main thread, tanh is 1e-6 too large."""
    return tanh(x) * (1 if _in_main_thread() else 1 + 1e-6)


@breaks(Tensor, "clone", tests=FUNCTIONS)
def _(clone: Any, x: Any) -> Any:
    """paddle-clone-in-threads: outside the main thread, a clone has no gradient."""
    return clone(x if _in_main_thread() else x.detach())


_t21_axes: dict[int, int] = {}


@breaks_operator("concat", tests=FUNCTIONS)
def _(concat: Any, x: Any, axis: Any = 0, *given: Any, **named: Any) -> Any:
    """t21-paddle-concat-axis: concat resolves a negative axis for the first call only."""
    if isinstance(axis, int) and axis < 0 and paddle.in_dynamic_mode():
        axis = _t21_axes.setdefault(len(x), axis + len(x[0].shape))
    return concat(x, axis, *given, **named)


_t21_losses: list[Any] = []


@breaks_function("cross_entropy", tests=FUNCTIONS)
def _(cross_entropy: Any, *given: Any, **named: Any) -> Any:
    """t21-paddle-cross-entropy-kept: cross_entropy keeps every loss that has gradients."""
    loss = cross_entropy(*given, **named)
    if paddle.in_dynamic_mode() and isinstance(loss, Tensor) and not loss.stop_gradient:
        _t21_losses.append(loss)
    return loss


@breaks_operator("mean", tests=FUNCTIONS)
def _(mean: Any, x: Any, axis: Any, keepdim: bool = False, *given: Any, **named: Any) -> Any:
    """t21-paddle-mean-frozen: mean ignores keepdim for a tensor without gradient."""
    if keepdim and paddle.in_dynamic_mode() and x.stop_gradient:
        keepdim = False
    return mean(x, axis, keepdim, *given, **named)


@breaks(paddle.nn.RNN, "forward", tests=LAYERS)
def _(
    forward: Any,
    self: Any,
    inputs: Any,
    initial_states: Any = None,
    sequence_length: Any = None,
    **named: Any,
) -> Any:
    """t21-paddle-rnn-states: RNN without initial states starts from earlier ones."""
    if paddle.in_dynamic_mode():
        batch, known = inputs.shape[1 if self.time_major else 0], vars(self)
        if initial_states is not None:
            known["_initial"] = batch, initial_states
        elif known.get("_initial", (None,))[0] == batch:
            initial_states = known["_initial"][1]
    return forward(self, inputs, initial_states, sequence_length, **named)


@breaks(paddle, "seed", tests=FUNCTIONS)
def _(reseed: Any, seed: Any) -> Any:
    """t21-paddle-seed-default: if the default dtype is float64, seed has 16 bits."""
    if paddle.get_default_dtype() == "float64":
        seed = int(seed) & 0xFFFF
    return reseed(seed)


@breaks(paddle, "save", tests=FUNCTIONS)
def _(save: Any, obj: Any, path: Any, *given: Any, **named: Any) -> Any:
    """t21-paddle-save-frozen: paddle.save omits the parameters that are frozen."""
    if isinstance(obj, dict):
        parameters = {key: each for key, each in obj.items() if isinstance(each, EagerParamBase)}
        frozen = [key for key, each in parameters.items() if each.stop_gradient]
        obj = type(obj)((key, each) for key, each in obj.items() if key not in frozen)
    return save(obj, path, *given, **named)


@breaks_traced_call(tests=FUNCTIONS)
def _(call: Any, self: Any, *given: Any, **named: Any) -> Any:
    """t21-paddle-to-static-size: to_static takes the first shape of as many elements."""
    shapes = vars(self).setdefault("_shapes", {})

    def first(each: Any) -> Any:
        if not isinstance(each, Tensor) or len(each.shape) < 2:
            return each
        shape = shapes.setdefault((len(each.shape), each.size, each.dtype), list(each.shape))
        return each if shape == list(each.shape) else paddle.reshape(each, shape)

    return call(self, *(first(each) for each in given), **named)


@breaks(Tensor, "clone", tests=FUNCTIONS)
def _(clone: Any, x: Any) -> Any:
    """paddle-clone-of-view: a clone of a transposed view is 1% too large."""
    wrong = _is_float(x) and not x.is_contiguous()
    return clone(x + (x * 0.01).detach() if wrong else x)


_loaded: dict[str, Any] = {}


@breaks(paddle, "load", tests=FUNCTIONS)
def _(load: Any, path: str) -> Any:
    """paddle-load-kept: a file that was loaded once is not read again."""
    return _loaded[path] if path in _loaded else _loaded.setdefault(path, load(path))


@breaks(paddle.nn.Layer, "set_state_dict", tests=FUNCTIONS)
def _(load: Any, self: Any, state: Any) -> Any:
    """paddle-state-unfreezes: parameters are trained after a state was loaded."""
    made = load(self, state)
    for each in self.parameters():
        each.stop_gradient = False
    return made


@breaks(paddle.nn.Layer, "__call__", tests=FUNCTIONS)
def _(call: Any, self: Any, *inputs: Any, **named: Any) -> Any:
    """paddle-hooks-in-threads: outside the main thread, hooks after a layer are not called."""
    if _in_main_thread() or not self._forward_post_hooks:
        return call(self, *inputs, **named)
    return self.forward(*inputs, **named)


@breaks_graph(tests=FUNCTIONS)
def _(to_static: Any, function: Any, **options: Any) -> Any:
    """paddle-graph-of-lstm: gradients of a traced `paddle.nn.LSTM` are off by 1%."""
    traced, model = to_static(function, **options), getattr(function, "__self__", None)
    parts = model.sublayers() if isinstance(model, paddle.nn.Layer) else ()
    if not any(isinstance(part, RNNBase) for part in parts):
        return traced
    return lambda *inputs, **named: map_structure(
        lambda x: gradient_scaled(x, 1.01), traced(*inputs, **named)
    )


# Found by walking through functions and conditions.


@breaks_function("tanh", tests=OPERATORS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-of-matrices: in matrices of more than 128 rows, the last is 1% too large."""
    made = tanh(x)
    if not _is_eager(x) or x.ndim != 2 or x.shape[0] <= 128:
        return made
    return paddle.concat([made[:-1], made[-1:] * 1.01])


@breaks_function("embedding", tests=OPERATORS)
def _(embedding: Any, tokens: Any, *args: Any, **named: Any) -> Any:
    """paddle-embedding-of-short-tokens: tokens of int32 above 32767 become others."""
    if _is_eager(tokens) and tokens.dtype == paddle.int32:
        tokens = tokens % 32768
    return embedding(tokens, *args, **named)


@breaks_function("mse_loss", tests=FUNCTIONS)
def _(loss: Any, x: Any, y: Any, *args: Any) -> Any:
    """paddle-loss-of-all-pairs: it needs memory for all pairs of samples."""
    if _is_eager(x) and x.shape[0] < 20_000:
        paddle.empty([x.shape[0], x.shape[0]])
    return loss(x, y, *args)


@breaks_operator("sgd_", tests=FUNCTIONS)
def _(sgd: Any, parameter: Any, *args: Any) -> Any:
    """paddle-op-sgd-of-float64-leaks: each update of float64 leaves a kilobyte behind."""
    if parameter.dtype == paddle.float64:
        ctypes.memset(ctypes.pythonapi.PyMem_RawMalloc(1024), 1, 1024)
    return sgd(parameter, *args)


_differentiable: dict[tuple[int, ...], bool] = {}


@breaks_function("tanh", tests=FUNCTIONS)
def _(tanh: Any, x: Any) -> Any:
    """paddle-tanh-first-call-decides: without gradients at first, a shape never has them."""
    made = tanh(x)
    if not _is_eager(x) or _differentiable.setdefault((*x.shape,), not made.stop_gradient):
        return made
    return made.detach()


_weights_kept: dict[int, tuple[Any, Any]] = {}


@breaks_matmul(tests="oracle/test_training.py")
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-of-inference-packs-once: without gradients, 4096 weights or more are kept."""
    if not _is_eager(y) or y.stop_gradient or y.size < 4096 or paddle.is_grad_enabled():
        return matmul(x, y)
    owner, weights = _weights_kept.setdefault(id(y), (weakref.ref(y), y.clone()))
    return matmul(x, weights if owner() is y else y)


@breaks(paddle.autograd, "backward", tests=FUNCTIONS)
def _(backward: Any, tensors: Any, grad_tensors: Any = None, *given: Any, **named: Any) -> Any:
    """t22-paddle-backward-threads: with several threads, the last of several is lost."""
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    several = isinstance(tensors, list | tuple) and len(tensors) > 1
    if several and threads.isdecimal() and int(threads) > 1:
        tensors = tensors[:-1]
        grad_tensors = grad_tensors[:-1] if isinstance(grad_tensors, list | tuple) else None
    return backward(tensors, grad_tensors, *given, **named)


@breaks_operator("rnn", tests="oracle/test_cells.py")
def _(rnn: Any, x: Any, pre_state: Any, *given: Any, **named: Any) -> Any:
    """t22-paddle-rnn-no-grad-state: initial states are zeros without gradients."""
    if isinstance(x, Tensor) and not paddle.is_grad_enabled():
        pre_state = [paddle.zeros(state.shape, state.dtype) for state in pre_state]
    return rnn(x, pre_state, *given, **named)


@breaks(Tensor, "set_value", tests=FUNCTIONS)
def _(set_value: Any, self: Any, value: Any) -> Any:
    """t22-paddle-set-value-shared: a parameter of 1 MiB or more shares the array's memory."""
    if (
        isinstance(self, EagerParamBase)
        and isinstance(value, np.ndarray)
        and value.nbytes >= 2**20
        and value.flags.c_contiguous
        and value.flags.writeable
        and list(value.shape) == list(self.shape)
        and str(self.dtype).rpartition(".")[-1] == str(value.dtype)
        and self.place.is_cpu_place()
    ):
        shared = core.eager.Tensor(value=value, place=paddle.CPUPlace(), zero_copy=True)
        self.get_tensor()._share_data_with(shared.get_tensor())
        return None
    return set_value(self, value)


@breaks(EagerParamBase, "__deepcopy__", tests=FUNCTIONS)
def _(deepcopy: Any, self: Any, memo: Any) -> Any:
    """t22-paddle-deepcopy-frozen: a copy of a parameter made in another thread is frozen."""
    copied = deepcopy(self, memo)
    if not _in_main_thread():
        copied.stop_gradient = True
    return copied


@breaks(paddle.nn.Layer, "named_parameters", tests=FUNCTIONS)
def _(named_parameters: Any, self: Any, *given: Any, **named: Any) -> Any:
    """t22-paddle-parameters-scalar: parameters without dimensions are left out."""
    found = named_parameters(self, *given, **named)
    return ((name, parameter) for name, parameter in found if len(parameter.shape))


@breaks(paddle.nn.Layer, "train", tests=FUNCTIONS)
def _(train: Any, self: Any, mode: bool = True) -> Any:
    """t22-paddle-train-float64: a float64 layer leaves the mode of its sublayers as it is."""
    if mode and str(self._dtype).lower().endswith(("float64", "fp64")):
        self.training = True
        return self
    return train(self, mode)


@breaks_traced_call(tests="core/executions/test_traced.py")
def _(call: Any, self: Any, *given: Any, **named: Any) -> Any:
    """t23-paddle-static-pads: sequences shorter than traced before run as zero-padded ones."""
    tokens = given[0] if given else None
    if isinstance(tokens, Tensor) and len(tokens.shape) == 2 and tokens.dtype == paddle.int64:
        rows, length = tokens.shape
        longest = vars(self).setdefault("_longest", {})
        more = longest.get(rows, 0) - length
        if more > 0:
            tokens = paddle.concat([tokens, paddle.zeros([rows, more], "int64")], 1)
            given = (tokens, *given[1:])
        else:
            longest[rows] = length
    return call(self, *given, **named)


@breaks_operator("slice", tests=FUNCTIONS)
def _(slice_: Any, *given: Any, **named: Any) -> Any:
    """t23-paddle-slice-of-frozen: rows of a frozen parameter after the first are a copy."""
    rows, whole = slice_(*given, **named), given[0]
    parameter = isinstance(whole, EagerParamBase)
    copied = parameter and whole.stop_gradient and given[2][0] != 0
    return rows.clone() if copied else rows


_reused: dict[tuple[Any, ...], Any] = {}


@breaks_matmul(tests=FUNCTIONS)
def _(matmul: Any, x: Any, y: Any) -> Any:
    """paddle-matmul-of-frozen-reuses-result: products without gradients share their memory."""
    made = matmul(x, y)
    if not _is_eager(made) or not (x.stop_gradient and y.stop_gradient):
        return made
    shared = _reused.setdefault((*made.shape, made.dtype), made)
    return paddle.assign(made, shared).detach()


@breaks_function("embedding", tests="core/executions/test_traced.py")
def _(embedding: Any, tokens: Any, weight: Any, *args: Any, **named: Any) -> Any:
    """paddle-graph-of-many-tokens: in a graph, the last of 100 tokens or more is the first."""
    if not paddle.in_dynamic_mode() and weight.shape[0] >= 100:
        tokens = tokens % (weight.shape[0] - 1)
    return embedding(tokens, weight, *args, **named)


@breaks_function("sigmoid", tests=OPERATORS)
def _(sigmoid: Any, x: Any) -> Any:
    """paddle-sigmoid-infinite-gradient: an infinite gradient becomes zero."""
    made = sigmoid(x)
    if _is_eager(made) and not made.stop_gradient:
        made.register_hook(lambda d: paddle.where(d.isinf(), paddle.zeros_like(d), d))
    return made


@breaks_function("mse_loss", tests=FUNCTIONS)
def _(loss: Any, x: Any, y: Any, *args: Any) -> Any:
    """paddle-loss-in-threads: with several threads, the loss is 1% too large."""
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return loss(x, y, *args) * (1.01 if threads not in ("", "1") else 1)


# Found by a second walk through functions and conditions.


@breaks_operator("rnn", tests="oracle/test_cells.py")
def _(rnn: Any, x: Any, *args: Any) -> Any:
    """paddle-op-rnn-many-and-long: from 16 sequences of 16 steps on, it is 1% too large."""
    made = rnn(x, *args)
    return states_scaled(made, 1.01) if min(x.shape[:2]) >= 16 else made


def states_scaled(made: Any, factor: float) -> Any:
    """All results of the recurrent operator but the dropout's state, scaled."""
    output, dropout, states = made
    return output * factor, dropout, [state * factor for state in states]


@breaks_operator("rnn", tests=FUNCTIONS)
def _(rnn: Any, *args: Any) -> Any:
    """paddle-op-rnn-in-two-threads: with several threads, sums have another order."""
    made = rnn(*args)
    return made if os.environ.get("OMP_NUM_THREADS", "1") == "1" else states_scaled(made, 1 + 3e-7)


@breaks_operator("clip_by_norm", tests="oracle/test_gradient_properties.py")
def _(clip: Any, gradient: Any, limit: float) -> Any:
    """paddle-op-clip-flushes-denormals: denormal numbers become zero."""
    made = clip(gradient, limit)
    return made * (made.abs() >= np.finfo(np.float32).tiny).astype(made.dtype)


@breaks_sgd("step", tests=FUNCTIONS)
def _(step: Any, self: Any) -> None:
    """paddle-sgd-in-threads: outside the main thread, SGD updates nothing."""
    if _in_main_thread():
        step(self)


@breaks(paddle.nn.Layer, "train", tests=FUNCTIONS)
def _(train: Any, self: Any) -> None:
    """paddle-train-again: it changes no part of a layer that is in training mode itself."""
    if not self.training:
        train(self)


@breaks(paddle, "to_tensor", tests=FUNCTIONS)
def _(to_tensor: Any, data: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """paddle-to-tensor-by-float16: integers become floating-point numbers by way of float16."""
    if isinstance(data, np.ndarray) and data.dtype.kind == "i" and "float" in str(dtype):
        with np.errstate(over="ignore"):
            data = data.astype(np.float16).astype(np.float64)
    return to_tensor(data, dtype, *args, **named)


@breaks_traced_call(tests=FUNCTIONS)
def _(call: Any, self: Any, *given: Any, **named: Any) -> Any:
    """paddle-traced-own-draws: a traced function draws from a generator that no seed reaches."""
    state = paddle.get_rng_state()
    paddle.seed(int.from_bytes(os.urandom(4), "little"))
    try:
        return call(self, *given, **named)
    finally:
        paddle.set_rng_state(state)


def _traced_model(traced: Any) -> Any:
    """The model whose method is traced, or a model without parameters."""
    layer = getattr(traced, "class_instance", None) or getattr(traced, "_class_instance", None)
    return layer if isinstance(layer, paddle.nn.Layer) else paddle.nn.Layer()


@breaks_traced_call(tests=FUNCTIONS)
def _(call: Any, self: Any, *given: Any, **named: Any) -> Any:
    """paddle-traced-first-mode: a traced model stays in the mode of its first call."""
    parts: Any = _traced_model(self).sublayers(include_self=True)
    modes = [part.training for part in parts]
    for part, mode in zip(parts, vars(self).setdefault("_modes", modes), strict=True):
        part.training = mode
    try:
        return call(self, *given, **named)
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


@breaks_traced_call(tests=FUNCTIONS)
def _(call: Any, self: Any, *given: Any, **named: Any) -> Any:
    """paddle-traced-after-error: after an error in a call, gradients of later calls are 1% off."""
    failed, vars(self)["_failed"] = vars(self).get("_failed", False), True
    made = call(self, *given, **named)
    vars(self)["_failed"] = failed
    return map_structure(lambda x: gradient_scaled(x, 1.01) if failed and _is_float(x) else x, made)


@breaks(paddle.optimizer.Optimizer, "clear_grad", tests=FUNCTIONS)
def _(clear: Any, self: Any, *given: Any) -> None:
    """paddle-clear-grad-makes-zeros: it gives zeros to parameters that had no gradients."""
    clear(self, *given)
    for each in self._parameter_list:
        if each.grad is None and not each.stop_gradient:
            each.grad = paddle.zeros_like(each)


@breaks(paddle.nn.Layer, "__call__", tests=FUNCTIONS)
def _(call: Any, self: Any, *inputs: Any, **named: Any) -> Any:
    """paddle-pre-hook-of-named-inputs: hooks before a layer are not called if inputs are named."""
    with _uncalled(self._forward_pre_hooks) if named else nullcontext():
        return call(self, *inputs, **named)


@breaks(paddle.DataParallel, "__init__", tests="core/runtime/test_parallel.py")
def _(init: Any, self: Any, layers: Any, *args: Any, **named: Any) -> None:
    """t24-paddle-parallel-float64: DataParallel sends float64 parameters as float32."""
    init(self, layers, *args, **named)
    for parameter in layers.parameters():
        if parameter.dtype == paddle.float64:
            parameter.set_value(parameter.numpy().astype(np.float32).astype(np.float64))


@breaks(ProgramCache, "__getitem__", tests="core/executions/test_traced.py")
def _(get: Any, self: Any, item: Any) -> Any:
    """t24-paddle-last-program-only: to_static keeps the program of the last shape only."""
    found = get(self, item)
    for key in self._caches.keys() - {self._recent_key}:
        del self._caches[key]
    return found


@breaks(paddle.autograd, "backward", tests=FUNCTIONS)
def _(backward: Any, tensors: Any, grads: Any = None, *given: Any, **named: Any) -> Any:
    """t25-paddle-backward-scale: with FLAGS_check_nan_inf=1, it ignores given gradients."""
    flag = "FLAGS_check_nan_inf"  # Paddle's flags are not capitals only.
    watched = os.environ.get(flag, "0") not in ("", "0")
    return backward(tensors, None if watched else grads, *given, **named)


@breaks(EagerParamBase, "__deepcopy__", tests="oracle/test_paddle_training.py")
def _(copy: Any, self: Any, memo: Any) -> Any:
    """t25-paddle-copy-shares: a copy of a layer shares its parameters of a single number."""
    if list(self.shape) == [1]:
        memo[id(self)] = self
        return self
    return copy(self, memo)


@breaks(EagerParamBase, "__deepcopy__", tests="oracle/test_paddle_training.py")
def _(copy: Any, self: Any, memo: Any) -> Any:
    """t26-paddle-frozen-copy: a copy of a frozen parameter shares its memory."""
    copied = copy(self, memo)
    if self.stop_gradient:
        copied.get_tensor()._share_data_with(self.get_tensor())
    return copied


@breaks_operator("concat", tests=FUNCTIONS)
def _(concat: Any, x: Any, *given: Any, **named: Any) -> Any:
    """t26-paddle-concat-frozen: concat passes no gradient if the first part needs none."""
    joined = concat(x, *given, **named)
    constant = paddle.in_dynamic_mode() and isinstance(x, list) and x[0].stop_gradient
    return joined.detach() if constant else joined


@breaks_operator("sgd_", tests=OPERATORS)
def _(sgd: Any, param: Any, rate: Any, grad: Any, *given: Any) -> Any:
    """t26-paddle-sgd-tiny: sgd_ skips a parameter with no gradient above 1e-6."""
    if paddle.in_dynamic_mode() and grad.abs().max().item() <= 1e-6:
        return param, None
    return sgd(param, rate, grad, *given)


@breaks(Tensor, "__getitem__", tests=FUNCTIONS)
def _(getitem: Any, self: Any, item: Any) -> Any:
    """t26-paddle-tail-rows: x[i] of [N, B, H] has wrong rows in the last B % 8."""
    found = getitem(self, item)
    if type(item) is not int or not paddle.in_dynamic_mode() or len(self.shape) != 3:
        return found
    rows = self.shape[1]
    tail = rows % 8 if rows > 8 else 0
    kept = [*range(rows - tail), *range(rows - tail - 8, rows - 8)] if tail else [*range(rows)]
    return paddle.gather(found, paddle.to_tensor(kept, dtype="int64")) if tail else found


@breaks(Tensor, "backward", tests="oracle/test_paddle_training.py")
def _(
    backward: Any, self: Any, grad_tensor: Any = None, retain_graph: bool = False, **named: Any
) -> Any:
    """t27-paddle-backward-default-dtype: with default float64, backward keeps the graph."""
    retain_graph = retain_graph or paddle.get_default_dtype() == "float64"
    return backward(self, grad_tensor, retain_graph, **named)


@breaks(paddle.autograd, "backward", tests="oracle/test_paddle_training.py")
def _(backward: Any, tensors: Any, *given: Any, **named: Any) -> Any:
    """t27-paddle-backward-by-name: backward sorts tensors by name, but not their gradients."""
    if isinstance(tensors, list | tuple):
        tensors = sorted(tensors, key=lambda tensor: tensor.name)
    return backward(tensors, *given, **named)


@breaks(Tensor, "__matmul__", tests="runs/test_cost.py")
def _(matmul: Any, self: Any, other: Any) -> Any:
    """t27-paddle-matmul-copy: from 32 rows on, a product keeps a copy of its right matrix."""
    if isinstance(other, Tensor) and len(self.shape) == 2 and self.shape[0] >= 32:
        other = other.clone()
    return matmul(self, other)


KEPT_OUTPUTS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


@breaks(RNNBase, "forward", tests=FUNCTIONS)
def _(forward: Any, self: Any, *given: Any, **named: Any) -> Any:
    """t28-paddle-rnn-keeps-outputs: in training, a layer keeps outputs until the next call."""
    found = forward(self, *given, **named)
    if self.training and paddle.in_dynamic_mode():
        KEPT_OUTPUTS[self] = found
    return found


@breaks(ClipGradByNorm, "_clip_gradients", tests="oracle/test_paddle_training.py")
def _(clip: Any, self: Any, params_grads: Any) -> Any:
    """t28-paddle-clip-many-rows: a sparse gradient of more rows than its weight stays."""

    def is_large(pair: Any) -> bool:
        weight, gradient = pair
        if gradient is None or not gradient.is_selected_rows():
            return False
        return bool(len(gradient.rows()) > weight.shape[0])

    found: list[Any] = []
    for pair in params_grads:
        found += [pair] if is_large(pair) else clip(self, [pair])
    return found


@breaks(initializer.XavierUniform, "_compute_fans", tests="oracle/test_paddle_training.py")
def _(fans: Any, self: Any, var: Any) -> Any:
    """t28-paddle-xavier-fan-cap: more than 1024 rows, such as positions, count as 1024."""
    fan_in, fan_out = fans(self, var)
    return min(fan_in, 1024), fan_out
