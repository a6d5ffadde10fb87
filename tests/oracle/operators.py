"""Table of the operators that training calls: Paddle's call, NumPy's formula, and the cases.

Shapes are written in letters, each with a default size: B, T, E and H as everywhere, N for the
length of a vector, V for the rows of an embedding, 1 for itself. A case sets one letter to one of
its sizes.
"""

# ruff: noqa: ARG001, ARG005 - a derivative takes all inputs, whether it depends on them or not.
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F

from rnn_core.config import DType
from rnn_core.runtime import operators as op
from rnn_core.runtime.versions import tensor_of
from tests.reference.network import Array

Formula = Callable[..., Any]
Shapes = list[tuple[int, ...]]
Domain = Callable[[Any], tuple[float, float]]

DEFAULT = {"B": 3, "T": 4, "E": 5, "H": 6, "N": 7, "V": 5, "1": 1}
# Around the widths of vector registers, and of the blocks of matrix products and of loops.
FEW = [1, 2, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 127, 129, 512, 2053]
MANY = [*range(1, 131), *range(255, 260), 511, 512, 513, 640, 1023, 1024, 1025]
# Lengths of vectors, and of what is sliced.
LONG = [4097, 2**18 + 5]
LONGER = [4095, 4096, 32767, 32768, 65535, 65536, 2**20 - 1, 2**20, 2**20 + 1]
# Rows of an embedding.
LARGEST_TABLES = [4097, 70001]
# Of sequences of one step.
LARGEST_BATCH = 65644
# Of elementwise operators, whose other inputs are vectors.
MATRICES: Shapes = [(), (129, 7), (2053, 3), (1, 513), (65, 1024)]
# Several letters at once: products of several blocks in each direction, and benchmarked sizes.
TOGETHER = [
    {"B": 33, "T": 25, "E": 31, "H": 47},
    {"B": 65, "T": 17, "E": 129, "H": 127},
    {"B": 32, "T": 50, "E": 64, "H": 256},
    {"B": 1, "T": 5, "E": 513, "H": 129},  # A vector times a matrix.
    {"B": 17, "T": 1, "E": 16, "H": 65},
    {"E": 257, "H": 1024},  # Weights of more than 65536 numbers.
]
# Factors of the inputs of sums and products: denormal numbers; squares that are denormal and near
# the ends of the range. What clipping does beyond it is in test_gradient_properties.py.
MAGNITUDES: dict[DType, list[float]] = {
    "float32": [1e-40, 1e-22, 1e-18, 1e10, 1e17],
    "float64": [1e-310, 1e-160, 1e-150, 1e20, 1e150],
}


class Operator(NamedTuple):
    """One operator.

    Errors are measured in units in the last place (ulp) of a scale, which is at least the smallest
    normal number.

    Attributes:
        shapes: shape of each input.
        call: call of Paddle; takes tensors and returns one or several.
        formula: the same in NumPy.
        backward: derivatives by the inputs, from those of the results and the inputs; None if
            training does not differentiate the operator.
        limits: largest errors in float32, of the results and of the gradients, and then in float64.
            0 demands the result of NumPy in the same precision.
        scale: scale of the results, from the inputs; None stands for the results themselves.
        gradient_scale: likewise for the gradients, from the arguments of `backward`.
        domain: smallest and largest magnitude of the inputs of an elementwise operator, from the
            limits of their dtype; None stands for normal random numbers.
    """

    shapes: str
    call: Formula
    formula: Formula
    backward: Formula | None = None
    limits: tuple[float, float, float, float] = (0, 0, 0, 0)
    scale: Formula | None = None
    gradient_scale: Formula | None = None
    domain: Domain | None = None


def absolute(formula: Formula) -> Formula:
    """The formula of the magnitudes of its arguments: the sum of |a| |b| for a sum of a b."""
    return lambda *inputs: formula(*(np.abs(x) if x.dtype.kind == "f" else x for x in inputs))


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), accurate where it is tiny."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-z)))


def like_first(d: Array, *_: Array) -> tuple[Array]:
    """The scale of a gradient that is a share of `d`."""
    return (np.abs(d),)


def embed_back(d: Array, tokens: Array, weight: Array) -> tuple[Array]:
    """Gradient of an embedding: rows of `d`, added up by token."""
    gradient = np.zeros_like(weight)
    np.add.at(gradient, tokens.ravel(), d.reshape(-1, d.shape[-1]))
    return (gradient,)


def limit_of(g: Any) -> float:
    """A limit of clipping, which depends on the gradient's size."""
    return (3.0, 2e-6, 7e6)[g.size % 3]


def clip(g: Array) -> Array:
    """g * limit / max(||g||, limit)."""
    limit = limit_of(g)
    return np.asarray(g * (limit / max(np.sqrt(np.sum(g * g)), limit)))


