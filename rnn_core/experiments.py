"""The notebook's three experiments, and one on data of any size."""

from dataclasses import dataclass

from rnn_core.config import TrainConfig


@dataclass(frozen=True)
class Experiment:
    """A named run.

    Attributes:
        name: name on the command line.
        summary: expected behaviour, in one sentence.
        config: settings.
        log_every: number of steps between printed steps, as in the notebook.
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
            summary="RNN without clipping: gradients explode, then vanish (exactly zero).",
            config=TrainConfig(cell="RNN", epochs=5, learning_rate=0.05),
            log_every=1,
        ),
        Experiment(
            name="clipped-rnn",
            summary="The same RNN, clipped by norm: keeps training, but never settles.",
            config=TrainConfig(cell="RNN", epochs=500, learning_rate=0.05, clip_norm=1.0),
            log_every=20,
        ),
        Experiment(
            name="clipped-lstm",
            summary="LSTM, clipped by norm: learns to predict all four numbers.",
            config=TrainConfig(cell="LSTM", epochs=500, learning_rate=0.1, clip_norm=1.0),
            log_every=80,
        ),
    )
}

# Not from the notebook: trained and tested on `rnn_core.data.DigitSums`.
DIGIT_SUMS = Experiment(
    name="digit-sums",
    summary="LSTM on generated digit sums, tested on held-out ones.",
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
