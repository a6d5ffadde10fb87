"""Where stock Paddle on the CPU is wrong, refuses or crashes: one table, with a probe for each.

A probe fails where the defect exists. On the versions on which it was seen, that is expected, and a
probe that passes is a failure. On a version that was not checked, a defect that is gone shows up as
`XPASS`.
docs/measurements/paddle-defects.md describes them, and behaviour that is undefined and so has no
probe.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from benchmarks.runner import run
from rnn_core.runtime import operators as op
from rnn_core.runtime.versions import installed_paddle
from tests import ROOT
from tests.oracle.test_paddle_layers import SMALL, check_layers

CHECKED = ("2.6.2", "3.0.0", "3.3.1")
INFINITY, NAN = float("inf"), float("nan")


class Defect(NamedTuple):
    """One defect.

    Attributes:
        name: short name, also in the documentation.
        why: what is wrong.
        probe: assertion of what is right.
        versions: versions of Paddle with the defect.
    """

    name: str
    why: str
    probe: Callable[[], Any]
    versions: tuple[str, ...] = CHECKED


def equal(actual: paddle.Tensor, expected: Any) -> None:
    """Assert equality up to a few units in the last place; NaN equals NaN."""
    np.testing.assert_allclose(actual.numpy(), np.float32(expected), rtol=1e-6, atol=0)


def gradient_with_a_frozen_weight() -> None:
    """The other weights get their gradients."""
    layer = paddle.nn.SimpleRNN(2, 3)
    layer.weight_ih_l0.stop_gradient = True
    layer(paddle.ones([1, 2, 2]))[0].sum().backward()


def second_derivative() -> None:
    """A gradient can be differentiated again."""
    x = paddle.ones([1, 2, 2])
    x.stop_gradient = False
    (first,) = paddle.grad(paddle.nn.SimpleRNN(2, 3)(x)[0].sum(), x, create_graph=True)
    paddle.grad(first.sum(), x)


def relu_of_nan() -> None:
    """A state that is not a number stays so."""
    layer = paddle.nn.SimpleRNN(2, 3, activation="relu")
    equal(layer(paddle.full([1, 1, 2], NAN))[0], [[[NAN] * 3]])


def layer_without_steps() -> None:
    """A sequence without steps gives no outputs, and ends no process."""
    code = "import paddle; paddle.nn.SimpleRNN(2, 3)(paddle.zeros([2, 0, 2]))"
    result = run([sys.executable, "-c", code], None, ROOT, 60)
    assert not result.timed_out
    assert result.status >= 0


def column(*values: float) -> paddle.Tensor:
    """Enough float32 numbers for the vectorised part of an operator."""
    return paddle.to_tensor(np.repeat(np.array(values, "float32"), 16))


DEFECTS = [
    Defect(
        "reverse-gradient",
        "bidirectional layers with an initial state and sequences of unequal length: the gradients "
        "of weight_hh_reverse are wrong, and the GRU's of bias_reverse",
        lambda: check_layers("RNN", "float64", "bidirect", 1, SMALL, (2, 6, 1)),
    ),
    Defect("sqrt-of-infinity", "NaN in vectors", lambda: equal(column(INFINITY).sqrt(), INFINITY)),
    Defect("sqrt-of-denormal", "0 in vectors", lambda: equal(column(1e-40).sqrt(), 1e-20)),
    Defect(
        "sqrt-of-negative-denormal",
        "infinity in vectors, not NaN",
        lambda: equal(column(-1e-40).sqrt(), NAN),
    ),
    Defect(
        "sigmoid-denormal",
        "0 below -88, where the result is a denormal number",
        lambda: equal(F.sigmoid(column(-89.0)), 2.2274337e-39),
    ),
    Defect("relu-of-nan", "a recurrent layer with ReLU turns NaN into 0", relu_of_nan),
    Defect(
        "maximum-of-nan",
        "returns the second argument if the first is NaN",
        lambda: equal(op.maximum(column(NAN), column(1.0)), NAN),
        ("2.6.2", "3.0.0"),
    ),
    Defect(
        "norm-overflow",
        "infinity where the squares overflow, although the norm does not",
        lambda: equal(column(1e25).norm(), 4e25),
    ),
    Defect(
        "clip-by-norm-overflow",
        "0 where the squares overflow",
        lambda: equal(op.clip_by_norm(column(1e25), 1.0), 0.25),
    ),
    Defect(
        "clip-by-norm-float64",
        "the operator does not exist in float64",
        lambda: op.clip_by_norm(paddle.ones([2], "float64"), 1.0),
    ),
    Defect(
        "frozen-weight",
        "backward of a recurrent layer raises ValueError if one of its weights is frozen",
        gradient_with_a_frozen_weight,
    ),
    Defect("second-derivative", "recurrent layers have none", second_derivative),
]
CRASHES = [
    Defect("layer-without-steps", "SIGSEGV for a sequence without steps", layer_without_steps)
]


def over(defects: list[Defect]) -> pytest.MarkDecorator:
    """Each probe, expected to fail where the defect was seen."""
    version, params = installed_paddle(), []
    for defect in defects:
        seen = version in defect.versions
        reason = f"{defect.why}; seen on Paddle {', '.join(defect.versions)}"
        expected = pytest.mark.xfail(seen or version not in CHECKED, reason=reason, strict=seen)
        params.append(pytest.param(defect.probe, id=defect.name, marks=expected))
    return pytest.mark.parametrize("probe", params)


@over(DEFECTS)
def test_paddle_has_its_known_defects(probe: Callable[[], Any]) -> None:
    """Paddle computes what is right, or raises no error."""
    probe()


@pytest.mark.slow
@over(CRASHES)
def test_paddle_has_its_known_crashes(probe: Callable[[], Any]) -> None:
    """Paddle does not end another process."""
    probe()


def test_every_defect_is_documented() -> None:
    """The page names each of them."""
    page = (ROOT / "docs" / "measurements" / "paddle-defects.md").read_text(encoding="utf-8")

    assert [d.name for d in [*DEFECTS, *CRASHES] if f"`{d.name}`" not in page] == []
