"""The notebook's three experiments, with its settings."""

from rnn_core import EXPERIMENTS, TrainConfig


def test_settings_are_those_of_the_notebook() -> None:
    """Cell, epochs, learning rate and clipping of each experiment."""
    assert {name: experiment.config for name, experiment in EXPERIMENTS.items()} == {
        "exploding-rnn": TrainConfig(cell="RNN", epochs=5, learning_rate=0.05),
        "clipped-rnn": TrainConfig(
            cell="RNN", epochs=500, learning_rate=0.05, clip_norm=1.0, clip="by-norm"
        ),
        "clipped-lstm": TrainConfig(
            cell="LSTM", epochs=500, learning_rate=0.1, clip_norm=1.0, clip="by-norm"
        ),
    }


def test_log_every_is_that_of_the_notebook() -> None:
    """The notebook printed every step, every 20th and every 80th."""
    assert [experiment.log_every for experiment in EXPERIMENTS.values()] == [1, 20, 80]


def test_experiment_has_its_key_as_name_and_a_summary() -> None:
    """The summary is one sentence."""
    for name, experiment in EXPERIMENTS.items():
        assert experiment.name == name
        assert experiment.summary.endswith(".")
