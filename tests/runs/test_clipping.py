"""Clipping in whole runs: the weights are those of Paddle's optimizer."""

import paddle
import pytest

from rnn_core import TrainConfig, load_data, train
from rnn_core.config import CLIPS, Cell, Clip
from rnn_core.model import new_model
from rnn_core.runtime.devices import use_device
from tests.helpers.comparison import assert_close
from tests.helpers.parametrize import over_cells
from tests.helpers.tolerances import TRAINING
from tests.helpers.weights import read_parameters


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
