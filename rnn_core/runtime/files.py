"""Writing files completely or not at all, and reading files that may come from elsewhere."""

import errno
import json
import math
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rnn_core.runtime.messages import shown

# Start of the temporary name; short, since file systems limit the length of names.
PREFIX = ".rnn_core-"

_any_written = False


def any_written() -> bool:
    """Whether this process has written a file."""
    return _any_written


@contextmanager
def open_regular(path: Path, limit: int) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; never wait for a pipe or read from a device.

    Args:
        path: path of the file.
        limit: largest size that such a file can have, in bytes.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
        ValueError: the file is larger than `limit`.
    """
    with open(path, "rb", opener=without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > limit:
            raise ValueError(f"{path} must have at most {limit} bytes, got {status.st_size}")
        yield file


def without_waiting(path: str, flags: int) -> int:
    """An `opener` for `open` that does not wait for the other end of a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)  # Windows has no such flag.


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        OSError, ValueError: as `open_regular`.
    """
    with open_regular(path, limit) as file:
        content = file.read(limit + 1)  # Files in /proc have more than their size says.
    if len(content) > limit:
        raise ValueError(f"{path} must have at most {limit} bytes")
    return content


def parse_json(text: str | bytes) -> Any:
    """Parse JSON from elsewhere.

    Raises:
        ValueError: the text is not JSON, holds a NaN or an infinity, repeats a key in an object, or
            is nested too deeply.
    """
    try:
        return json.loads(
            text, parse_constant=_not_json, parse_float=_finite, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


@contextmanager
def write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears at `path` only when the `with` block ends without an error.

    Until then, and after an error or a crash, an earlier file at `path` is unchanged. After the
    block, the file survives a power failure. Symbolic links are followed; devices, pipes and
    directories are not replaced.

    Raises:
        OSError: the file cannot be written.
    """
    global _any_written
    path = _regular(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _any_written = True
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8 text, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with write_whole(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, completely or not at all.

    Raises:
        OSError: the file cannot be written.
        ValueError: the content has a NaN or an infinity, which JSON cannot express.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def check_writable(path: Path) -> None:
    """Raise OSError unless a file can be written at `path`, to fail before a long run."""
    path = _regular(path)
    # Only the file system knows whether it accepts this name and has room.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PREFIX) as folder:
        (Path(folder) / path.name).touch()


def _regular(path: Path) -> Path:
    """The resolved path, if a file exists there or can be created there."""
    path = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a link to itself.
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: {path.parent} is not a directory")
    if path.exists() and not path.is_file():
        raise OSError(f"cannot write {path}: it exists and is not a regular file")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"cannot write {path}: the existing file is read-only")
    return path


def _sync_directory(directory: Path) -> None:
    """Fsync the directory so that the rename survives a power failure."""
    # Windows cannot open a directory, and some file systems cannot fsync one. The file is complete
    # even then, but after a power failure the old file may be back.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _not_json(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    if math.isinf(value := float(number)):
        raise ValueError(f"{shown(number)} is too large for a float")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = next(key for key in times if times[key] > 1)
        raise ValueError(f"the key {shown(twice)} occurs twice in an object")
    return found


def _umask() -> int:
    """The umask of this process, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