def sgd(rates: Sequence[float], domain: Domain) -> Operator:
    """Updates at learning rates that depend on the parameter's size."""

    def rate_of(parameter: Any) -> float:
        return float(np.float32(rates[parameter.size % len(rates)]))

    def update(parameter: Any, gradient: Any) -> Any:
        copy, rate = parameter.clone(), paddle.full([], rate_of(parameter), parameter.dtype)
        op.sgd_(copy, rate, gradient, None, False)
        return copy

    return Operator(
        "N N",
        update,
        lambda p, g: p - rate_of(p) * g,
        limits=(1.5, 0, 1.5, 0),
        scale=lambda p, g: np.abs(p) + np.abs(rate_of(p) * g),
        domain=domain,
    )


def with_weights(layer: Any, *weights: Any) -> Any:
    """The layer with other tensors as its parameters, to which gradients flow."""
    for name, weight in zip(dict(layer.named_parameters()), weights, strict=True):
        del layer._parameters[name]
        object.__setattr__(layer, name, weight)
    return layer


def embed(tokens: Any, weight: Any) -> Any:
    """The model's embedding."""
    return with_weights(paddle.nn.Embedding(*weight.shape), weight)(tokens)


def map_linearly(x: Any, w: Any, b: Any) -> Any:
    """The model's last layer."""
    return with_weights(paddle.nn.Linear(*w.shape), w, b)(x)


