"""Runs with the same seed have the same bits."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rnn_core import History, TrainConfig, named_weights, new_model, train
from tests.helpers.histories import check_equal


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
