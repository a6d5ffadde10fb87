"""Fixtures of the tests of commands."""

from collections.abc import Callable
from typing import NamedTuple

import pytest


class Ended(NamedTuple):
    """Exit status and output of a command."""

    status: int
    out: str
    err: str


RunMain = Callable[..., Ended]


@pytest.fixture
def run_main(capsys: pytest.CaptureFixture[str]) -> RunMain:
    """Return a function that runs a command's main function with some arguments."""
    return lambda main, *arguments: Ended(main(arguments), *capsys.readouterr())
