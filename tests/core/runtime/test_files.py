"""Files are written completely or not at all."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from rnn_core.runtime import files
from rnn_core.runtime.files import (
    PREFIX,
    check_writable,
    parse_json,
    read_file,
    without_waiting,
    write_json,
    write_text,
    write_whole,
)


def test_file_appears_after_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is complete, and no other file is left, even if another one is written meanwhile.

    The system's folder for temporary files may be on another file system, so it is not used.
    """
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    path, other = tmp_path / "file", tmp_path / "other"
    with write_whole(path) as file:
        file.write(b"first half, ")
        with write_whole(other) as second:
            second.write(b"other")
        assert not path.exists()
        file.write(b"second half")

    assert path.read_bytes() == b"first half, second half"
    assert other.read_bytes() == b"other"
    assert sorted(tmp_path.iterdir()) == [path, other]


@pytest.mark.skipif(os.name != "posix", reason="the system cannot sync directories")
def test_file_is_synced_before_the_rename_and_the_directory_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This way, the file survives a power failure; some file systems refuse to sync directories.

    A folder may be one that others may not read.
    """
    path, flushed, opened = tmp_path / "file", [], []

    def fsync(descriptor: int) -> None:
        opened.append(descriptor)
        status = os.fstat(descriptor)
        written = "folder" if stat.S_ISDIR(status.st_mode) else status.st_size
        flushed.append((written, path.exists()))
        if path.exists():
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr("os.fsync", fsync)
    with write_whole(path) as file:
        file.write(b"content")

    assert flushed == [(len(b"content"), False), ("folder", True)]
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    monkeypatch.setattr(os, "O_RDONLY", os.O_WRONLY)  # So that no folder can be opened.
    path = tmp_path / "new"
    write_text(path, "content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_error_while_writing_keeps_the_old_file(
    tmp_path: Path, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No temporary file is left, and none counts as written; nor if a later step fails."""
    monkeypatch.setattr(files, "_any_written", False)
    path = tmp_path / "file"
    path.write_bytes(b"former")

    with pytest.raises(error), write_whole(path) as file:
        file.write(b"half")
        raise error
    for owner, name in ((Path, "replace"), (Path, "chmod"), (os, "fsync")):
        with monkeypatch.context() as failing:
            failing.setattr(owner, name, Mock(side_effect=error))
            with pytest.raises(error), write_whole(path):
                pass

    assert not files.any_written()
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mask", "mode"), [(0o026, 0o640), (0o007, 0o660)])
def test_file_has_the_permissions_of_a_new_file(
    mask: int, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not the private ones of a temporary or the old file; later files have them, too."""
    before = os.umask(mask)
    try:
        (tmp_path / "whole").touch(0o600)
        for _ in range(2):
            with write_whole(tmp_path / "whole"):
                pass
        open(tmp_path / "opened", "a", opener=without_waiting).close()
        monkeypatch.delattr(os, "O_NONBLOCK", raising=False)  # As on Windows.
        open(tmp_path / "there", "a", opener=without_waiting).close()
        (tmp_path / "later").touch()
    finally:
        os.umask(before)

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {mode}


@pytest.mark.parametrize("refuse", [check_writable, lambda path: write_whole(path).__enter__()])
def test_write_rejects_special_places(
    refuse: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory, pipe, device or read-only file is not replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "file")
    for path in (tmp_path / "nowhere" / "file", tmp_path / "link"):
        with pytest.raises(FileNotFoundError, match="nowhere is not a directory$"):
            refuse(path)
    with pytest.raises(OSError, match="it exists and is not a regular file$"):
        refuse(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="it exists and is not a regular file$"):
            refuse(tmp_path / "pipe")
        assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "file").touch()
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)  # Root may write any file.
    with pytest.raises(PermissionError, match="the existing file is read-only$"):
        refuse(tmp_path / "file")


def test_check_writable_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries the name in a temporary folder beside the file, and leaves no new file.

    On a full disk, it leaves none either.
    """
    path, link, tried = tmp_path / "file", tmp_path / "link", list[Path]()

    def full(path: Path) -> None:
        tried.append(path)
        raise OSError(28, "No space left on device")

    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"former")
    link.symlink_to(path)
    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(OSError, match="No space left on device"):
        check_writable(link)

    assert [(path.name, path.parent.parent) for path in tried] == [("file", tmp_path.resolve())]
    assert tried[0].parent.name.startswith(PREFIX)
    assert path.read_bytes() == b"former"
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_write_accepts_the_longest_name_and_check_refuses_a_longer_one(tmp_path: Path) -> None:
    """The temporary name is not longer; a name that is too long is refused before the run."""
    path = tmp_path / ("x" * 255)
    check_writable(path)
    with write_whole(path) as file:
        file.write(b"whole")

    assert path.read_bytes() == b"whole"
    with pytest.raises(OSError, match="x"):
        check_writable(tmp_path / ("x" * 256))
    assert list(tmp_path.iterdir()) == [path]


def test_write_follows_a_symbolic_link(tmp_path: Path) -> None:
    """The link stays, and its target is written; one that leads to itself is replaced."""
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "file"
    link.symlink_to(target)
    with write_whole(link) as file:
        # The link may be on another file system.
        assert sorted(tmp_path.iterdir()) == [target.parent, link]
        file.write(b"whole")

    assert link.is_symlink()
    assert target.read_bytes() == b"whole"
    target.unlink()
    target.symlink_to(target)
    check_writable(link)
    write_text(target, "whole")
    assert target.read_bytes() == b"whole"


def test_write_text_and_json_use_utf_8(tmp_path: Path) -> None:
    """JSON can be read again, and ends with a newline; NaN would make it unreadable elsewhere.

    Who reads it gets an object of their own.
    """
    path, content = tmp_path / "a", {"cells": ["RNN", "größer"], "time": 0.5, "limit": None}
    write_text(path, "größer\r\n")
    assert path.read_bytes() == "größer\r\n".encode()
    write_json(path, content)
    text = path.read_bytes().decode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})

    assert parse_json(text) == content
    assert parse_json(text) is not parse_json(text)
    assert text == json.dumps(content, indent=1) + "\n"
    assert path.read_bytes().decode() == text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_read_file_rejects_what_is_not_a_regular_file(tmp_path: Path) -> None:
    """It does not wait for a pipe, and does not read a device that never ends."""
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match=f"not a regular file: '{path}'$"):
            read_file(path, 7)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 7)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 7)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system has no /proc")
def test_read_file_limits_files_without_a_size() -> None:
    """Files in /proc say that they are empty."""
    with pytest.raises(ValueError, match="/proc/self/status must have at most 9 bytes$"):
        read_file(Path("/proc/self/status"), 9)
