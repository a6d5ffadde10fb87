"""Training runs that several tests look at, each trained once in a process."""

from dataclasses import replace
from functools import cache

from rnn_core import EXPERIMENTS, History, TrainConfig, train


@cache
def run(config: TrainConfig) -> History:
    """The history of a run; mark its tests with one `xdist_group` where it takes seconds."""
    return train(config)


def run_experiment(name: str, device: str = "cpu") -> History:
    """One of the notebook's experiments as it stands there, on this device."""
    return run(replace(EXPERIMENTS[name].config, device=device))