def matmul_back(d: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Gradients of a matrix product."""
    return d @ b.T, a.T @ d


def linear_back(d: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    """Gradients of x w + b."""
    return d @ w.T, x.T @ d, d.sum(axis=0)


def mse_back(d: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Gradients of the mean of (a - b)^2."""
    gradient = d * 2 * (a - b) / a.size
    return gradient, -gradient


def sum_back(d: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Gradients of a sum whose second input is added to every row."""
    return d, d.sum(axis=0, keepdims=True)


def linear(x: Array, w: Array, b: Array) -> Array:
    """A matrix product and a bias."""
    return np.asarray(x @ w + b)


def tanh_back(d: Array, x: Array) -> tuple[Array]:
    """Gradient of tanh."""
    return (d / np.cosh(x) ** 2,)


def whole(info: Any) -> tuple[float, float]:
    """Denormal numbers and infinity, too."""
    return float(info.tiny) / 2**20, np.inf


def normal(info: Any) -> tuple[float, float]:
    """Neither denormal numbers nor infinity."""
    return float(info.tiny), float(info.max) / 3


# The limits are about twice the largest errors, which stand above them as "Measured": with Paddle
# 2.6.2, 3.0.0 and 3.3.1 on an AMD EPYC, MKL_CBWR unset, COMPATIBLE and AVX2; and with Paddle 3.3.1
# on an Intel Xeon with AVX-512.
OPERATORS: dict[str, Operator] = {
    # Measured: 5.6, 5.6, 2.1, 1.4
    "tanh": Operator(
        "N", F.tanh, np.tanh, tanh_back,
        (10, 10, 3.5, 3.5), None, like_first, whole,
    ),
    # Measured: 0.05, 0.08, 1.3, 0.25
    "tanh near 0": Operator(
        "N", F.tanh, np.tanh, tanh_back,
        (1, 1, 2.5, 1), None, like_first, lambda info: (whole(info)[0], 1e-4),
    ),
    # Measured: 2.9, 0.75, 2.2, 0.75
    "sigmoid": Operator(
        "N", F.sigmoid, sigmoid, lambda d, x: (d * sigmoid(x) * sigmoid(-x),),
        (4.5, 2, 3.5, 2), None, like_first, whole,
    ),
    # Without the magnitudes of a known defect.
    # Measured: 3, -, -, -
    "sqrt": Operator(
        "N", lambda x: x.sqrt(), np.sqrt, limits=(4, 0, 0, 0), domain=normal
    ),
    "square": Operator("N", paddle.square, np.square, lambda d, x: (d * 2 * x,), domain=whole),
    "add": Operator("N N", lambda a, b: a + b, np.add, lambda d, a, b: (d, d), domain=whole),
    "subtract": Operator(
        "N N", lambda a, b: a - b, np.subtract, lambda d, a, b: (d, -d), domain=whole
    ),
    "multiply": Operator(
        "N N", lambda a, b: a * b, np.multiply, lambda d, a, b: (d * b, d * a), domain=whole
    ),
    # Only MKL on an Intel CPU with AVX-512 does not round correctly. Measured: 0.53, -, 0.55, -
    "divide": Operator("N N", lambda a, b: a / b, np.divide, limits=(1, 0, 1, 0), domain=whole),
    # Without NaN, another known defect.
    "maximum": Operator("N N", op.maximum, np.maximum, domain=normal),
    "scale": Operator(
        "N", lambda x: x * 0.3, lambda x: x * x.dtype.type(0.3) + 0,
        lambda d, x: (d * d.dtype.type(0.3),), domain=whole,
    ),
    # Measured: 1, -, 1, -
    "sgd_": sgd([0.3, 1e-12], whole),
    # Without gradients whose product with the rate is infinite.
    "sgd_ of tiny numbers": sgd([0.3], lambda info: (whole(info)[0], 1e-20)),
    "sgd_ at a high rate": sgd([7.7, 40.0], lambda info: (whole(info)[0], float(info.max) / 64)),
    "add_n": Operator(
        "N N N", lambda *x: paddle.add_n(list(x)), lambda a, b, c: a + b + c, domain=whole
    ),
    # Measured: 0.5, -, 0.5, -
    "add_n of many": Operator(
        "1" + 19 * " 1", lambda *x: paddle.add_n(list(x)), lambda *x: sum(x), limits=(20, 0, 20, 0),
        scale=absolute(lambda *x: sum(x)),
    ),
    # Measured: 0.5, 0, 0.5, 0
    "add to rows": Operator(
        "BH 1H", lambda a, b: a + b, np.add, sum_back,
        (1, 4, 1, 4), None, absolute(sum_back),
    ),
    "multiply by a number": Operator("BH 1", lambda a, b: a * b, np.multiply),
    # Measured: 2.9, 3.6, 2.9, 3.4
    "matmul": Operator(
        "BE EH", lambda a, b: a @ b, np.matmul, matmul_back,
        (7, 7, 7, 7), absolute(np.matmul), absolute(matmul_back),
    ),
    # Measured: 2.5, 3.7, 2.8, 3.7
    "linear": Operator(
        "BH HE E", F.linear, linear, linear_back,
        (7, 7, 7, 7), absolute(linear), absolute(linear_back),
    ),
    # Measured: 1.9, 2.4, 2.1, 2
    "linear to a number": Operator(
        "BH H1 1", map_linearly, linear, linear_back,
        (4, 4, 4, 4), absolute(linear), absolute(linear_back),
    ),
    # Measured: -, 0, -, 0
    "embedding": Operator(
        "BT VE", embed, lambda tokens, weight: weight[tokens], embed_back,
        (0, 4, 0, 4), None, absolute(embed_back),
    ),
    # Measured: 1.1, 0.48, 2.2, 0.49
    "mean": Operator(
        "N", paddle.mean, np.mean, lambda d, x: (np.full_like(x, d / x.size),),
        (4, 1, 4, 1), absolute(np.mean),
    ),
    # Measured: 1.6, 1.9, 2.7, 1.8
    "mse_loss": Operator(
        "E1 E1", F.mse_loss, lambda a, b: ((a - b) ** 2).mean(), mse_back, (4, 4, 5, 4)
    ),
    # Measured: 1.9, -, 1.5, -
    "squared_l2_norm": Operator(
        "N", op.squared_l2_norm, lambda x: np.sum(x * x).reshape(1), limits=(4, 0, 4, 0)
    ),
    # Measured: 1.6, -, 2.1, -
    "squared_l2_norm of a matrix": Operator(
        "EH", op.squared_l2_norm, lambda x: np.sum(x * x).reshape(1), limits=(4, 0, 4, 0)
    ),
    # Measured: 2.8, -, -, -
    "clip_by_norm": Operator(
        "EH", lambda x: op.clip_by_norm(x, limit_of(x)), clip, limits=(5, 0, 5, 0)
    ),
    "clip_by_norm of a vector": Operator(
        "N", lambda x: op.clip_by_norm(x, limit_of(x)), clip, limits=(5, 0, 5, 0)
    ),
    "unbind": Operator(
        "BTE", lambda x: x.unbind(axis=1), lambda x: list(np.moveaxis(x, 1, 0)),
        lambda *d_and_x: (np.stack(d_and_x[:-1], axis=1),),
    ),
    "stack": Operator("BE BE", lambda *x: paddle.stack(list(x), axis=1), lambda *x: np.stack(x, 1)),
    "stack of many": Operator(
        "H" + 39 * " H", lambda *x: paddle.stack(list(x), axis=1), lambda *x: np.stack(x, 1)
    ),
    "concat": Operator(
        "E H" + 38 * " 1", lambda *x: op.concat(list(x), 0), lambda *x: np.concatenate(x)
    ),
    "reshape": Operator(
        "BH", lambda x: op.reshape(x, [1, *x.shape]), lambda x: x[np.newaxis], lambda d, x: (d[0],)
    ),
    "transpose": Operator(
        "BTE", lambda x: op.transpose(x, [1, 0, 2]), lambda x: x.transpose(1, 0, 2),
        lambda d, x: (d.transpose(1, 0, 2),),
    ),
    "transpose in a cycle": Operator(
        "BTE", lambda x: op.transpose(x, [1, 2, 0]), lambda x: x.transpose(1, 2, 0),
        lambda d, x: (d.transpose(2, 0, 1),),
    ),
    "slice": Operator(
        "VE", lambda x: op.rows(x, x.shape[0] // 2, x.shape[0]), lambda x: x[len(x) // 2 :]
    ),
    "full": Operator("HE", lambda x: op.zeros(x.shape, x.dtype), np.zeros_like),
    "full_like": Operator("N", lambda x: paddle.full_like(x, 0.1), lambda x: np.full_like(x, 0.1)),
    "to and from NumPy": Operator("N", lambda x: tensor_of(x.numpy()), np.copy, domain=whole),
}  # fmt: skip
OPERATORS["sum"] = OPERATORS["mean"]._replace(
    call=lambda x: x.sum(), formula=np.sum, scale=absolute(np.sum),
    backward=lambda d, x: (np.full_like(x, d),),
)  # fmt: skip
# Of up to LARGEST_BATCH samples. Measured: 12, 1.9, 9, 1.8
OPERATORS["mse_loss of many"] = OPERATORS["mse_loss"]._replace(
    shapes="B1 B1", limits=(24, 4, 18, 4)
)
OPERATORS["mean by its method"] = OPERATORS["mean"]._replace(call=lambda x: x.mean())


def cases(shapes: str, sizes: Sequence[int], long: Sequence[int]) -> Iterator[Shapes]:
    """Shapes of the inputs: each letter at each size, several at once, and vectors as matrices."""
    letters = sorted(set(shapes) - {" ", "1"})
    for letter in letters:
        larger = {"N": long, "V": LARGEST_TABLES, "B": [LARGEST_BATCH]}.get(letter, [])
        for size in [*sizes, *larger]:
            yield shapes_at(shapes, ({"T": 1} if size == LARGEST_BATCH else {}) | {letter: size})
    if letters == ["N"]:
        yield from ([shape] * len(shapes.split()) for shape in MATRICES)
    if len(letters) > 1:
        for several in TOGETHER:
            yield shapes_at(shapes, several)


def shapes_at(shapes: str, change: dict[str, int]) -> Shapes:
    """Shapes of the inputs with the default sizes, except for some letters."""
    sizes = DEFAULT | change
    return [tuple(sizes[letter] for letter in shape) for shape in shapes.split()]


def numbers(
    generator: np.random.Generator, count: int, dtype: DType, domain: Domain | None
) -> Array:
    """Random numbers; of a domain, all magnitudes and both signs, with zeros and its ends.

    A domain without an upper end has infinities and NaN.
    """
    if domain is None:
        return generator.normal(size=count).astype(dtype)
    info = np.finfo(dtype)
    low, end = domain(info)
    high = min(end, float(info.max))
    wide = np.exp2(generator.uniform(np.log2(low), np.log2(high), count))
    # Where exp neither overflows nor is 1.
    usual = generator.choice([1, 10, 100, 800], count) * generator.random(count)
    values = np.where(generator.random(count) < 0.5, wide, np.clip(usual, low, high))
    ends = [0.0, low, *([np.inf, np.nan] if end == np.inf else [high])]
    values = np.where(generator.random(count) < 0.05, generator.choice(ends, count), values)
    return np.asarray(values * generator.choice([-1, 1], count)).astype(dtype)


def inputs_of(operator: Operator, shapes: Shapes, dtype: DType, seed: int) -> list[Array]:
    """Random inputs of one case."""
    generator = np.random.default_rng(seed)
    inputs = [
        # Long vectors repeat themselves, with an odd period.
        np.resize(numbers(generator, min(math.prod(shape), 33_003), dtype, operator.domain), shape)
        for shape in shapes
    ]
    if operator.call is F.mse_loss and len(inputs[0]) < 1000:  # One prediction is exact.
        inputs[0][1:2] = inputs[1][1:2]
    if operator.domain:  # The last numbers are telling, as loops may leave out a remainder.
        for k, x in enumerate(inputs):
            x.flat[-1] = min(k + 0.75, operator.domain(np.finfo(dtype))[1])
    if operator.call is embed:  # Repeated tokens, in one type or the other.
        tokens = generator.integers(0, shapes[1][0], shapes[0])
        tokens.flat[-1] = shapes[1][0] - 1
        odd = (shapes[0][0] + shapes[1][0] + (dtype == "float64")) % 2
        inputs[0] = tokens.astype("int64" if odd else "int32")
    return inputs
