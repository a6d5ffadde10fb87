"""Laws that hold for every correct recurrent layer, with any weights."""

from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core.config import Execution
from rnn_core.executions import LAYERS
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.weights import build_layer, to_array, to_tensor
from tests.reference.network import Array, CellName

T, SIZE = 20, 8
RADII = [0.5, 0.9, 1.0, 1.1, 1.5]
# States stay below 1e-6 * 1.5**20 = 0.0033, so tanh' = 1 - h**2 is within 1.1e-5 of 1 at each of
# the 20 steps. The rounding of float64 is much smaller.
NEAR_LINEAR = Tolerance(3e-4)


def rotation(generator: np.random.Generator) -> Array:
    """A random orthogonal matrix: its eigenvalues have magnitude 1, and it preserves norms."""
    q, _ = np.linalg.qr(generator.normal(size=(SIZE, SIZE)))
    return np.asarray(q)


@pytest.mark.parametrize("radius", RADII)
@over_executions
def test_gradient_grows_with_the_spectral_radius(radius: float, execution: Execution) -> None:
    """Near h = 0, each step back in time multiplies the gradient by the spectral radius of U.

    d_h_{t-1} = (d_h_t * tanh'(z_t)) U^T, and tanh' = 1 there. If U is a rotation times r, every
    gradient grows exactly by r (Pascanu, Mikolov and Bengio, 2013, give the upper bound).
    """
    generator = np.random.default_rng(0)
    # With W = identity, the gradient of an input is that of the sum before its tanh.
    U = radius * rotation(generator)
    parameters = {"W": np.eye(SIZE), "U": U, "b": np.zeros((1, SIZE))}
    layer = build_layer("RNN", parameters, "float64", execution)
    x = to_tensor(1e-6 * generator.normal(size=(1, T, SIZE)), "float64", differentiable=True)

    (layer(x) * to_tensor(generator.normal(size=(1, SIZE)), "float64")).sum().backward()

    norms = np.linalg.norm(to_array(x.grad)[0], axis=1)
    for t in range(T - 1, 0, -1):
        assert_close(
            {"growth": radius}, {"growth": norms[t - 1] / norms[t]}, NEAR_LINEAR, f"time step {t}"
        )


@over_executions
def test_saturation_ends_the_growth(execution: Execution) -> None:
    """Far from h = 0, the gradient shrinks even with a radius of 1.5, because tanh' is small."""
    generator = np.random.default_rng(1)
    parameters = {"W": np.eye(SIZE), "U": 1.5 * rotation(generator), "b": np.zeros((1, SIZE))}
    layer = build_layer("RNN", parameters, "float64", execution)
    x = to_tensor(10 * generator.normal(size=(1, T, SIZE)), "float64", differentiable=True)

    layer(x).sum().backward()

    norms = np.linalg.norm(to_array(x.grad)[0], axis=1)
    assert norms[0] < 1e-6 * norms[-1]


@over_cells
@over_executions
def test_saved_memory_grows_linearly(cell: CellName, execution: Execution) -> None:
    """Every time step adds the same amount to what the forward pass keeps for backward."""
    layer: Any = LAYERS[execution][cell](3, 4)

    sizes = [saved_numbers(layer, steps) for steps in (1, 2, 3, 4, 8)]

    growth = sizes[1] - sizes[0]
    assert growth > 0
    assert sizes == [sizes[0] + (steps - 1) * growth for steps in (1, 2, 3, 4, 8)]


def saved_numbers(layer: paddle.nn.Layer, steps: int) -> int:
    """How many numbers Paddle keeps for the backward pass of a sequence of `steps` steps."""
    sizes: list[int] = []

    def keep(tensor: paddle.Tensor) -> paddle.Tensor:
        sizes.append(int(np.prod(tensor.shape)))
        return tensor

    with paddle.autograd.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(paddle.ones([1, steps, 3]))
    return sum(sizes)
