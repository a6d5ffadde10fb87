"""Types of command-line arguments: accepted values, and errors for all others."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from rnn_core.commands.arguments import (
    writable_path,
)


def test_path_type_accepts_a_new_file_and_does_not_create_it(tmp_path: Path) -> None:
    """Another suffix or a missing folder is refused."""
    path = writable_path(".md", ".json")

    assert path(str(tmp_path / "a.json")) == tmp_path / "a.json"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ArgumentTypeError, match="^must end in .md or .json, got 'a.txt'$"):
        path(str(tmp_path / "a.txt"))
    with pytest.raises(ArgumentTypeError, match="^cannot write .*missing is not a directory$"):
        path(str(tmp_path / "missing" / "a.md"))
