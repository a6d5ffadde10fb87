"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from rnn_core.files import check_writable, write_whole


def test_appears_when_it_is_whole(tmp_path: Path) -> None:
    """The file is there after the block, with all that was written, and nothing beside it."""
    path = tmp_path / "file"
    with write_whole(path) as file:
        file.write(b"first half, ")
        assert not path.exists()
        file.write(b"second half")

    assert b"first half, second half" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """When writing fails midway, the former file is untouched and nothing is left over."""
    path = tmp_path / "file"
    path.write_bytes(b"former")

    with pytest.raises(error), write_whole(path) as file:
        file.write(b"half")
        raise error

    assert b"former" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    """A temporary file's private permissions do not stay."""
    ordinary, whole = tmp_path / "ordinary", tmp_path / "whole"
    ordinary.touch()
    with write_whole(whole):
        pass

    assert ordinary.stat().st_mode == whole.stat().st_mode


def test_refuses_a_place_that_is_not_there(tmp_path: Path) -> None:
    """A missing directory, or a directory in the file's place, is named."""
    with pytest.raises(FileNotFoundError, match="there is no directory .*nowhere"):
        check_writable(tmp_path / "nowhere" / "file")
    with pytest.raises(IsADirectoryError, match="it is a directory"):
        check_writable(tmp_path)
    check_writable(tmp_path / "file")


def test_refuses_a_directory_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that may not be written to is named; root may write to all, so it is played."""
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(PermissionError, match="no permission for directory"):
        check_writable(tmp_path / "file")
