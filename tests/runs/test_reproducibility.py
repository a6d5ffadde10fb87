"""Runs with the same seed have the same bits."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle
import pytest

from rnn_core import History, TrainConfig, named_weights, new_model, train
from rnn_core.config import Execution
from tests.helpers.histories import check_equal
from tests.helpers.parametrize import over_executions

CONFIGS = {
    "RNN": TrainConfig(epochs=5),
    "LSTM": TrainConfig(cell="LSTM", epochs=3, learning_rate=0.1, clip_norm=1.0),
}


@over_executions
@pytest.mark.parametrize("cell", CONFIGS)
def test_two_runs_in_one_process_are_equal(cell: str, execution: Execution, device: str) -> None:
    """Draws from Paddle's, NumPy's and Python's generators between them do not matter."""
    config = replace(CONFIGS[cell], execution=execution, device=device)
    expected = train(config)

    paddle.seed(12345)
    paddle.rand([1000])
    np.random.seed(12345)  # noqa: NPY002 - the global generator
    random.seed(12345)

    check_equal(expected, train(config))


def test_weights_depend_on_each_bit_of_the_seed_and_nothing_else() -> None:
    """Small and large ones; Paddle's seeds have 32 bits."""

    def drawn(seed: int) -> tuple[bytes, ...]:
        model = new_model(TrainConfig(seed=seed, emb_size=256, hidden_size=256))
        return tuple(weight.tobytes() for weight in named_weights(model).values())

    assert drawn(0) == drawn(0)
    assert len({drawn(seed) for seed in (0, *(2**bit for bit in range(32)))}) == 33


def test_run_in_another_process_is_equal(device: str, tmp_path: Path) -> None:
    """The same run in another process is equal bit for bit."""
    path = tmp_path / "history.npz"
    command = ["-m", "rnn_core", "run", "clipped-lstm", "--epochs", "3", "--device", device]
    subprocess.run([sys.executable, *command, "--save", path], check=True, capture_output=True)
    there = History.load(path)
    here = train(there.config)

    check_equal(replace(there, environment=here.environment), here)
