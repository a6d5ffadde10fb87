"""Laws that hold for every correct recurrent layer, with any weights."""

import numpy as np
import pytest

from rnn_core.config import Execution
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.parametrize import over_executions
from tests.helpers.weights import build_layer, to_array, to_tensor
from tests.reference.network import Array

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
