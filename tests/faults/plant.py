"""The pytest plugin that breaks Paddle before anybody uses it: `-p tests.faults.plant`.

Anybody is the tests, and `rnn_core` too, which takes Paddle's operators when it is imported. So
nothing that this module imports may import it.
"""

import os
import sys

import pytest

from tests.faults.in_paddle import FAULTS

VARIABLE = "RNN_CORE_FAULT"


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's own signature
    """Plant the fault that the environment names."""
    if "rnn_core" in sys.modules:
        raise pytest.UsageError("rnn_core was imported before the fault was planted")
    name = os.environ.get(VARIABLE)
    for fault in FAULTS:
        if fault.name == name and fault.break_paddle is not None:
            fault.break_paddle()
