"""Pytest plugin that breaks Paddle before it is used: `-p tests.faults.plant`.

`rnn_core` looks up Paddle's operators when it is imported, so this module must not import it.
"""

import os
import sys

import pytest

from tests.faults.in_paddle import FAULTS

VARIABLE = "RNN_CORE_FAULT"


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's own signature
    """Plant the fault that the environment variable names."""
    if "rnn_core.runtime.operators" in sys.modules:
        raise pytest.UsageError("rnn_core's operators were imported before the fault was planted")
    name = os.environ.get(VARIABLE)
    for fault in FAULTS:
        if fault.name == name and fault.break_paddle is not None:
            fault.break_paddle()
