"""A file is written whole or not at all."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rnn_core.runtime.files import check_writable, write_json, write_text, write_whole


def test_appears_when_it_is_whole(tmp_path: Path) -> None:
    """The file is there after the block, with all that was written, and nothing beside it."""
    path = tmp_path / "file"
    with write_whole(path) as file:
        file.write(b"first half, ")
        assert not path.exists()
        file.write(b"second half")

    assert path.read_bytes() == b"first half, second half"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="directories are not flushed on this system")
def test_lasts_through_a_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is stored before the name leads to it, and the name before the block is over."""
    path, flushed = tmp_path / "file", []

    def fsync(descriptor: int) -> None:
        flushed.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))

    monkeypatch.setattr("os.fsync", fsync)
    with write_whole(path) as file:
        file.write(b"content")

    assert flushed == [(False, False), (True, True)]


def test_a_file_system_that_flushes_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where directories cannot be flushed, the file is written all the same."""
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        flush(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    with write_whole(tmp_path / "file") as file:
        file.write(b"content")

    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """When writing fails midway, the former file is untouched and nothing is left over."""
    path = tmp_path / "file"
    path.write_bytes(b"former")

    with pytest.raises(error), write_whole(path) as file:
        file.write(b"half")
        raise error

    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    """A temporary file's private permissions do not stay."""
    ordinary, whole = tmp_path / "ordinary", tmp_path / "whole"
    ordinary.touch()
    with write_whole(whole):
        pass

    assert ordinary.stat().st_mode == whole.stat().st_mode


@pytest.mark.parametrize("refuse", [check_writable, lambda path: write_whole(path).__enter__()])
def test_refuses_what_is_no_place_for_a_file(
    tmp_path: Path, refuse: Callable[[Path], object]
) -> None:
    """A missing directory is named; a directory, pipe or device is not replaced."""
    with pytest.raises(FileNotFoundError, match="nowhere is not a directory$"):
        refuse(tmp_path / "nowhere" / "file")
    with pytest.raises(OSError, match="it exists and is not a regular file$"):
        refuse(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="it exists and is not a regular file$"):
            refuse(tmp_path / "pipe")
        assert (tmp_path / "pipe").is_fifo()


def test_checking_leaves_nothing_and_changes_nothing(tmp_path: Path) -> None:
    """What is there stays, and nothing is added."""
    path = tmp_path / "file"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"former")
    check_writable(path)

    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_asks_the_directory_that_the_file_will_be_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a file can be made is tried beside it, under a name of our own."""
    asked: list[tuple[Path, str]] = []

    def refuse(dir: Path, prefix: str) -> None:  # noqa: A002 - tempfile's own name
        asked.append((dir, prefix))
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(PermissionError):
        check_writable(tmp_path / "file")

    assert asked == [(tmp_path.resolve(), ".rnn_core-")]


def test_refuses_a_name_that_the_file_system_refuses(tmp_path: Path) -> None:
    """A name that is too long is found out before the run."""
    with pytest.raises(OSError, match="x"):
        check_writable(tmp_path / ("x" * 300))


def test_takes_the_longest_name(tmp_path: Path) -> None:
    """A name as long as the file system allows is written like any other."""
    path = tmp_path / ("x" * 255)
    check_writable(path)
    with write_whole(path) as file:
        file.write(b"whole")

    assert path.read_bytes() == b"whole"


def test_follows_a_link(tmp_path: Path) -> None:
    """A link stays one, and the file that it leads to is written."""
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "file"
    link.symlink_to(target)
    with write_whole(link) as file:
        file.write(b"whole")

    assert link.is_symlink()
    assert target.read_bytes() == b"whole"


def test_refuses_a_read_only_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be written to is named; root may write to all, so it is played."""
    path = tmp_path / "file"
    path.touch()
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(PermissionError, match="the existing file is read-only$"):
        check_writable(path)


def test_write_text_uses_utf_8(tmp_path: Path) -> None:
    """The encoding does not depend on the system."""
    write_text(tmp_path / "a.txt", "größer\n")

    assert (tmp_path / "a.txt").read_bytes() == "größer\n".encode()


def test_write_json_can_be_read_again(tmp_path: Path) -> None:
    """The file ends with a newline."""
    content = {"cells": ["RNN", "LSTM"], "time": 0.5, "limit": None}
    write_json(tmp_path / "a.json", content)

    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert text.endswith("}\n")


def test_write_json_refuses_numbers_that_json_cannot_express(tmp_path: Path) -> None:
    """NaN would make the file unreadable for other programs."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})

    assert list(tmp_path.iterdir()) == []
