"""Texts from elsewhere in messages."""

import numpy as np
import pytest

from rnn_core.runtime.messages import complain, printable, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("größer 漢字", "größer 漢字"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\nb\t\u202e\ud800", r"a\nb\t\u202e\ud800"),
        ("a" * 300, "a" * 300),
        ("a" * 301, f"{'a' * 200} ... {'a' * 75}"),
    ],
)
def test_printable_escapes_control_characters_and_cuts(text: str, expected: str) -> None:
    """A text neither controls the terminal nor fills it."""
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("\x1b" * 10**6, "'" + r"\x1b" * 9 + r"\...1b" + r"\x1b" * 9 + "'"),
        ([10**5000] * 99, f"[{', '.join(['an int of 16610 bits'] * 6)}, ...]"),
        ([1 - 2**128, 2**128], "[-340282366920938463463374607431768211455, an int of 129 bits]"),
        (np.arange(4).reshape(2, 2), "array([[0, 1], [2, 3]])"),
    ],
)
def test_shown_is_one_short_line(value: object, text: str) -> None:
    """Whatever the value is."""
    assert shown(value) == text


def test_complain_prints_lines_without_control_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """A message may have several lines."""
    complain("a\x1b[31m:\nb" + "c" * 10**6)

    assert capsys.readouterr().err.startswith("error: a\\x1b[31m:\nbccc")
    complain("c" * 10**6, "warning")
    assert len(capsys.readouterr().err) < 3010
