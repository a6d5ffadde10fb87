"""Texts from elsewhere in messages."""

import re

import pytest

from rnn_core.runtime.messages import complain


def test_complain_prints_lines_without_control_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """A message may have several lines."""
    complain("a\x1b[31m:\n\t\rb" + "c" * 10**6)

    assert capsys.readouterr().err.startswith("error: a\\x1b[31m:\n\\t\\rbccc")
    complain("c" * 10**6, "warning")
    assert re.fullmatch(r"warning: c{2000} \.\.\. c{750}\n", capsys.readouterr().err)
