"""The pytest plugin that breaks Paddle before the tests are imported: `-p tests.faults.plant`."""

import os

import pytest

from tests.faults.in_paddle import FAULTS

VARIABLE = "RNN_CORE_FAULT"


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's own signature
    """Plant the fault that the environment names."""
    name = os.environ.get(VARIABLE)
    for fault in FAULTS:
        if fault.name == name and fault.break_paddle is not None:
            fault.break_paddle()
