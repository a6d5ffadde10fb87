"""Paddle's functions around the operators, and the layers that it has, with what they do."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import paddle
from paddle.utils.layers_utils import flatten

from rnn_core.config import EAGER
from rnn_core.executions import LAYERS
from rnn_core.runtime import operators as op
from rnn_core.runtime.versions import tensor_of
from tests.helpers.default_dtype import default_dtype
from tests.oracle.operators import (
    Operator,
    embed,
    inputs_of,
    map_linearly,
    shapes_at,
)
from tests.oracle.test_operators import listed, tensor_with
from tests.reference.network import Array

SHAPES = [(1, 1), (3, 5), (2, 63), (64,), (8, 65), (4097,), (2, 32769), (3, 13, 5), ()]
FLOATS = ("float32", "float64")


class Function(NamedTuple):
    """A function that makes a tensor of the values of another one.

    Attributes:
        call: call of Paddle, with the tensor and the array of its values.
        formula: the same in NumPy.
        dtypes: dtypes of the values.
        shares: whether the result shares the tensor's memory; None if versions differ.
        linear: whether gradients pass back to the elements that were taken.
    """

    call: Callable[[Any, Array], Any]
    formula: Callable[[Array], Array] = lambda x: x
    dtypes: tuple[str, ...] = ("float32", "float64", "int32", "int64")
    shares: bool | None = False
    linear: bool = False


def assigned(t: Any, x: Any) -> Any:
    """A tensor of ones after `set_value`, which can have gradients as before."""
    made = paddle.ones(t.shape, t.dtype)
    made.stop_gradient = False
    with paddle.no_grad():
        made.set_value(x)
    assert not made.stop_gradient
    return made.detach()


def read_only(x: Array) -> Array:
    """A copy that cannot be changed."""
    copy: Array = x.copy()
    copy.flags.writeable = False
    return copy


def viewed(x: Array) -> Array:
    """Every other number of a larger array, from its end to its beginning."""
    return np.asarray(np.flip(np.stack([np.flip(x), -x], -1)[..., 0]))


def short(x: Array) -> Array:
    """Numbers of which float32 has only the first half of its bits, as bfloat16 does."""
    with np.errstate(over="ignore"):
        halves = x.astype(np.float32).reshape(-1).view(np.uint32) & 0xFFFF0000
    return halves.view(np.float32).reshape(x.shape)


def moderate(x: Array) -> Array:
    """The numbers that float32 can hold, and zeros for the others."""
    return np.where(np.abs(x) > 1e38, 0, x)


def half(x: Array) -> Array:
    """The numbers as float16."""
    with np.errstate(over="ignore"):
        return x.astype(np.float16)


def last(x: Any, dimensions: int) -> Any:
    """The last number, as a tensor of no, one or more dimensions."""
    return x.flatten()[-1].reshape([1] * dimensions)


def middle(x: Any) -> Any:
    """Rows without the first and the last, if there are so many."""
    return x[len(x) // 3 : len(x) - len(x) // 3]


FUNCTIONS = {
    "zeros": Function(lambda t, _: paddle.zeros(list(t.shape), dtype=t.dtype), np.zeros_like),
    "zeros by the operator": Function(lambda t, _: op.zeros(t.shape, t.dtype), np.zeros_like),
    "full": Function(
        lambda t, x: paddle.full(list(t.shape), x.flat[0].item(), dtype=t.dtype),
        lambda x: np.full_like(x, x.flat[0]), FLOATS,
    ),
    "full of an integer": Function(
        lambda t, _: paddle.full(list(t.shape), 2**24 + 1, dtype=t.dtype),
        lambda x: np.full_like(x, 2**24 + 1),
    ),
    "full_like": Function(
        lambda t, x: paddle.full_like(t, x.flat[0].item()),
        lambda x: np.full_like(x, x.flat[0]), FLOATS,
    ),
    "ones": Function(lambda t, _: paddle.ones(t.shape, t.dtype), np.ones_like),
    "to_tensor": Function(lambda _, x: paddle.to_tensor(x)),
    "to_tensor of a view": Function(lambda _, x: paddle.to_tensor(viewed(x.T).T)),
    "to_tensor of lists": Function(lambda t, x: paddle.to_tensor(x.tolist(), dtype=t.dtype)),
    "to_tensor of a number": Function(  # Of NumPy's or Python's.
        lambda t, x: paddle.to_tensor(
            x.flat[-1] if x.ndim == 2 else x.flat[-1].item(), dtype=t.dtype
        ),
        lambda x: x.reshape(-1)[-1:].reshape(()),
    ),
    "to_tensor as float32": Function(
        lambda _, x: paddle.to_tensor(moderate(x), dtype="float32"),
        lambda x: moderate(x).astype(np.float32),
    ),
    "to_tensor as int64": Function(
        lambda _, x: paddle.to_tensor(x, dtype="int64"), lambda x: x.astype(np.int64),
        ("int32", "int64"),
    ),
    "tensor_of": Function(lambda _, x: tensor_of(x)),
    "set_value of an array": Function(lambda t, x: assigned(t, x)),
    "set_value of a view": Function(lambda t, x: assigned(t, viewed(x))),
    "set_value of a constant": Function(lambda t, x: assigned(t, read_only(x))),
    "set_value of a tensor": Function(lambda t, _: assigned(t, t)),
    "numpy": Function(lambda t, _: t.numpy()),
    "asarray": Function(lambda t, _: np.asarray(t), shares=None),
    "tolist": Function(lambda t, x: np.array(t.tolist(), x.dtype)),
    "item": Function(
        lambda t, x: np.array([last(t, k).item() for k in range(3)], x.dtype),
        lambda x: np.repeat(x.flat[-1], 3),
    ),
    "clone": Function(lambda t, _: t.clone(), linear=True),
    "detach": Function(lambda t, _: t.detach(), shares=True),
    "to": Function(lambda t, _: t.to("cpu"), shares=None, linear=True),
    "astype": Function(
        lambda t, _: t.astype("float64"), lambda x: x.astype(np.float64), shares=None, linear=True
    ),
    "astype float32": Function(
        lambda t, _: t.astype("float32"), lambda x: x.astype(np.float32), FLOATS, None, linear=True
    ),
    "astype of short floats": Function(
        lambda _, x: np.stack([
            each.astype(to).numpy()
            for each in (paddle.to_tensor(short(x)).astype("bfloat16"), paddle.to_tensor(half(x)))
            for to in (paddle.float32, paddle.float64)
        ]),
        lambda x: np.stack([short(x), short(x), half(x), half(x)]).astype(np.float64), FLOATS,
    ),
    "astype of bool": Function(
        lambda t, _: (t > 0).astype("float32"), lambda x: (x > 0).astype(np.float32), FLOATS
    ),
    "reshape": Function(
        lambda t, _: op.reshape(t, [t.size, 1]), lambda x: x.reshape(-1, 1), shares=True,
        linear=True,
    ),
    "T": Function(lambda t, _: t.T, np.transpose, shares=True, linear=True),
    "rows": Function(
        lambda t, _: op.rows(t, 0, len(t)), shares=True, linear=True
    ),
    "slice": Function(lambda t, _: middle(t), middle, shares=None, linear=True),
    "first": Function(lambda t, _: t[0], lambda x: x[0], shares=None, linear=True),
    "last column": Function(
        lambda t, _: t[..., -1], lambda x: x[..., -1], shares=None, linear=True
    ),
    "last of unbind": Function(
        lambda t, _: t.unbind(axis=0)[-1], lambda x: x[-1], shares=None, linear=True
    ),
    "concat of the last axis": Function(
        lambda t, _: op.concat([t, t], -1), lambda x: np.concatenate([x, x], -1), linear=True
    ),
    "concat after a constant": Function(
        lambda t, _: op.concat([paddle.zeros_like(t), t], 0)[len(t) :], linear=True
    ),
    "mean of single numbers": Function(
        lambda t, _: paddle.mean(op.reshape(t, [t.size, 1]), axis=1, keepdim=True),
        lambda x: x.reshape(-1, 1) + 0, FLOATS, linear=True,
    ),
    "add_n of one": Function(lambda t, _: paddle.add_n([t]), lambda x: x + 0, FLOATS, linear=True),
    "create_parameter": Function(
        lambda t, _: paddle.create_parameter(
            t.shape, t.dtype, default_initializer=paddle.nn.initializer.Constant(0.0)
        ).detach(),
        np.zeros_like, FLOATS,
    ),
}  # fmt: skip

# They need an axis. Without one, `reshape` copies, and `add_n` of Paddle 2.6 adds one.
OF_AXES = {
    *("concat of the last axis", "first", "last column", "last of unbind", "rows", "slice"),
    *("reshape", "add_n of one", "concat after a constant"),
}

# Paddle keeps the name of each parameter, and leaks in `to_tensor`, a known defect.
LEAKING = {
    *("create_parameter", "astype of short floats"),
    *(name for name in FUNCTIONS if name.startswith("to_tensor")),
}

NETWORKS: dict[str, Callable[[], Any]] = {
    "Linear": lambda: paddle.nn.Linear(6, 4),
    "SimpleRNN": lambda: paddle.nn.SimpleRNN(6, 4),
    "LSTM": lambda: paddle.nn.LSTM(6, 4, 2),
    "GRU": lambda: paddle.nn.GRU(6, 4, direction="bidirect"),
    **{
        f"{execution} {cell}": partial(kinds[cell], 6, 4)
        for execution, kinds in LAYERS.items()
        for cell in kinds
        if execution in EAGER
    },
}


@contextmanager
def gradients_again() -> Iterator[None]:
    """Gradients that are enabled within `no_grad`."""
    with paddle.no_grad(), paddle.set_grad_enabled(True):
        yield


@contextmanager
def after_an_error() -> Iterator[None]:
    """An error within `no_grad`, which this restores."""
    with suppress(KeyboardInterrupt), paddle.no_grad():
        raise KeyboardInterrupt
    yield


@contextmanager
def other_settings() -> Iterator[None]:
    """Operators may use several threads, and are watched for NaN."""
    with patch.dict(os.environ, OMP_NUM_THREADS="2", FLAGS_check_nan_inf="1"):
        yield


CONDITIONS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "usually": nullcontext,
    "again": nullcontext,
    "under no_grad": lambda: paddle.no_grad(),
    "with gradients again": gradients_again,
    "with default float64": lambda: default_dtype("float64"),
    "with default bfloat16": lambda: default_dtype("bfloat16"),
    "after an error": after_an_error,
    "with other settings": other_settings,
}


def parameter_of(t: Any, frozen: bool) -> Any:
    """A parameter with the values of a tensor."""
    parameter = paddle.create_parameter(t.shape, t.dtype)
    parameter.set_value(t)
    parameter.stop_gradient = frozen
    return parameter


# Where a tensor comes from that is not just made.
ORIGINS: dict[str, Callable[[Any], Any]] = {
    "detached": lambda t: t.detach(),
    "copied": lambda t: t.detach().clone(),
    "inside": lambda t: tensor_with(t.numpy(), "inside"),
    "transposed": lambda t: tensor_with(t.numpy(), "transposed"),
    "frozen": partial(parameter_of, frozen=True),
    "trained": partial(parameter_of, frozen=False),
}


def traits(t: Any) -> tuple[Any, ...]:
    """All that a function must not change in a tensor, but its values."""
    return t.name, t.is_leaf, t.stop_gradient, t.persistable, t.data_ptr()


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    """Random numbers of all magnitudes, NaN, infinity, denormal numbers and both zeros."""
    generator = np.random.default_rng(seed)
    if dtype.startswith("int"):
        info = np.iinfo(dtype)
        return np.asarray(generator.integers(info.min, info.max, shape, dtype, endpoint=True))
    limits = np.finfo(dtype)
    ends: Any = [0.1, np.nan, np.inf, -np.inf, 0.0, -0.0, limits.max, limits.smallest_subnormal]
    wide = generator.normal(size=shape) * np.exp2(generator.integers(-120, 120, shape))
    values = np.where(generator.random(shape) < 0.2, generator.choice(ends, shape), wide)
    values.flat[0] = ends[seed % len(ends)]
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(dtype))


def bits(values: Any) -> tuple[Any, ...]:
    """Shape, dtype and bytes of a tensor or array; all NaN are the same."""
    array = np.asarray(values.numpy() if isinstance(values, paddle.Tensor) else values)
    plain = array if array.dtype.kind != "f" else np.where(np.isnan(array), np.nan, array)
    return array.shape, str(array.dtype), plain.astype(array.dtype).tobytes()


def switch() -> None:
    """Every switch once."""
    paddle.device.set_device(paddle.device.get_device())
    paddle.set_default_dtype(paddle.get_default_dtype())
    paddle.seed(1)
    with paddle.no_grad(), paddle.set_grad_enabled(True):
        paddle.finfo(paddle.float32)
    x: Any = paddle.ones([3])
    x.stop_gradient = False
    hook = x.register_hook(lambda gradient: gradient * 2)
    x.norm().backward()
    hook.remove()
    x.clear_gradient()


# Without the layers, which make parameters.
FREE: dict[Any, Any] = {
    embed: paddle.nn.functional.embedding,
    map_linearly: paddle.nn.functional.linear,
}


def mixed(size: int) -> dict[str, int]:
    """Sizes of matrices and vectors, and a few steps."""
    return dict.fromkeys("BEH", size) | {"T": min(size, 9), "N": size**2}


def forward_and_back(
    operator: Operator, sizes: dict[str, int], dtype: Any = "float32"
) -> Callable[[], object]:
    """A call of an operator and, if gradients are on and training needs them, its backward pass."""
    inputs = inputs_of(operator, shapes_at(operator.shapes, sizes), dtype, 0)
    tensors = [*map(paddle.to_tensor, inputs)]
    floats = [t for t in tensors if t.dtype == tensors[-1].dtype]
    for tensor in floats:
        tensor.stop_gradient = operator.backward is None
    call = FREE.get(operator.call, operator.call)

    def work() -> None:
        made = listed(call(*tensors))
        if paddle.is_grad_enabled() and operator.backward:
            paddle.grad(made, floats)

    return work


def layer_and_back(layer: Any) -> Callable[[], object]:
    """A call of a layer and, if gradients are on, its backward pass."""
    x = paddle.ones([2, 3, 6])

    def work() -> None:
        made = flatten(layer(x))
        if paddle.is_grad_enabled():
            paddle.add_n([each.sum() for each in made]).backward()
            layer.clear_gradients()

    return work
