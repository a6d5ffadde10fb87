"""Files that are written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# Of the file that is written first; short, since a file system limits the length of names.
PREFIX = ".rnn_core-"


@contextmanager
def write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under `path` only when the `with` block ends without an error.

    Until then, and after an error or a crash, what was at `path` before is untouched. After the
    block the file lasts through a power failure too. A link is followed; a device, a pipe or a
    directory is not replaced.

    Raises:
        OSError: the file cannot be written.
    """
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
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _keep_name(path.parent)


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
    """Raise OSError unless a file can be made at `path`: better before a long run than after."""
    path = _regular(path)
    # The file system alone knows whether it takes this name and has room, so ask it.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PREFIX) as folder:
        (Path(folder) / path.name).touch()


def _regular(path: Path) -> Path:
    """What `path` leads to, if a file is there or may be made there."""
    path = path.resolve()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    if path.exists() and not path.is_file():
        raise OSError(f"cannot write {path}: it is there, and is no regular file")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"cannot write {path}: the file that is there is read-only")
    return path


def _keep_name(directory: Path) -> None:
    """Have the file system store a new name in `directory`, where it does so when asked."""
    # Windows opens no directory, and not every file system flushes one: then the file is whole all
    # the same, under its old or its new name.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
