"""The notebook's three experiments, with its settings."""

from dataclasses import replace

from rnn_core import EXPERIMENTS, TrainConfig


def test_settings_are_those_of_the_notebook() -> None:
    """Cell, epochs, learning rate, clipping and printed steps of each experiment."""
    rnn, lstm = TrainConfig(cell="RNN", learning_rate=0.05), TrainConfig(cell="LSTM")

    assert {name: (e.config, e.log_every) for name, e in EXPERIMENTS.items()} == {
        "exploding-rnn": (replace(rnn, epochs=5), 1),
        "clipped-rnn": (replace(rnn, epochs=500, clip_norm=1.0), 20),
        "clipped-lstm": (replace(lstm, epochs=500, learning_rate=0.1, clip_norm=1.0), 80),
    }
