"""Names of the files in a folder of results, shared by writer and reader.

Importing this module needs no third-party package: the page can be made without pytest.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["tests", "benchmarks"]

TIMES = "benchmarks.json"
# Start of the message of a test that ended its process.
CRASHED = "crashed"
# Property of an outcome: how far a run as a static graph agrees with the eager one.
AGREEMENT = "agreement"
# Keys of a benchmark's `extra_info` that identify it.
FACTS = ("device", "cell", "shape", "implementation", "stage")


Row = tuple[str, ...]


def kinds_of(devices: Iterable[str]) -> str:
    """Return the types of devices for a reader: those of "gpu:0" and "gpu:1" are "GPU"."""
    return ", ".join(dict.fromkeys(name.partition(":")[0].upper() for name in devices))


def beside_cpu(medians: Mapping[Row, float]) -> dict[Row, tuple[float, float]]:
    """Return the median on the CPU and the one on another device, of what was measured on both.

    Args:
        medians: medians by device and whatever else identifies a benchmark.
    """
    pairs = {row: (medians.get(("cpu", *row[1:])), median) for row, median in medians.items()}
    return {row: (cpu, own) for row, (cpu, own) in pairs.items() if cpu and row[0] != "cpu"}


def begun_file(kind: Kind) -> str:
    """Return the name of the file that says what was asked for."""
    return f"{kind}-run.json"


def outcomes_file(kind: Kind) -> str:
    """Return the name of the file of outcomes."""
    return f"{kind}.xml"


def history_file(experiment: str, device: str) -> str:
    """Return the name of a history's file: "exploding-rnn.npz", "exploding-rnn-gpu0.npz"."""
    return f"{experiment}{'' if device == 'cpu' else '-' + device.replace(':', '')}.npz"
