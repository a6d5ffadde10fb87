"""A run that depends on the random generators of NumPy and Python; comparison of checkpoints."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from rnn_core import History, NumericPrediction, TrainConfig, train
from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime.environment import describe_environment
from tests.helpers.histories import check_equal

SMALL = TrainConfig(cell="LSTM", emb_size=8, hidden_size=4, epochs=3, clip_norm=1.0)


def noise(model: NumericPrediction, done: int = 0) -> Callable[[Step], None]:
    """An `on_step` that adds random numbers from NumPy and Python to a weight.

    It fails on steps up to `done`, because a run that started over would end in the same bits.
    """

    def add(step: Step) -> None:
        assert step.number > done, f"step {step.number} again, after the checkpoint of step {done}"
        drawn = np.random.randn(1) + random.gauss(0, 1)  # noqa: NPY002 - the global generator
        bias = model.linear.bias
        bias.set_value(bias.numpy() + 0.01 * drawn.astype(bias.numpy().dtype))

    return add


def noisy_run(config: TrainConfig, folder: Path, resume: bool = False, every: int = 1) -> History:
    """Train with noise, with all generators seeded as in a new process.

    A resumed run must continue after the step of the last checkpoint.
    """
    done = last_step(folder) if resume else 0
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002 - the global generator
    config = replace(config, seed=3)
    model = new_model(config)
    on_step = noise(model, done)
    return train(config, None, model, on_step, checkpoint=folder, every=every, resume=resume)


def last_step(folder: Path) -> int:
    """The step of the last checkpoint in a folder, from its name; 0 if there is none."""
    files = checkpoint_files(folder)
    return int(files[-1].stem.partition("-")[2]) if files else 0


def content(path: Path | BytesIO) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """All arrays of a checkpoint, comparable bit for bit."""
    with np.load(path) as stored:
        return {
            name: (str(values.dtype), values.shape, values.tobytes())
            for name, values in stored.items()
        }


def whole_run(config: TrainConfig) -> list[tuple[str, bytes]]:
    """Names and contents of all checkpoints of an uninterrupted noisy run."""
    # Checkpoints hold these facts, some of which tests and Paddle change.
    return _whole_run(config, tuple(describe_environment().items()))


@cache
def _whole_run(config: TrainConfig, _: tuple[tuple[str, str], ...]) -> list[tuple[str, bytes]]:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnn_core.checkpoints.folder.KEEP", 1000)
        noisy_run(config, Path(name))
        return [(path.name, path.read_bytes()) for path in checkpoint_files(Path(name))]


def stopped(folder: Path, config: TrainConfig = SMALL, steps: int = 12) -> Path:
    """Fill a folder like a run killed after this number of steps; return its last checkpoint."""
    folder.mkdir(exist_ok=True)
    for name, data in whole_run(config)[max(0, steps - 2) : steps + 1]:
        (folder / name).write_bytes(data)
    return folder / f"step-{steps:09}.npz"


def check_resumed(folder: Path, config: TrainConfig = SMALL) -> None:
    """Resume the run, and check that it ends in the same bits as the uninterrupted one."""
    history = noisy_run(config, folder, resume=True, every=1000)

    name, data = whole_run(config)[-1]
    resumed = content(folder / name)
    (folder / name).write_bytes(data)
    assert resumed == content(folder / name)
    check_equal(replace(History.load(folder / name), outcome="finished"), history)


def change(path: Path, **arrays: Any) -> None:
    """Replace arrays in a checkpoint."""
    with np.load(path) as stored:
        content = {**stored, **arrays}
    np.savez(path, **content)
