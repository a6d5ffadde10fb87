"""Locks, which the system releases when the process that holds them ends."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

# With a dot, so that it is not taken for a result.
LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path, timeout: float = 0.0) -> Iterator[None]:
    """Create a folder and lock it, until the `with` block or this process ends.

    Args:
        folder: folder to lock.
        timeout: number of seconds to wait for another run.

    Raises:
        OSError: another run uses the folder, or the folder cannot be created or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / LOCK).acquire(timeout=timeout)
    except Timeout:
        raise BlockingIOError(f"{folder} is in use by another run") from None
    with lock:
        yield


def lock_cpu(number: int) -> FileLock | None:
    """Lock a CPU for this process; None if another process of this user has locked it."""
    lock = FileLock(Path(tempfile.gettempdir()) / f"rnn_core-{os.getuid()}-cpu{number}.lock")
    try:
        lock.acquire(timeout=0)
    except OSError:  # A time-out of the lock is one, too.
        return None
    return lock
