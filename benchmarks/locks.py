"""Locks, which the system releases when the process that holds them ends."""

import os
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

# With a dot, so that it is not taken for a result.
LOCK = ".lock"


def lock_folder(folder: Path, timeout: float = 0.0) -> FileLock:
    """Create a folder and lock it, until the lock is released or this process ends.

    Args:
        folder: folder to lock.
        timeout: number of seconds to wait for another run.

    Raises:
        OSError: another run uses the folder, or the folder cannot be created or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise BlockingIOError(f"{folder} is in use by another run") from None
    return lock


def lock_cpu(number: int) -> FileLock | None:
    """Lock a CPU for this process; None if another process of this user has locked it."""
    lock = FileLock(Path(tempfile.gettempdir()) / f"rnn_core-{os.getuid()}-cpu{number}.lock")
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return None
    return lock
