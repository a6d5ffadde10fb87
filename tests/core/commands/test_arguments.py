"""Types of command-line arguments: accepted values, and errors for all others."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

import pytest

from rnn_core.commands.arguments import (
    any_path,
    at_least,
    key_and_value,
    names_from,
    non_negative_number,
    percentage,
    percentages,
    positive_number,
    writable_path,
)

CELLS = ("RNN", "LSTM")
Type = Callable[[str], object]


@pytest.mark.parametrize(
    ("argument_type", "text", "value"),
    [
        (at_least(1), "1", 1),
        (at_least(1), "9223372036854775807", 2**63 - 1),
        (positive_number, "1e-3", 0.001),
        (non_negative_number, "0", 0.0),
        (percentage, "0.5", 0.005),
        (percentage, "2.5%", 0.025),
        (percentages, "20,0%,5,5", (0.0, 0.05, 0.2)),
        (percentages, "1000", (10.0,)),
        (names_from(CELLS), "LSTM, RNN,LSTM", ("RNN", "LSTM")),
        (key_and_value, "FLAGS=-a=b", ("FLAGS", "-a=b")),
        (key_and_value, "FLAGS=", ("FLAGS", "")),
    ],
)
def test_argument_type_returns_the_value(argument_type: Type, text: str, value: object) -> None:
    """An accepted text is converted to its value."""
    assert argument_type(text) == value


@pytest.mark.parametrize(
    ("argument_type", "text", "message"),
    [
        (at_least(3), "2", "must be at least 3, got 2"),
        (at_least(1), "1.5", "must be an integer, got '1.5'"),
        (positive_number, "0", "must be a number greater than 0, got '0'"),
        (positive_number, "inf", "must be a number greater than 0, got 'inf'"),
        (positive_number, "x", "must be a number greater than 0, got 'x'"),
        (non_negative_number, "-1", "must be a number of at least 0, got '-1'"),
        (non_negative_number, "nan", "must be a number of at least 0, got 'nan'"),
        (percentage, "0", "must be greater than 0% and less than 100%, got '0'"),
        (percentage, "100%", "must be greater than 0% and less than 100%, got '100%'"),
        (percentages, "5,x", "must be percentages from 0 to 1000, separated by commas, got 'x'"),
        (percentages, "-5", "must be percentages from 0 to 1000, .*, got '-5'"),
        (percentages, "5,1001%", "must be percentages from 0 to 1000, .*, got '1001%'"),
        (names_from(CELLS), "RNN,GRU", "must be names from RNN, LSTM, .*, got 'GRU'"),
        (any_path, "", "must be a path, got ''"),
        (key_and_value, "FLAGS", "must be KEY=VALUE, got 'FLAGS'"),
        (key_and_value, "=1", "must be KEY=VALUE, got '=1'"),
    ],
)
def test_argument_type_refuses_other_values(argument_type: Type, text: str, message: str) -> None:
    """The error says what is allowed and what was given."""
    with pytest.raises(ArgumentTypeError, match=f"^{message}$"):
        argument_type(text)


def test_path_type_accepts_a_new_file_and_does_not_create_it(tmp_path: Path) -> None:
    """Another suffix or a missing folder is refused."""
    path = writable_path(".md", ".json")

    assert path(str(tmp_path / "a.json")) == tmp_path / "a.json"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ArgumentTypeError, match="^must end in .md or .json, got 'a.txt'$"):
        path(str(tmp_path / "a.txt"))
    with pytest.raises(ArgumentTypeError, match="^cannot write .*missing is not a directory$"):
        path(str(tmp_path / "missing" / "a.md"))
