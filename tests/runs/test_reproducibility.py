"""Runs with the same seed have the same bits."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rnn_core import History, TrainConfig, named_weights, new_model, train
from rnn_core.config import EAGER
from tests.helpers.histories import check_equal


def test_weights_depend_on_each_bit_of_the_seed_and_nothing_else() -> None:
    """Small and large ones; Paddle's seeds have 32 bits."""

    def drawn(seed: int) -> tuple[bytes, ...]:
        model = new_model(TrainConfig(seed=seed, emb_size=256, hidden_size=256))
        return tuple(weight.tobytes() for weight in named_weights(model).values())

    assert drawn(0) == drawn(0)
    assert len({drawn(seed) for seed in (0, *(2**bit for bit in range(32)))}) == 33


def test_run_in_another_process_is_equal(device: str, tmp_path: Path) -> None:
    """Bit for bit, although runs with a single sample come before it there."""
    saved = {execution: tmp_path / f"{execution}.npz" for execution in EAGER}
    single = "run digit-sums --samples 1 --num-steps 2 --epochs 3 --execution"
    usual = f"run clipped-lstm --batch-size 2 --epochs 3 --device {device} --execution"
    commands = [[*single.split(), execution, "--device", device] for execution in saved]
    commands += [[*usual.split(), each, "--save", str(path)] for each, path in saved.items()]
    program = f"from rnn_core.commands.main import main\nfor each in {commands}: main(each)"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    for path in saved.values():
        history = History.load(path)
        expected = train(history.config)

        check_equal(expected, replace(history, environment=expected.environment))
