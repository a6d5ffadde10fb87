"""Results as text: tables and times."""

import pytest

from benchmarks.text import columns, milliseconds


def test_columns_align_names_left_and_numbers_right() -> None:
    """The first columns are aligned to the left, the others to the right."""
    assert columns([["name", "ms"], ["x", "12.5"]], left=1) == ["name    ms", "x     12.5"]


@pytest.mark.parametrize(
    ("time", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1399.6, "1400"), (123456, "123456")]
)
def test_milliseconds_have_three_digits_or_all(time: float, text: str) -> None:
    """Large times are not written with an exponent."""
    assert milliseconds(time) == text
