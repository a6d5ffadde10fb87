"""The notebook's three experiments, by name, and one on data of any size."""

from dataclasses import dataclass

from rnn_core.config import TrainConfig


@dataclass(frozen=True)
class Experiment:
    """A named run.

    Attributes:
        name: on the command line.
        summary: what to look for, in one sentence.
        config: its settings.
        log_every: print every that many steps, as the notebook does.
    """

    name: str
    summary: str
    config: TrainConfig
    log_every: int


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="exploding-rnn",
            summary="RNN without clipping: gradients explode, then are exactly zero.",
            config=TrainConfig(cell="RNN", epochs=5, learning_rate=0.05),
            log_every=1,
        ),
        Experiment(
            name="clipped-rnn",
            summary="The same RNN, clipped by norm: trains on, but never settles.",
            config=TrainConfig(cell="RNN", epochs=500, learning_rate=0.05, clip_norm=1.0),
            log_every=20,
        ),
        Experiment(
            name="clipped-lstm",
            summary="An LSTM, clipped by norm: predicts all four numbers and stays there.",
            config=TrainConfig(cell="LSTM", epochs=500, learning_rate=0.1, clip_norm=1.0),
            log_every=80,
        ),
    )
}

# Not from the notebook: trained on `rnn_core.data.digit_sums`, tested on held-out ones.
DIGIT_SUMS = Experiment(
    name="digit-sums",
    summary="An LSTM on digit sums without end, tested on sums that it never saw.",
    config=TrainConfig(
        cell="LSTM",
        epochs=1,
        learning_rate=0.2,
        clip_norm=1.0,
        batch_size=16,
        emb_size=64,
        hidden_size=64,
        execution="kernel",
    ),
    log_every=200,
)

ALL_EXPERIMENTS = {**EXPERIMENTS, DIGIT_SUMS.name: DIGIT_SUMS}
