"""The files of a folder of results, by the names that who writes and who reads them know.

Of its own, for the page is made where pytest need not be installed.
"""

from typing import Literal

Kind = Literal["tests", "benchmarks"]

FORMAT = "rnn_core run 1"
TIMES = "benchmarks.json"
# What tells one benchmark from another, in its `extra_info`.
FACTS = ("device", "cell", "shape", "implementation", "stage")


def begun_file(kind: Kind) -> str:
    """The file that says what was begun."""
    return f"{kind}-run.json"


def outcomes_file(kind: Kind) -> str:
    """The file of outcomes."""
    return f"{kind}.xml"


def history_file(experiment: str, device: str) -> str:
    """The file of an experiment's history: "exploding-rnn.npz", "exploding-rnn-gpu0.npz"."""
    return f"{experiment}{'' if device == 'cpu' else '-' + device.replace(':', '')}.npz"
