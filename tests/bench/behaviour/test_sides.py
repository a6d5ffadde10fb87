"""The two sides of a comparison of behaviours: processes that fail, and recorded sides."""

import sys
from pathlib import Path

import pytest

from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.interpreters import SideError
from tests.helpers.programs import program

PYTHON = sys.executable


def interpreter(path: Path, line: str) -> str:
    """Make a program that looks like an interpreter and runs `line` as its task."""
    return str(program(path, f'[ "$1" = -I ] && echo True && exit\n{line}'))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("echo ImportError: no Paddle here >&2; exit 1", "exited with status 1: .*no Paddle here"),
        ("kill -9 $$", "was ended by SIGKILL: no output"),
    ],
)
def test_failing_side_ends_the_comparison(line: str, message: str, tmp_path: Path) -> None:
    """The error has the last line of the output; the other side is stopped at once."""
    bad = interpreter(tmp_path / "bad", line)
    endless = interpreter(tmp_path / "endless", "exec tail -f /dev/null")

    with pytest.raises(SideError, match=f"baseline: .*{message}"):
        compare_behaviour(bad, endless, tmp_path / "results")
