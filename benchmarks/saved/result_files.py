"""Names of the files in a folder of results, shared by writer and reader.

Importing this module needs no third-party package: the page can be made without pytest.
"""

from typing import Literal

Kind = Literal["tests", "benchmarks"]

TIMES = "benchmarks.json"
# Start of the message of a test that ended its process.
CRASHED = "crashed"
# Property of an outcome: how far a run as a static graph agrees with the eager one.
AGREEMENT = "agreement"
# Keys of a benchmark's `extra_info` that identify it.
FACTS = ("device", "cell", "shape", "implementation", "stage")


def begun_file(kind: Kind) -> str:
    """Return the name of the file that says what was asked for."""
    return f"{kind}-run.json"


def outcomes_file(kind: Kind) -> str:
    """Return the name of the file of outcomes."""
    return f"{kind}.xml"


def history_file(experiment: str, device: str) -> str:
    """Return the name of a history's file: "exploding-rnn.npz", "exploding-rnn-gpu0.npz"."""
    return f"{experiment}{'' if device == 'cpu' else '-' + device.replace(':', '')}.npz"
