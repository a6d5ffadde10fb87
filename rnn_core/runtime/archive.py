"""Reading NumPy archives (`.npz`) that may be damaged or forged.

`numpy.load` evaluates headers as Python and allocates what they declare. Here, only headers that
`numpy.savez` writes are accepted, none of which declares a pickle, and the dtype, shape and size of
an array are checked before it is unpacked.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnn_core.runtime.files import open_regular, parse_json
from rnn_core.runtime.messages import printable

MOST_ARRAYS = 16_000
LARGEST_DIRECTORY = 2**22  # Size in bytes of the list of members: 262 for each array.
LONGEST_TEXT = 2**20  # Number of characters.

MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    r"\{'descr': '([<>|][biufcU]\d{1,8})', 'fortran_order': (False|True), "
    r"'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?)\), \} *\n"
)
# End of a zip archive: size and first bytes of its last record, and of the one before for archives
# above 4 GiB.
END, END_SIZE = b"PK\x05\x06", 22
END_64, END_64_SIZE = b"PK\x06\x07", 20

# Exceptions raised while reading a damaged or foreign archive.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    OverflowError,
    OSError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

Content = TypeVar("Content")


class Archive:
    """The arrays of an `.npz` file, which are unpacked one at a time.

    Every method raises one of `DAMAGE` if the array is missing, damaged or of another kind.

    Args:
        file: file, open for reading.
        limit: largest size of all arrays together, in bytes.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        _check_directory(file)
        self._zip = zipfile.ZipFile(file)
        members = self._zip.infolist()
        self._members = {member.filename.removesuffix(".npy"): member for member in members}
        if len(self._members) < len(members):
            raise ValueError("two arrays have the same name")
        size = sum(member.file_size for member in members)
        if size > limit:
            raise ValueError(f"it must unpack to at most {limit} bytes, got {size}")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, prefix: str) -> int:
        """Size of the arrays whose names start with `prefix`, unpacked, in bytes."""
        members = self._members.items()
        return sum(member.file_size for name, member in members if name.startswith(prefix))

    def array(self, name: str, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
        """Unpack an array of this dtype and shape."""
        wanted = f"{np.dtype(dtype)} of shape {list(shape)}"
        return self._unpack(name, wanted, lambda *found: found == (dtype, shape))

    def vector(self, name: str, dtype: DTypeLike, longest: int) -> NDArray[Any]:
        """Unpack a one-dimensional array of this dtype and at most this length."""
        wanted = f"{np.dtype(dtype)} of shape [{longest} or less]"
        return self._unpack(
            name,
            wanted,
            lambda found, shape: (found, len(shape)) == (dtype, 1) and shape[0] <= longest,
        )

    def any_array(self, name: str) -> NDArray[Any]:
        """Unpack an array of numbers or booleans of any shape."""
        return self._unpack(name, "numbers", lambda dtype, _: dtype.kind != "U")

    def text(self, name: str) -> str:
        """Unpack a text."""

        def is_text(dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> bool:
            return dtype.str[:2] == "<U" and not shape and dtype.itemsize <= 4 * LONGEST_TEXT

        wanted = f"a text of at most {LONGEST_TEXT} characters"
        # NumPy fills up with zeros, and raises SystemError for what is not a character.
        content = self._unpack(name, wanted, is_text).tobytes()
        return content.decode("utf-32-le", "surrogatepass").rstrip("\0")

    def integer(self, name: str) -> int:
        """Unpack an integer."""
        return int(self.array(name, np.int64, ()))

    def json(self, name: str) -> Any:
        """Unpack a text of JSON."""
        try:
            return parse_json(self.text(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def _unpack(
        self, name: str, wanted: str, fits: Callable[["np.dtype[Any]", tuple[int, ...]], bool]
    ) -> NDArray[Any]:
        """Unpack an array whose dtype and shape fit; `wanted` describes these."""
        if name not in self._members:
            raise ValueError(f"{name} is missing")
        member = self._members[name]
        with self._zip.open(member) as file:
            start = file.read(len(MAGIC) + 2)
            if not start.startswith(MAGIC):
                raise ValueError(f"{name} is not an array of NumPy's format 1.0")
            header = file.read(int.from_bytes(start[len(MAGIC) :], "little"))
            found = HEADER.fullmatch(header.decode("latin-1"))
            if found is None:
                raise ValueError(f"{name} has a header that numpy.savez does not write for numbers")
            dtype = np.dtype(found[1])
            shape = tuple(int(length) for length in re.findall(r"\d+", found[3]))
            if not fits(dtype, shape):
                raise ValueError(f"{name} must be {wanted}, got {dtype} of shape {list(shape)}")
            size = prod(shape) * dtype.itemsize
            if len(start) + len(header) + size != member.file_size:
                raise ValueError(f"{name} must have {size} bytes of data, as its header declares")
            content = bytearray(file.read(size))
            if len(content) < size:
                raise ValueError(f"{name} is cut short")
        flat = np.frombuffer(content, dtype)
        return flat.reshape(shape, order="F" if found[2] == "True" else "C")


def read_archive(path: Path, kind: str, limit: int, read: Callable[[Archive], Content]) -> Content:
    """Read an `.npz` file.

    Args:
        path: path of the file.
        kind: what the file must be, for the error: "trace".
        limit: largest size of the file, and of all its arrays together, in bytes.
        read: function that makes the result of the arrays.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
        ValueError: the file is too large or damaged, or `read` raised one of `DAMAGE`.
    """
    with open_regular(path, limit) as file:
        try:
            return read(Archive(file, limit))
        except DAMAGE as error:
            # str(KeyError("a")) is "'a'".
            raise ValueError(f"{path} is not a valid {kind}: {printable(str(error))}") from error


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a list of members that is longer than a file of ours can have, before reading it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END_SIZE - END_64_SIZE))
    tail = file.read()
    end = tail[-END_SIZE:]
    if len(end) < END_SIZE or not end.startswith(END):
        raise ValueError("not a zip archive, or cut short")
    count, directory = struct.unpack("<10xHI6x", end)
    if tail.startswith(END_64) or count > MOST_ARRAYS or directory > LARGEST_DIRECTORY:
        raise ValueError(f"an archive must hold at most {MOST_ARRAYS} arrays")
