"""Clipping bounds the gradient of the update, and changes nothing else."""

from dataclasses import replace

import numpy as np
import paddle
import pytest

from rnn_core import TrainConfig, load_data, train
from rnn_core.config import CLIPS, Cell, Clip
from rnn_core.model import new_model
from rnn_core.runtime.devices import use_device
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells
from tests.helpers.tolerances import TRAINING
from tests.helpers.trained import run
from tests.helpers.weights import read_parameters

CLIPPED = TrainConfig(clip_norm=1.0)
# A norm clipped to 1, plus the rounding of float32. Measured with by-norm: 3e-7.
JUST_OVER = 1 + 1e-5


def global_norms(norms: dict[str, np.ndarray]) -> np.ndarray:
    """Norm of the gradients of all parameters together, `[steps]`."""
    return np.sqrt(sum(values**2 for values in norms.values()))


@over_cells
def test_clip_by_norm_bounds_each_parameter(cell: Cell, device: str) -> None:
    """Each gradient stays within the threshold; all of them together may exceed it."""
    history = run(replace(CLIPPED, cell=cell, device=device))

    largest = {name: values.max() for name, values in history.clipped_norms.items()}
    assert max(largest.values()) <= JUST_OVER, largest
    assert max(largest.values()) >= 1 - 1e-5, largest
    # If all are clipped: sqrt(6) with the 6 parameters of the RNN, sqrt(15) with the LSTM's 15.
    assert global_norms(history.clipped_norms).max() > 1.5


@over_cells
def test_clip_by_global_norm_bounds_all_parameters_together(cell: Cell, device: str) -> None:
    """The norm of all gradients together stays within the threshold."""
    config = replace(CLIPPED, cell=cell, clip="by-global-norm", device=device)
    history = run(config)

    largest = global_norms(history.clipped_norms).max()
    assert 1 - 1e-5 <= largest <= JUST_OVER
    # All gradients of a step are scaled by the same factor.
    for step in range(history.steps):
        factors = [
            history.clipped_norms[name][step] / history.raw_norms[name][step]
            for name in history.raw_norms
        ]
        assert max(factors) / min(factors) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("clip", CLIPS)
@over_cells
def test_clipping_equals_that_inside_the_optimizer(clip: Clip, cell: Cell, device: str) -> None:
    """The weights are bit for bit those of Paddle's optimizer with the same `grad_clip`.

    With a global norm of many gradients, they agree only up to rounding, because Paddle adds the
    squares in another order; on a GPU, it may do so even for few gradients.
    """
    limit = None if clip == "none" else 1.0
    # A learning rate at which the RNN learns even without clipping.
    config = TrainConfig(
        cell, learning_rate=0.005, clip=clip, clip_norm=limit, hidden_size=16, device=device
    )
    kinds = {
        "by-norm": paddle.nn.ClipGradByNorm(1.0),
        "by-global-norm": paddle.nn.ClipGradByGlobalNorm(1.0),
        "none": None,
    }
    with use_device(device):
        model = new_model(config)
        train(config, model=model)

        expected = new_model(config)
        optimizer = paddle.optimizer.SGD(
            config.learning_rate, parameters=expected.parameters(), grad_clip=kinds[clip]
        )
        for _ in range(config.epochs):
            for tokens, labels in load_data():
                predictions, _ = expected(tokens)
                paddle.nn.functional.mse_loss(predictions, labels).backward()
                optimizer.step()
                optimizer.clear_grad()

    ours, theirs = read_parameters(model), read_parameters(expected)
    for name, values in theirs.items():
        if clip != "by-global-norm" or (cell, device) == ("RNN", "cpu"):
            assert values.tolist() == ours[name].tolist(), name
        assert_close({name: values}, {name: ours[name]}, TRAINING["float32"])


@pytest.mark.parametrize("seed", range(8))
def test_clipped_loss_stays_small(seed: int, device: str) -> None:
    """In 20 steps, in which the unclipped loss exceeds 1e20, the clipped loss stays under 1e3."""
    history = run(replace(CLIPPED, seed=seed, device=device))

    assert history.events == ()
    assert history.loss.max() < 1e3
