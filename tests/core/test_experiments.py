"""The notebook's three experiments, with its settings, and the other one."""

from dataclasses import replace
from typing import Any

from rnn_core import TrainConfig
from rnn_core.experiments import ALL_EXPERIMENTS


def test_settings_are_those_of_the_notebook() -> None:
    """Cell, epochs, learning rate, clipping and printed steps of each experiment."""
    rnn, lstm = TrainConfig(cell="RNN", learning_rate=0.05), TrainConfig(cell="LSTM", clip_norm=1.0)
    sums: Any = {"batch_size": 16, "emb_size": 64, "hidden_size": 64, "execution": "kernel"}

    assert {name: (e.config, e.log_every) for name, e in ALL_EXPERIMENTS.items()} == {
        "exploding-rnn": (replace(rnn, epochs=5), 1),
        "clipped-rnn": (replace(rnn, epochs=500, clip_norm=1.0), 20),
        "clipped-lstm": (replace(lstm, epochs=500, learning_rate=0.1), 80),
        "digit-sums": (replace(lstm, epochs=1, learning_rate=0.2, **sums), 200),
    }
