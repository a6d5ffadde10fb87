"""Wrong command lines of the commands that need no files: the error says what is allowed."""

from collections.abc import Callable, Sequence

import pytest

from benchmarks.commands import processes, ratios, scaling
from benchmarks.compare import calibration
from tests.helpers.command_lines import assert_rejected

Main = Callable[[Sequence[str]], int]

WRONG: list[tuple[Main, str, str]] = [
    (calibration.main, "--levels 5,x", "must be percentages from 0 to 1000, separated by commas"),
    (calibration.main, "--levels=-5", "must be percentages"),
    (calibration.main, "--sessions 0", "must be at least 1, got 0"),
    (calibration.main, "--save c.txt", "must end in .md or .json"),
    (calibration.main, "--python ./a.json", "a.json is not an executable file"),
    (processes.main, "", "error: at least 2 processes are needed, got 1: start them with python"),
    (processes.main, "--rounds 0", "argument --rounds: must be at least 1, got 0"),
    (processes.main, "--batch x", "argument --batch: must be an integer, got 'x'"),
    (ratios.main, "--implementations kernel,mine", "must be names from textbook, kernel, paddle,"),
    (ratios.main, "--cells GRU", "must be names from RNN, LSTM, separated by commas, got 'GRU'"),
    (ratios.main, "--shapes B1-T0-H8", "B1-T10-H128"),
    (ratios.main, "--rounds 2", "must be at least 3, got 2"),
    (ratios.main, "--to mine", "invalid choice: 'mine'"),
    (
        ratios.main,
        "--implementations kernel --to paddle",
        "--to must be one of the measured implementations, kernel, got 'paddle'",
    ),
    (ratios.main, "--threads 0", "must be 1 to "),
    (ratios.main, "--save ratios.txt", "must end in .md or .json, got 'ratios.txt'"),
    (ratios.main, "--save /nowhere/ratios.md", "/nowhere"),
    (scaling.main, "--implementations torch", "must be names from textbook, kernel, paddle, sep"),
    (scaling.main, "--sweeps X", "must be names from T, H, B, memory, separated by commas"),
    (scaling.main, "--seconds -1", "must be at least 0, got -1"),
    (scaling.main, "--plot scaling.gif", "scaling.gif"),
]


@pytest.mark.parametrize(("main", "arguments", "message"), WRONG)
def test_wrong_command_line_is_rejected(
    main: Main, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 2, and standard output is empty."""
    assert_rejected(main, arguments.split(), message, capsys)
