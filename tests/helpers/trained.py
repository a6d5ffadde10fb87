"""Training runs that several tests share."""

from functools import cache

from rnn_core import History, TrainConfig, train


@cache
def run(config: TrainConfig) -> History:
    """The history of a run, trained once per process; most tests of a file share a process."""
    return train(config)
