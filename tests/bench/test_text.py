"""Results as text: tables and times."""

import numpy as np
import pytest

from benchmarks.text import columns, describe_run, milliseconds
from tests.helpers.histories import empty_history, make_history


def test_columns_align_names_left_and_numbers_right() -> None:
    """The first columns are aligned to the left, the others to the right."""
    assert columns([["name", "ms"], ["x", "12.5"]], left=1) == ["name    ms", "x     12.5"]


@pytest.mark.parametrize(
    ("time", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1399.6, "1400"), (123456, "123456")]
)
def test_milliseconds_have_three_digits_or_all(time: float, text: str) -> None:
    """Large times are not written with an exponent."""
    assert milliseconds(time) == text


def test_run_is_described_by_its_events_and_its_last_epoch() -> None:
    """The loss is the mean over the epoch, not that of its last step."""
    run = make_history(loss=np.array([4.0, 2e6, 2.0, 1.0]))

    assert describe_run(run) == "exploded at step 2; last of 2 epochs: loss 1.5, accuracy 100%"
    assert describe_run(make_history()).startswith("trained through; last of 2 epochs: loss 1.5")
    assert describe_run(empty_history()) == "no whole epoch"
