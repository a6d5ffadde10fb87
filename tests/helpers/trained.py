"""Training runs that several tests look at, each trained once in a process."""

from functools import cache

from rnn_core import History, TrainConfig, train


@cache
def run(config: TrainConfig) -> History:
    """The history of a run. A file's tests share a process, so runs are shared within a file."""
    return train(config)
