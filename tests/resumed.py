"""A run whose bits depend on every random generator, and how checkpoints are compared."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle

from rnn_core import History, NumericPrediction, TrainConfig, train
from rnn_core.model import model_of
from rnn_core.training import Step

SMALL = TrainConfig(cell="LSTM", emb_size=8, hidden_size=4, epochs=3, clip_norm=1.0)


def noise(model: NumericPrediction) -> Callable[[Step], None]:
    """An `on_step` that adds what Paddle, NumPy and Python draw to a weight."""

    def add(_: Step) -> None:
        drawn = paddle.rand([1]).numpy() + np.random.randn(1) + random.gauss(0, 1)  # noqa: NPY002
        bias = model.linear.bias
        bias.set_value(bias.numpy() + 0.01 * drawn.astype(bias.numpy().dtype))

    return add


def noisy_run(config: TrainConfig, folder: Path, resume: bool = False, every: int = 1) -> History:
    """Train with noise; all generators are seeded anew, as they are in a new process."""
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002 - the global generator is what is meant
    model = model_of(config)
    return train(
        replace(config, seed=3),
        model=seeded(model),
        on_step=noise(model),
        checkpoint=folder,
        every=every,
        resume=resume,
    )


def seeded(model: NumericPrediction) -> NumericPrediction:
    """The model with weights that are the same in every process."""
    generator = np.random.default_rng(4)
    for parameter in model.parameters():
        values = generator.uniform(-0.5, 0.5, parameter.shape)
        parameter.set_value(values.astype(parameter.numpy().dtype))
    return model


def content(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Everything in a checkpoint, which compares bit for bit."""
    with np.load(path) as stored:
        return {
            name: (str(values.dtype), values.shape, values.tobytes())
            for name, values in stored.items()
        }
