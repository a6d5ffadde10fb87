"""Types of command-line arguments: what they accept, and what they answer to the rest."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

import pytest

from rnn_core.commands.arguments import (
    at_least,
    key_and_value,
    names_from,
    non_negative_number,
    percentage,
    percentages,
    plot_path,
    positive_number,
    writable_path,
)

CELLS = ("RNN", "LSTM")


@pytest.mark.parametrize(
    ("argument_type", "text", "value"),
    [
        (at_least(1), "1", 1),
        (at_least(0), "0", 0),
        (at_least(-1), "-1", -1),
        (positive_number, "1e-3", 0.001),
        (non_negative_number, "0", 0.0),
        (percentage, "5", 0.05),
        (percentage, "2.5%", 0.025),
        (percentages, "20,0%,5,5", (0.0, 0.05, 0.2)),
        (percentages, "1000", (10.0,)),
        (names_from(CELLS), "LSTM, RNN,LSTM", ("RNN", "LSTM")),
        (names_from(CELLS), "LSTM", ("LSTM",)),
        (key_and_value, "FLAGS=-a=b", ("FLAGS", "-a=b")),
        (key_and_value, "FLAGS=", ("FLAGS", "")),
    ],
)
def test_argument_type_returns_the_value(
    argument_type: Callable[[str], object], text: str, value: object
) -> None:
    """An accepted text becomes its value."""
    assert argument_type(text) == value


@pytest.mark.parametrize(
    ("argument_type", "text", "message"),
    [
        (at_least(3), "2", "must be at least 3, got 2"),
        (at_least(0), "-1", "must be at least 0, got -1"),
        (at_least(1), "1.5", "must be an integer, got '1.5'"),
        (at_least(1), "", "must be an integer, got ''"),
        (positive_number, "0", "must be a number greater than 0, got '0'"),
        (positive_number, "inf", "must be a number greater than 0, got 'inf'"),
        (positive_number, "x", "must be a number greater than 0, got 'x'"),
        (non_negative_number, "-1", "must be a number of at least 0, got '-1'"),
        (non_negative_number, "nan", "must be a number of at least 0, got 'nan'"),
        (percentage, "0", "must be greater than 0% and less than 100%, got '0'"),
        (percentage, "100%", "must be greater than 0% and less than 100%, got '100%'"),
        (percentage, "nan", "must be greater than 0% and less than 100%, got 'nan'"),
        (percentages, "5,x", "must be percentages from 0 to 1000, separated by commas, got '5,x'"),
        (percentages, "-5", "must be percentages from 0 to 1000, separated by commas, got '-5'"),
        (percentages, "5,1001", "must be percentages from 0 to 1000, .*, got '5,1001'"),
        (percentages, "", "must be percentages from 0 to 1000, separated by commas, got ''"),
        (names_from(CELLS), "RNN,GRU", "must be names from RNN, LSTM, .*, got 'GRU'"),
        (names_from(CELLS), "", "must be names from RNN, LSTM, separated by commas, got ''"),
        (key_and_value, "FLAGS", "must be KEY=VALUE, got 'FLAGS'"),
        (key_and_value, "=1", "must be KEY=VALUE, got '=1'"),
    ],
)
def test_argument_type_refuses_other_values(
    argument_type: Callable[[str], object], text: str, message: str
) -> None:
    """The error says what is allowed and what was given."""
    with pytest.raises(ArgumentTypeError, match=f"^{message}$"):
        argument_type(text)


def test_writable_path_accepts_a_new_file_and_does_not_create_it(tmp_path: Path) -> None:
    """The check leaves no file behind."""
    path = tmp_path / "results.json"

    assert writable_path(".md", ".json")(str(path)) == path
    assert list(tmp_path.iterdir()) == []


def test_writable_path_refuses_another_suffix(tmp_path: Path) -> None:
    """The error names the allowed suffixes."""
    with pytest.raises(ArgumentTypeError, match=r"^must end in .md or .json, got 'results.txt'$"):
        writable_path(".md", ".json")(str(tmp_path / "results.txt"))


def test_writable_path_refuses_a_missing_folder(tmp_path: Path) -> None:
    """A file can be written only into an existing folder."""
    with pytest.raises(ArgumentTypeError, match="cannot write .*missing"):
        writable_path(".md")(str(tmp_path / "missing" / "results.md"))


def test_plot_path_accepts_a_picture_and_refuses_other_files(tmp_path: Path) -> None:
    """The suffix decides the format."""
    pytest.importorskip("matplotlib")

    assert plot_path(str(tmp_path / "run.svg")) == tmp_path / "run.svg"
    with pytest.raises(ArgumentTypeError, match=r"got 'run.txt'"):
        plot_path(str(tmp_path / "run.txt"))


def test_plot_path_names_the_missing_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib, the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ArgumentTypeError, match="matplotlib"):
        plot_path(str(tmp_path / "run.svg"))
