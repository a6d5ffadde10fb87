"""Faults in Paddle itself, such as a new release might contain."""

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from tests.faults.fault import Fault

FAULTS: list[Fault] = []


def in_paddle(name: str, stands_for: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Add the decorated function to the catalogue."""

    def add(function: Callable[[], None]) -> Callable[[], None]:
        FAULTS.append(Fault(name, stands_for, break_paddle=function))
        return function

    return add


def wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace `owner.name` by `wrapper`, which gets the original as its first argument."""
    original = getattr(owner, name)

    def replaced(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(owner, name, replaced)


def gradient_scaled(output: Any, factor: float) -> Any:
    """The same values, with gradients scaled by `factor`."""
    return output * factor + (output - output * factor).detach()


@in_paddle("paddle-tanh-off", "an approximation of tanh that is off by 1e-4")
def _() -> None:
    wrap(F, "tanh", lambda tanh, x: tanh(x) * (1 + 1e-4))


@in_paddle("paddle-sigmoid-off", "an approximation of sigmoid that is off by 1e-4")
def _() -> None:
    wrap(F, "sigmoid", lambda sigmoid, x: sigmoid(x) * (1 + 1e-4))


@in_paddle("paddle-tanh-gradient-off", "a gradient of tanh that is off by 1e-4")
def _() -> None:
    wrap(F, "tanh", lambda tanh, x: gradient_scaled(tanh(x), 1 + 1e-4))


@in_paddle("paddle-sigmoid-gradient-off", "a gradient of sigmoid that is off by 1e-4")
def _() -> None:
    wrap(F, "sigmoid", lambda sigmoid, x: gradient_scaled(sigmoid(x), 1 + 1e-4))


@in_paddle("paddle-tanh-saturates-early", "tanh is 1 above 4")
def _() -> None:
    wrap(F, "tanh", lambda tanh, x: tanh(paddle.where(x.abs() > 4, x * 1e6, x)))


@in_paddle("paddle-matmul-bfloat16", "matmul multiplies in bfloat16 by default")
def _() -> None:
    def rounded(matmul: Any, x: Any, y: Any) -> Any:
        kept = x.dtype
        return matmul(x.astype("bfloat16").astype(kept), y.astype("bfloat16").astype(kept))

    wrap(paddle.Tensor, "__matmul__", rounded)


@in_paddle("paddle-matmul-tf32", "matmul multiplies in TF32 by default")
def _() -> None:
    def rounded(x: Any) -> Any:
        # Dekker's splitting leaves eleven bits of the significand; the gradient is unchanged.
        big = x * (2.0**13 + 1)
        return x + ((big - (big - x)) - x).detach()

    wrap(paddle.Tensor, "__matmul__", lambda matmul, x, y: matmul(rounded(x), rounded(y)))


@in_paddle("paddle-float64-is-float32", "float64 is computed in float32")
def _() -> None:
    wrap(F, "tanh", lambda tanh, x: tanh(x.astype("float32")).astype(x.dtype))


@in_paddle("paddle-tanh-not-reproducible", "a reduction in a different order every time")
def _() -> None:
    noise = np.random.default_rng()
    wrap(F, "tanh", lambda tanh, x: tanh(x) * float(1 + noise.choice([-1, 1]) * 2e-7))


@in_paddle("paddle-clip-by-norm-does-nothing", "ClipGradByNorm returns gradients unchanged")
def _() -> None:
    wrap(paddle.nn.ClipGradByNorm, "_dygraph_clip", lambda _clip, _self, pairs: pairs)


@in_paddle("paddle-clip-by-norm-is-global", "ClipGradByNorm clips all gradients together")
def _() -> None:
    def together(_: Any, self: Any, pairs: Any) -> Any:
        return paddle.nn.ClipGradByGlobalNorm(self.clip_norm)(pairs)

    wrap(paddle.nn.ClipGradByNorm, "_dygraph_clip", together)


@in_paddle(
    "paddle-clip-by-global-norm-is-not", "ClipGradByGlobalNorm clips each gradient separately"
)
def _() -> None:
    def alone(_: Any, self: Any, pairs: Any) -> Any:
        return [(p, g * (self.clip_norm / g.norm().clip(min=self.clip_norm))) for p, g in pairs]

    wrap(paddle.nn.ClipGradByGlobalNorm, "_dygraph_clip", alone)


@in_paddle("paddle-clip-by-norm-1%-off", "an epsilon added to the norm")
def _() -> None:
    def loose(clip: Any, self: Any, pairs: Any) -> Any:
        return [(p, g * 0.99) for p, g in clip(self, pairs)]

    wrap(paddle.nn.ClipGradByNorm, "_dygraph_clip", loose)


@in_paddle("paddle-sgd-wrong-sign", "SGD ascends on one parameter")
def _() -> None:
    def step(original: Any, self: Any) -> None:
        first = self._parameter_list[0]
        if first.grad is not None:
            first.grad = -first.grad
        original(self)

    wrap(paddle.optimizer.SGD, "step", step)


@in_paddle("paddle-sgd-rate-in-bfloat16", "the learning rate loses its last digits")
def _() -> None:
    def init(original: Any, self: Any, learning_rate: float = 0.001, *args: Any, **kw: Any) -> None:
        rounded = paddle.to_tensor(learning_rate).astype("bfloat16").astype("float32").item()
        original(self, rounded, *args, **kw)

    wrap(paddle.optimizer.SGD, "__init__", init)


@in_paddle("paddle-sgd-misses-an-update", "the first step of an optimizer is lost")
def _() -> None:
    def step(original: Any, self: Any) -> None:
        if getattr(self, "_began", False):
            original(self)
        self._began = True

    wrap(paddle.optimizer.SGD, "step", step)


@in_paddle("paddle-clear-grad-does-nothing", "gradients are not cleared")
def _() -> None:
    wrap(paddle.optimizer.SGD, "clear_grad", lambda *_: None)


@in_paddle(
    "paddle-embedding-loses-repeats",
    "a repeated token gets the gradient of its first occurrence only",
)
def _() -> None:
    def forward(original: Any, self: Any, tokens: Any) -> Any:
        output = original(self, tokens)
        seen, first = set(), np.zeros([*tokens.shape, 1], dtype=output.numpy().dtype)
        for place, token in np.ndenumerate(tokens.numpy()):
            first[place] = token not in seen
            seen.add(token)
        mask = paddle.to_tensor(first)
        return output * mask + (output * (1 - mask)).detach()

    wrap(paddle.nn.Embedding, "forward", forward)


@in_paddle("paddle-initialiser-normal", "XavierUniform draws from a normal distribution")
def _() -> None:
    setattr(paddle.nn.initializer, "XavierUniform", paddle.nn.initializer.XavierNormal)  # noqa: B010


@in_paddle("paddle-initialiser-1%-wider", "XavierUniform has a different scale")
def _() -> None:
    def call(original: Any, self: Any, parameter: Any, block: Any = None) -> Any:
        result = original(self, parameter, block)
        parameter.set_value(parameter.numpy() * np.float32(1.01))
        return result

    wrap(paddle.nn.initializer.XavierUniform, "__call__", call)


@in_paddle(
    "paddle-embedding-initialiser", "the default weights of Embedding have a different scale"
)
def _() -> None:
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.weight.set_value(self.weight.numpy() * np.float32(0.5))

    wrap(paddle.nn.Embedding, "__init__", init)


@in_paddle("paddle-seed-without-effect", "the generator is not seeded")
def _() -> None:
    wrap(paddle, "seed", lambda *_: None)


@in_paddle("paddle-loss-is-a-sum", "mse_loss sums by default")
def _() -> None:
    wrap(F, "mse_loss", lambda loss, x, y, reduction="sum": loss(x, y, reduction=reduction))


@in_paddle("paddle-loss-halved", "mse_loss halves the square")
def _() -> None:
    wrap(F, "mse_loss", lambda loss, x, y, *args: loss(x, y, *args) / 2)


@in_paddle(
    "paddle-gradients-do-not-add-up", "a second backward overwrites the gradients of the first"
)
def _() -> None:
    def backward(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        before = [(p, p.grad) for p in PARAMETERS if p.grad is not None]
        for parameter, _ in before:
            parameter.clear_gradient(False)
        original(self, *args, **kwargs)
        for parameter, gradient in before:
            if parameter.grad is None:  # This backward pass did not reach it.
                parameter.grad = gradient

    wrap(paddle.Tensor, "backward", backward)
    wrap(paddle.nn.Layer, "__setattr__", remember)


PARAMETERS: list[Any] = []


def remember(original: Any, self: Any, name: str, value: Any) -> None:
    """Collect every parameter that is assigned to a layer."""
    if isinstance(value, paddle.base.framework.EagerParamBase):
        PARAMETERS.append(value)
    original(self, name, value)


@in_paddle("paddle-linear-without-bias", "Linear ignores its bias, which starts at zero")
def _() -> None:
    wrap(paddle.nn.Linear, "forward", lambda _, self, x: F.linear(x, self.weight) + 0 * self.bias)


@in_paddle(
    "paddle-kernel-two-layers", "the CPU kernel's gradients are wrong for two layers (37080)"
)
def _() -> None:
    def forward(original: Any, self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        output, state = original(self, inputs, *args, **kwargs)
        return (gradient_scaled(output, 1.01) if self.num_layers == 2 else output), state

    wrap(paddle.nn.layer.rnn.RNNBase, "forward", forward)


@in_paddle(
    "paddle-kernel-reverse", "the outputs of the reverse direction are not put back in order"
)
def _() -> None:
    def forward(original: Any, self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        output, state = original(self, inputs, *args, **kwargs)
        if self.num_directions == 2:
            ahead, back = output.chunk(2, axis=-1)
            output = paddle.concat([ahead, back.flip([0 if self.time_major else 1])], axis=-1)
        return output, state

    wrap(paddle.nn.layer.rnn.RNNBase, "forward", forward)


@in_paddle("paddle-kernel-final-state", "the LSTM kernel returns its two states swapped")
def _() -> None:
    def forward(original: Any, self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        output, state = original(self, inputs, *args, **kwargs)
        return output, (state[::-1] if isinstance(state, tuple | list) else state)

    wrap(paddle.nn.layer.rnn.RNNBase, "forward", forward)


# The operators that `rnn_core.runtime.operators` looks up later, when it is imported.


@in_paddle("paddle-op-sgd-wrong-sign", "the update ascends on matrices of one row")
def _() -> None:
    def update(sgd: Any, parameter: Any, rate: Any, gradient: Any, *args: Any) -> Any:
        return sgd(parameter, rate, -gradient if parameter.shape[0] == 1 else gradient, *args)

    wrap(paddle._C_ops, "sgd_", update)


@in_paddle("paddle-op-sgd-misses-an-update", "the first update is lost")
def _() -> None:
    begun: set[str] = set()

    def update(sgd: Any, parameter: Any, *args: Any) -> None:
        if parameter.name in begun:
            sgd(parameter, *args)
        begun.add(parameter.name)

    wrap(paddle._C_ops, "sgd_", update)


@in_paddle("paddle-op-sgd-rate-in-bfloat16", "the learning rate loses its last digits")
def _() -> None:
    def update(sgd: Any, parameter: Any, rate: Any, *args: Any) -> Any:
        return sgd(parameter, rate.astype("bfloat16").astype(rate.dtype), *args)

    wrap(paddle._C_ops, "sgd_", update)


@in_paddle("paddle-op-clip-by-norm-1%-off", "an epsilon added to the norm")
def _() -> None:
    wrap(paddle._C_ops, "clip_by_norm", lambda clip, *args: clip(*args) * 0.99)


@in_paddle("paddle-op-clip-by-norm-does-nothing", "the operator returns gradients unchanged")
def _() -> None:
    wrap(paddle._C_ops, "clip_by_norm", lambda _, gradient, *__: gradient)


@in_paddle("paddle-op-squared-norm-off", "a sum of squares that is too large by 1e-3")
def _() -> None:
    wrap(paddle._C_ops, "squared_l2_norm", lambda squared, x: squared(x) * (1 + 1e-3))


@in_paddle("paddle-op-maximum-is-minimum", "maximum returns the smaller number")
def _() -> None:
    setattr(paddle._C_ops, "maximum", paddle._C_ops.minimum)  # noqa: B010


@in_paddle("paddle-op-rnn-gradient-off", "a gradient of the recurrent operator that is off by 1e-4")
def _() -> None:
    def run(rnn: Any, *args: Any) -> Any:
        output, dropout, states = rnn(*args)
        return output, dropout, [gradient_scaled(state, 1 + 1e-4) for state in states]

    wrap(paddle._C_ops, "rnn", run)


@in_paddle("paddle-op-rnn-states-swapped", "the recurrent operator returns its two states swapped")
def _() -> None:
    def run(rnn: Any, *args: Any) -> Any:
        output, dropout, states = rnn(*args)
        return output, dropout, list(states)[::-1]

    wrap(paddle._C_ops, "rnn", run)


@in_paddle(
    "paddle-op-rnn-other-gates", "the recurrent operator reads its gates in a different order"
)
def _() -> None:
    def run(rnn: Any, inputs: Any, states: Any, weights: Any, *args: Any) -> Any:
        if len(states) == 2:
            i, f, a, o = weights[1].chunk(4)
            weights = [weights[0], paddle.concat([f, i, a, o]), *weights[2:]]
        return rnn(inputs, states, weights, *args)

    wrap(paddle._C_ops, "rnn", run)


@in_paddle("paddle-op-tanh-in-place-off", "tanh in place is off by 1e-4")
def _() -> None:
    wrap(paddle._C_ops, "tanh_", lambda tanh, x: tanh(x) * (1 + 1e-4))


@in_paddle("paddle-op-sigmoid-in-place-off", "sigmoid in place is off by 1e-4")
def _() -> None:
    wrap(paddle._C_ops, "sigmoid_", lambda sigmoid, x: sigmoid(x) * (1 + 1e-4))


@in_paddle("paddle-op-unbind-reversed", "unbind returns its slices in reverse order")
def _() -> None:
    wrap(paddle._C_ops, "unbind", lambda unbind, *args: unbind(*args)[::-1])


@in_paddle("paddle-op-stack-reversed", "stack takes its tensors in reverse order")
def _() -> None:
    wrap(paddle._C_ops, "stack", lambda stack, tensors, axis: stack(tensors[::-1], axis))


@in_paddle("paddle-op-concat-reversed", "concat takes its tensors in reverse order")
def _() -> None:
    wrap(paddle._C_ops, "concat", lambda concat, tensors, axis: concat(tensors[::-1], axis))


@in_paddle("paddle-op-split-reversed", "split returns its parts in reverse order")
def _() -> None:
    wrap(paddle._C_ops, "split_with_num", lambda split, *args: split(*args)[::-1])


@in_paddle("paddle-op-matmul-not-transposed", "matmul does not transpose square matrices")
def _() -> None:
    def multiply(matmul: Any, x: Any, y: Any, first: bool = False, second: bool = False) -> Any:
        return matmul(x, y, first, second and y.shape[-1] != y.shape[-2])

    wrap(paddle._C_ops, "matmul", multiply)


@in_paddle("paddle-clear-gradient-does-nothing", "a parameter's gradient is not cleared")
def _() -> None:
    wrap(paddle.Tensor, "clear_gradient", lambda *_: None)
