"""The reference's clipping, gradient descent and training agree with values worked out by hand."""

import numpy as np
import pytest

from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.weights import random_model
from tests.reference.network import model_pass
from tests.reference.training import clip_by_global_norm, clip_by_norm, no_clip, norm, sgd, train

EXACT = Tolerance(1e-14)


def test_norm_neither_overflows_nor_underflows() -> None:
    """The norm of (3, -4) is 5, at any scale; that of zeros is 0."""
    v = np.array([3.0, -4.0])

    assert [norm(v * 1e-200), norm(v), norm(v * 1e200)] == pytest.approx([5e-200, 5, 5e200])
    assert norm(np.zeros(2)) == 0


def test_every_clipping_agrees_with_values_by_hand() -> None:
    """The gradients (3, 4) and (0.6, 0) have norms 5 and 0.6, and global norm sqrt(25.36)."""
    g = {"a": np.array([3.0, 4.0]), "b": np.array([0.6, 0.0])}
    n = np.sqrt(25.36)

    assert_close(g, no_clip(g), EXACT)
    assert_close({"a": [0.6, 0.8], "b": [0.6, 0]}, clip_by_norm(g, 1), EXACT)
    assert_close(g, clip_by_norm(g, 5), EXACT)
    assert_close({"a": [2.97, 3.96], "b": [0.6, 0]}, clip_by_norm(g, 4.95), EXACT)
    assert_close({"a": [3 / n, 4 / n], "b": [0.6 / n, 0]}, clip_by_global_norm(g, 1), EXACT)
    assert_close(g, clip_by_global_norm(g, 5.04), EXACT)
    assert_close({"a": [15 / n, 20 / n], "b": [3 / n, 0]}, clip_by_global_norm(g, 5), EXACT)


def test_sgd_subtracts_the_scaled_gradient() -> None:
    """A parameter 2 with gradient 3 becomes 2 - 0.1 * 3 = 1.7."""
    updated = sgd({"a": np.array([2.0])}, {"a": np.array([3.0])}, learning_rate=0.1)

    assert_close({"a": [1.7]}, updated, EXACT)


def test_train_continues_from_the_updated_parameters() -> None:
    """A step is a pass, clipping and an update; the next step starts from the result."""
    p = random_model(np.random.default_rng(2), "RNN", vocab_size=3, emb_size=2, hidden_size=2)
    batch = np.array([[1, 2]]), np.array([[3.0]])

    first, second = train(p, [batch, batch], 0.1, lambda g: clip_by_norm(g, 0.5))

    result = model_pass(p, *batch)
    updated = sgd(p, clip_by_norm(result.gradients, 0.5), 0.1)
    assert first.loss == result.loss
    assert_close(result.gradients, first.gradients, EXACT)
    assert_close(updated, first.updated, EXACT)
    assert second.loss == model_pass(updated, *batch).loss
