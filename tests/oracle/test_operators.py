"""Every operator that training calls agrees with NumPy, at every size and magnitude."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import Batch, NumericPrediction
from rnn_core.config import CELLS, CLIPS, DTYPES, EAGER, DType
from rnn_core.evaluation import evaluate
from rnn_core.gradients import make_clip
from rnn_core.runtime import operators as op
from rnn_core.step import TrainingStep
from tests.helpers.float64_products import skip_where_products_crash
from tests.helpers.operator_count import operators_of
from tests.helpers.parametrize import over_dtypes
from tests.oracle.operators import (
    FEW,
    LONG,
    LONGER,
    MAGNITUDES,
    MANY,
    OPERATORS,
    Formula,
    Operator,
    cases,
    inputs_of,
    shapes_at,
)
from tests.reference.network import Array

LAYOUTS = ["transposed", "every other"]
over_operators = pytest.mark.parametrize("name", OPERATORS)
over_sums = pytest.mark.parametrize("name", [n for n, o in OPERATORS.items() if o.domain is None])
over_differentiable = pytest.mark.parametrize(
    "name", [n for n, o in OPERATORS.items() if o.domain is None or o.backward]
)


@pytest.mark.parametrize(
    ("sizes", "long"),
    [
        pytest.param(FEW, LONG, id="few"),
        pytest.param(MANY, LONGER, id="many", marks=pytest.mark.slow),
    ],
)
@over_dtypes
@over_operators
def test_operator_agrees_at_every_size(
    name: str, dtype: DType, sizes: Sequence[int], long: Sequence[int]
) -> None:
    """Results and gradients agree; the numbers of elementwise operators have all magnitudes."""
    operator = operator_for(name, dtype)

    errors = [
        error
        for shapes in cases(operator.shapes, sizes, long)
        for error in errors_of(operator, inputs_of(operator, shapes, dtype, len(sizes)))
    ]

    assert errors == []


@over_dtypes
@over_operators
def test_operator_agrees_on_views(name: str, dtype: DType) -> None:
    """Inputs need not be contiguous."""
    operator = operator_for(name, dtype)

    errors = [
        error
        for layout, size in [*product(LAYOUTS, [1, 8, 33, 65]), ("inside", 33)]
        for shapes in [shapes_at(operator.shapes, dict.fromkeys("BTEHN", size))]
        for error in errors_of(operator, inputs_of(operator, shapes, dtype, size), layout)
    ]

    assert errors == []


@over_dtypes
@over_sums
def test_operator_agrees_at_every_magnitude(name: str, dtype: DType) -> None:
    """Sums and products neither overflow nor lose digits before their result does.

    The gradients that are passed back have the same magnitude.
    """
    operator = operator_for(name, dtype)
    errors = []
    for factor, size in product(MAGNITUDES[dtype], [1, 16, 129]):
        shapes = shapes_at(operator.shapes, {"H": size, "N": size})
        inputs = [
            (x * factor).astype(dtype) if x.dtype == dtype else x
            for x in inputs_of(operator, shapes, dtype, size)
        ]
        found = errors_of(operator, inputs, passed=factor)
        errors += [f"times {factor}: {error}" for error in found]

    assert errors == []


@over_dtypes
@over_differentiable
def test_operator_passes_nan_and_infinity_on(name: str, dtype: DType) -> None:
    """One number that is not finite makes the same results and gradients not finite as in NumPy."""
    operator = operator_for(name, dtype)
    errors = []
    for value, size in product([np.nan, np.inf, -np.inf], [1, 9, 33]):
        inputs = inputs_of(operator, shapes_at(operator.shapes, {"H": size}), dtype, size)
        found = errors_of(operator, inputs, odd=value)
        if name == "matmul":  # Zero times infinity is NaN.
            inputs[0].flat[-1] = 0
        inputs[-1].flat[-1] = value
        errors += [f"with {value}: {error}" for error in found + errors_of(operator, inputs)]

    assert errors == []


def test_table_has_every_operator_of_training_and_evaluation() -> None:
    """A new operator must join the table; the recurrent one is in test_paddle_layers.py."""
    skip_where_products_crash()

    dtypes: list[Any] = list(DTYPES)

    def in_table() -> None:
        for operator, dtype in product(OPERATORS.values(), dtypes):
            if is_there(operator, dtype):
                errors_of(operator, inputs_of(operator, shapes_at(operator.shapes, {}), dtype, 0))

    def in_training() -> None:
        for model, training, batch in trainings:
            training.gradients(*batch, measure=True, whole=3)
            training.update()
            evaluate(model, [batch])

    trainings = []
    settings: Any = product(CELLS, dtypes, EAGER, CLIPS)
    for cell, dtype, execution, clip in settings:
        model = NumericPrediction(10, 4, 4, cell, dtype, execution)
        batch = Batch(paddle.ones([2, 3], dtype="int64"), paddle.ones([2, 1], dtype=dtype))
        trainings.append((model, TrainingStep(model, 0.1, make_clip(clip, 1.0)), batch))
    ours = {n for n, value in vars(op).items() if value is vars(paddle._C_ops).get(n, op)}

    called = ours - {"__builtins__"} | set(operators_of(in_training))

    assert called - {"rnn", "rnn_grad"} <= set(operators_of(in_table))


def is_there(operator: Operator, dtype: str) -> bool:
    """Whether Paddle has the operator in this precision."""
    clipping = OPERATORS["clip_by_norm"], OPERATORS["clip_by_norm of a vector"]
    return operator not in clipping or dtype == "float32"


def operator_for(name: str, dtype: DType) -> Operator:
    """The operator of this name; skip the test if Paddle does not have it."""
    if not is_there(OPERATORS[name], dtype):
        pytest.skip(f"Paddle has no {name} in {dtype}")
    if name.startswith(("matmul", "linear")):
        skip_where_products_crash(dtype)
    return OPERATORS[name]


def errors_of(
    operator: Operator,
    inputs: list[Array],
    layout: str = "contiguous",
    odd: float | None = None,
    passed: float = 1.0,
) -> list[str]:
    """Compare results and gradients with NumPy; one line for each array that differs.

    Args:
        operator: operator.
        inputs: its inputs.
        layout: layout of these; with "transposed", the gradients that are passed back are views.
        odd: one number of each of the latter.
        passed: factor of these.
    """
    tensors = [tensor_with(x, layout) for x in inputs]
    dtype = inputs[-1].dtype
    limits = operator.limits[:2] if dtype == np.float32 else operator.limits[2:]
    where = " ".join([*(str(list(x.shape)) for x in inputs), layout])
    floats = [t for t in tensors if t.dtype == tensors[-1].dtype]
    free: list[Any] = []  # What large inputs without gradients make.
    if operator.backward and max((0, *inputs[0].shape, *inputs[-1].shape)) > 128:
        with paddle.no_grad():
            free = listed(operator.call(*tensors))
    for tensor in floats if operator.backward else []:
        tensor.stop_gradient = False
    results = listed(operator.call(*tensors))
    errors = differences(results, inputs, operator.formula, operator.scale, limits[0], where)
    errors += [
        f"without gradients: {where}"
        for one, other in zip(free, results, strict=False)
        if not np.array_equal(one.numpy(), other.numpy(), equal_nan=True)
    ]
    if operator.backward is None:
        return errors
    # Powers of two, so that the gradients of elementwise operators are exact too.
    generator = np.random.default_rng(1)
    powers = [-2, -0.5, 1, 4, *([2.0**-70, 2.0**70] if operator.domain else [])]
    ds = [
        (passed * generator.choice(powers, size=result.shape)).astype(dtype) for result in results
    ]
    for d in ds:
        if odd is not None:
            d.flat[-1] = odd
        elif operator.domain is not None and d.size > 2:
            d.flat[d.size // 2] = np.nan
    if layout == "transposed":  # A transposition passes a view back.
        results = [result.T for result in results]
    given = [tensor_with(d.T if layout == "transposed" else d, "contiguous") for d in ds]
    gradients = paddle.grad(results, floats, given)
    arguments, where = [*ds, *inputs], f"gradient at {where}"
    return errors + differences(
        gradients, arguments, operator.backward, operator.gradient_scale, limits[1], where
    )


def differences(
    actual: Sequence[Any],
    arguments: Sequence[Array],
    formula: Formula,
    scale: Formula | None,
    limit: float,
    where: str,
) -> list[str]:
    """One line for each array that is off by more than `limit` ulp of its scale."""
    dtype = arguments[-1].dtype
    # NumPy in the same precision, or in twice the precision, or almost.
    wide: Any = dtype if limit == 0 else np.float64 if dtype == np.float32 else np.longdouble
    lines = []
    with np.errstate(all="ignore"):
        widened = [x.astype(wide) if x.dtype == dtype else x for x in arguments]
        expected = listed(formula(*widened))
        scales = expected if scale is None else listed(scale(*widened))
        for e, size, tensor in zip(expected, scales, actual, strict=True):
            a = tensor.numpy()
            assert (a.shape, a.dtype) == (e.shape, dtype)
            rounded = e.astype(dtype)
            if a.tobytes() == rounded.tobytes():
                continue
            same = (a == rounded) & (np.signbit(a) == np.signbit(rounded))
            same |= np.isnan(a) & np.isnan(rounded)
            if limit > 0:
                unit = np.spacing(np.abs(size).astype(dtype))
                # Below the smallest normal number, a result may be zero.
                allowed = np.fmax(limit * unit.astype(wide), np.finfo(dtype).tiny)
                error = np.abs(a - e)
                same |= np.isfinite(rounded) & (error <= allowed)
            if not same.all():
                first = int(np.argmin(same))
                lines.append(
                    f"{where}: {np.sum(~same)} of {same.size} differ, the first at {first}: "
                    f"expected {rounded.flat[first]}, got {a.flat[first]}"
                )
    return lines


def listed(values: Any) -> list[Any]:
    """One value or several, as a list."""
    return list(values) if isinstance(values, list | tuple) else [values]


def tensor_with(values: Array, layout: str) -> Any:
    """A tensor of these values: contiguous, or a view of another tensor."""
    if layout == "transposed":
        return paddle.to_tensor(np.ascontiguousarray(values.T)).transpose(range(values.ndim)[::-1])
    if layout == "every other":
        return paddle.to_tensor(np.stack([values, -values], axis=-1))[..., 0]
    if layout == "inside":  # Contiguous, but it begins inside the memory of another tensor.
        whole = paddle.to_tensor(np.stack([-values, values, -values]))
        return op.reshape(op.rows(whole, 1, 2), list(values.shape))
    return paddle.to_tensor(values)
