"""The command `python -m benchmarks.processes`; two processes are tested with the launcher."""

import pytest

from benchmarks.commands.processes import main
from tests.helpers.command_lines import assert_rejected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: at least 2 processes are needed, got 1: start them with python -m paddle"),
        (["--rounds", "0"], "argument --rounds: must be at least 1, got 0"),
        (["--batch", "x"], "argument --batch: must be an integer, got 'x'"),
    ],
)
def test_processes_rejects_wrong_options_and_a_single_process(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says how to start two."""
    assert_rejected(main, arguments, message, capsys)
