"""Locks of folders and CPUs; one process stands in for two, since each lock has its own file."""

from pathlib import Path

import pytest
from filelock import FileLock

from benchmarks.locks import LOCK, lock_folder


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    """It can be locked again when the first lock is released."""
    with (
        lock_folder(tmp_path / "new" / "r"),
        pytest.raises(OSError, match="r is in use by another run"),
        lock_folder(tmp_path / "new" / "r"),
    ):
        pass
    with lock_folder(tmp_path / "new" / "r"):
        pass


def test_folder_can_be_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may need it only for a moment."""
    held = FileLock(tmp_path / LOCK).acquire()
    monkeypatch.setattr("time.sleep", lambda _: held.lock.release())
    with lock_folder(tmp_path, timeout=60):
        pass
