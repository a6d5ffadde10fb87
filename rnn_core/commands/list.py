"""The command `python -m rnn_core list`."""

from rnn_core.commands.output import say
from rnn_core.commands.status import ExitStatus
from rnn_core.experiments import ALL_EXPERIMENTS


def list_experiments() -> ExitStatus:
    """Print the name and the summary of each experiment."""
    for experiment in ALL_EXPERIMENTS.values():
        say(f"{experiment.name:<14} {experiment.summary}")
    return ExitStatus.OK
