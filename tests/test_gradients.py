"""Norms that do not overflow, and clipping in place of the gradients."""

import numpy as np
import paddle
import pytest

from rnn_core import NumericPrediction, load_data
from rnn_core.config import DType
from rnn_core.gradients import clip_gradients, gradient_norms, l2_norm, make_clip


@pytest.mark.parametrize(
    ("values", "norm"),
    [
        ([3.0, 4.0], 5.0),
        ([[3.0], [-4.0]], 5.0),
        ([0.0, 0.0], 0.0),
        ([3e30, 4e30], 5e30),
        ([3e-30, 4e-30], 5e-30),
    ],
)
def test_norm_in_float32(values: list[float], norm: float) -> None:
    """The norm is right where a square leaves float32's range."""
    assert norm == pytest.approx(l2_norm(np.array(values, dtype=np.float32)), rel=1e-6, abs=0)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norm_in_float64(scale: float) -> None:
    """The norm is right where a square leaves float64's range."""
    assert 5 * scale == pytest.approx(l2_norm(scale * np.array([3.0, 4.0])), rel=1e-12, abs=0)


def test_norm_of_what_is_not_finite() -> None:
    """Infinity stays infinity and NaN stays NaN."""
    assert np.inf == l2_norm(np.array([1.0, -np.inf]))
    assert np.isnan(l2_norm(np.array([1.0, np.nan])))
    assert np.isnan(l2_norm(np.array([np.inf, np.nan])))


def test_norms_of_every_parameter_by_name() -> None:
    """Each parameter's gradient is normed under its own name, in the model's order."""
    model = with_gradients()

    norms = gradient_norms(model)
    assert [name for name, _ in model.named_parameters()] == list(norms)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        expected = np.linalg.norm(parameter.grad.numpy().astype(np.float64))
        assert expected == pytest.approx(norms[name], rel=1e-12)


def test_refuses_a_parameter_without_a_gradient() -> None:
    """Where backward did not reach, there is no norm, and zero would be a lie."""
    with pytest.raises(RuntimeError, match=r"parameter 'recurrent\.W' has no gradient"):
        gradient_norms(NumericPrediction())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clips_the_gradients_that_the_optimizer_sees(dtype: DType) -> None:
    """After clipping, every parameter's own gradient has the threshold's norm."""
    model = with_gradients(dtype)
    before = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    clip = make_clip("by-norm", 1e-3, dtype)
    assert clip is not None

    clip_gradients(clip, model.parameters())

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        expected = before[name] * (1e-3 / l2_norm(before[name]))
        assert getattr(paddle, dtype) == parameter.grad.dtype
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=2e-6, err_msg=name)


def test_no_clipping_where_none_was_asked_for() -> None:
    """Neither 'none' nor a missing threshold clips."""
    assert make_clip("none", None) is None
    assert make_clip("none", 1.0) is None
    assert make_clip("by-norm", None) is None


def test_each_kind_is_paddles_own() -> None:
    """What is tested is Paddle's clipping, but for the one that it does not have."""
    assert isinstance(make_clip("by-norm", 1.0), paddle.nn.ClipGradByNorm)
    assert isinstance(make_clip("by-global-norm", 1.0), paddle.nn.ClipGradByGlobalNorm)
    assert isinstance(make_clip("by-global-norm", 1.0, "float64"), paddle.nn.ClipGradByGlobalNorm)


def with_gradients(dtype: DType = "float32") -> NumericPrediction:
    """A small model after one backward pass."""
    paddle.seed(0)
    model = NumericPrediction(emb_size=8, hidden_size=4, dtype=dtype)
    tokens, labels = next(load_data(dtype=dtype))
    paddle.nn.functional.mse_loss(model(tokens)[0], labels).backward()
    return model
