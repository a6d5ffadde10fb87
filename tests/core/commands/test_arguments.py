"""Types of command-line options: the values they accept and the errors they report."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

import pytest

from rnn_core.commands.arguments import (
    integer_at_least,
    key_value,
    list_of,
    number_at_least,
    percentage,
    plot_file,
    positive_number,
    result_file,
    writable_file,
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (integer_at_least(3), "3", 3),
        (integer_at_least(0), "0", 0),
        (number_at_least(0), "0", 0.0),
        (number_at_least(0), "2.5", 2.5),
        (positive_number, "1e-3", 1e-3),
        (percentage, "5", 0.05),
        (percentage, "2.5%", 0.025),
        (list_of(["b", "a", "c"]), "a, b,a", ("b", "a")),
        (key_value, "MODE=a=b", ("MODE", "a=b")),
        (key_value, "MODE=", ("MODE", "")),
    ],
)
def test_argument_types_accept_values(
    read: Callable[[str], object], text: str, value: object
) -> None:
    """Values inside the range are converted."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (integer_at_least(3), "2", "must be an integer of at least 3, got '2'"),
        (integer_at_least(0), "-1", "must be an integer of at least 0, got '-1'"),
        (integer_at_least(0), "1.5", "must be an integer of at least 0, got '1.5'"),
        (number_at_least(0), "-1", "must be a finite number of at least 0, got '-1'"),
        (number_at_least(0), "inf", "must be a finite number of at least 0, got 'inf'"),
        (number_at_least(0), "x", "must be a finite number of at least 0, got 'x'"),
        (positive_number, "0", "must be a finite number greater than 0, got '0'"),
        (positive_number, "nan", "must be a finite number greater than 0, got 'nan'"),
        (percentage, "0", "must be between 0% and 100%, got '0'"),
        (percentage, "100%", "must be between 0% and 100%, got '100%'"),
        (percentage, "five", "must be between 0% and 100%, got 'five'"),
        (list_of(["a", "b"]), "a,x", "must be names from a, b, separated by commas, got 'x'"),
        (key_value, "MODE", "must be KEY=VALUE, got 'MODE'"),
        (key_value, "=1", "must be KEY=VALUE, got '=1'"),
        (result_file, "table.txt", "must end in .md or .json, got 'table.txt'"),
        (writable_file, "/nowhere/a.json", "/nowhere"),
        (result_file, "/nowhere/a.json", "/nowhere"),
        (plot_file, "picture.gif", "must end in .svg, .png, .pdf"),
    ],
)
def test_argument_types_reject_values(
    read: Callable[[str], object], text: str, message: str
) -> None:
    """The error names the value and what is allowed."""
    with pytest.raises(ArgumentTypeError) as error:
        read(text)

    assert message in str(error.value)


@pytest.mark.parametrize("read", [writable_file, result_file])
def test_file_types_leave_no_file(read: Callable[[str], Path], tmp_path: Path) -> None:
    """Checking that a file can be written does not create it."""
    path = tmp_path / "results.json"

    assert read(str(path)) == path
    assert not path.exists()
