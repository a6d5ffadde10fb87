"""Results as text: tables, times and versions."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.text import columns, describe_run, significant, version, without_folders
from tests import ROOT
from tests.helpers.histories import empty_history, make_history


def test_columns_align_names_left_and_numbers_right() -> None:
    """The first columns are aligned to the left, the others to the right."""
    rows = [["name", "ms"], ["x", "12.5"], ["y", ""]]

    assert columns(rows, left=1) == ["name    ms", "x     12.5", "y"]


@pytest.mark.parametrize(
    ("time", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1399.6, "1400"), (123456, "123456")]
)
def test_milliseconds_have_three_digits_or_all(time: float, text: str) -> None:
    """Large times are not written with an exponent."""
    assert significant(time) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{ROOT}/tests/core/test_cells.py:12: in test", "tests/core/test_cells.py:12: in test"),
        ("--results=/home/alice/a/out -k x", "--results=out -k x"),
        ('File "/home/alice/.venv/lib/paddle/nn/rnn.py", line 1', 'File "rnn.py", line 1'),
        ("[Errno 2]: '/tmp/pytest-of-alice/pytest-0/a.npz'", "[Errno 2]: 'a.npz'"),
        (f"{Path.home()}/a b.npz", "~/a b.npz"),
        (r"C:\Users\alice\run.npz is missing", "run.npz is missing"),
        ("1/2 of https://github.com/a/b, py311-paddle33-cpu/tests.xml", None),
        ("ratio a / b, float32/float64, //", None),
    ],
)
def test_text_to_share_has_no_folders(text: str, shown: str | None) -> None:
    """A path in the checkout is relative to it; None stands for an unchanged text."""
    assert without_folders(text) == (text if shown is None else shown)


def test_run_is_described_by_its_events_and_its_last_epoch() -> None:
    """The loss is the mean over the epoch, not that of its last step."""
    run = make_history(loss=np.array([4.0, 2e6, 2.0, 1.0]))

    assert describe_run(run) == "exploded at step 2; last of 2 epochs: loss 1.5, accuracy 100%"
    assert describe_run(make_history()).startswith("trained through; last of 2 epochs: loss 1.5")
    assert describe_run(empty_history()) == "no whole epoch"


def test_versions_without_numbers_come_last() -> None:
    """Development versions have arbitrary names; `int` refuses texts of more than 4300 digits."""
    assert sorted(["unknown", "3.10", "2.6.2"], key=version) == ["2.6.2", "3.10", "unknown"]
    assert version("9" * 5000) > version("3.10")
