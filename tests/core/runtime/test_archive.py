"""NumPy archives that are damaged or forged are refused before they are unpacked."""

import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnn_core.runtime.archive import Archive, read_archive
from tests.fuzz.mutations import npy, zipped
from tests.helpers.memory import object_bytes

A = np.arange(6.0).reshape(2, 3)
Read = Callable[[Archive], object]


def read(path: Path, use: Read, limit: int = 2**20) -> object:
    """Read an archive as a file of things."""
    return read_archive(path, "file of things", limit, use)


def test_archive_returns_what_savez_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of any order and dtype, texts, integers and JSON."""
    path = tmp_path / "a.npz"
    byte, empty, none = (
        np.array([1, 2], np.int8),
        np.empty((0, 3), np.float32),
        np.array([], dtype=bool),
    )
    arrays = {"c": A, "f": np.asfortranarray(A), "empty": empty, "none.npy": none, "v": byte}
    text = np.array("ü \ud800X", "<U9")
    np.savez(path, t=text, n=np.array(-3), j=np.array('{"a": [1]}'), **arrays)  # type: ignore[arg-type]

    for name, values in arrays.items():
        loaded = read(path, lambda stored, name=name: stored.any_array(name))  # type: ignore[misc]
        np.testing.assert_array_equal(loaded, values, strict=True)
        assert np.asarray(loaded).flags.writeable
    assert read(path, lambda a: (a.text("t"), a.integer("n"))) == ("ü \ud800X", -3)
    assert read(path, lambda a: (a.json("j"), "c" in a, "x" in a)) == ({"a": [1]}, True, False)
    assert read(path, lambda a: a.vector("v", np.int8, 2).tolist()) == [1, 2]
    monkeypatch.setattr("rnn_core.runtime.archive.LONGEST_TEXT", 9)
    assert read(path, lambda a: a.text("t")) == "ü \ud800X"
    with pytest.raises(ValueError, match="j must be a text of at most 9 characters, got <U10"):
        read(path, lambda a: a.text("j"))


def array(stored: Archive) -> object:
    """Read the array `a`."""
    return stored.array("a", np.float64, (2, 3))


def any_array(stored: Archive) -> object:
    """Read the array `a`, whatever its dtype and shape."""
    return stored.any_array("a")


def stored_as(content: bytes, method: int = zipfile.ZIP_STORED, **forged: Any) -> bytes:
    """An archive with the array `a` stored as these bytes; `forged` as in `zipped`."""
    return zipped({"a.npy": content}, method, **forged)


def header(text: str, version: bytes = b"\1\0") -> bytes:
    """The start of an array in NumPy's format."""
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode()


def listing(count: int, size: int) -> bytes:
    """An archive that says how many members it has, and how large their list is."""
    return stored_as(GOOD)[:-12] + struct.pack("<HI", count, size) + stored_as(GOOD)[-6:]


def saved(values: NDArray[Any]) -> bytes:
    """An array as NumPy saves it."""
    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


GOOD = npy("<f8", (2, 3), A.tobytes())
ZEROS = npy("<f8", (2, 3), bytes(2**21))
A_BOMB = stored_as(ZEROS, zipfile.ZIP_DEFLATED)
TWO_BOMBS = zipped({"a.npy": ZEROS, "b.npy": ZEROS}, zipfile.ZIP_DEFLATED)
THOUSAND, MORE = npy("<f8", (1000,), bytes(8000)), bytes(2**21)
A_FORGED_BOMB = stored_as(THOUSAND + MORE, zipfile.ZIP_DEFLATED, file_size=len(THOUSAND))
SHAPE = r"a must be float64 of shape \[2, 3\], got"
UNUSUAL = "a has a header that numpy.savez does not write for numbers"


@pytest.mark.parametrize(
    ("content", "use", "reason"),
    [
        (b"", array, "not a zip archive, or cut short"),
        (stored_as(GOOD)[:-1], array, "not a zip archive, or cut short"),
        (stored_as(GOOD) + b"\0", array, "not a zip archive, or cut short"),
        (b"PK\5\6" + bytes(9), array, "not a zip archive, or cut short"),
        (zipped({}), array, "a is missing"),
        (zipped({}), lambda a: a.integer("\x1b"), r"\\x1b is missing"),
        (stored_as(GOOD), lambda _: [][1], "list index out of range"),
        (stored_as(GOOD), lambda _: int(np.inf), "cannot convert float infinity"),
        (stored_as(GOOD), lambda _: bytes(2**62), ""),  # MemoryError.
        (zipped({"b": GOOD, "a": GOOD}, filename="b"), array, "two arrays have the same name"),
        (
            stored_as(GOOD)[:-22] + b"PK\x06\x07" + bytes(16) + stored_as(GOOD)[-22:],
            array,
            "an archive must hold at most 16000",
        ),
        (listing(16_001, 0), array, "an archive must hold at most 16000"),
        (listing(0, 2**22 + 1), array, "an archive must hold at most 16000"),
        (listing(16_000, 2**22), array, "(?!an archive must)"),
        (A_BOMB, array, "it must unpack to at most 1048576 bytes, got 2097"),
        (stored_as(GOOD[:-1], file_size=len(GOOD)), array, "a is cut short"),
        (stored_as(GOOD, compress_type=99), array, ".*compression"),
        (stored_as(GOOD, flag_bits=1), array, ".*encrypted"),
        (stored_as(b"\xff" * 9, compress_type=8), array, "Error -3 while decompr"),
        # AttributeError of numpy.load: without its magic bytes, it returns the bytes.
        (stored_as(b"no array"), array, "a is not an array of NumPy's format 1.0"),
        (stored_as(header("", b"\3\0")), array, "a is not an array of NumPy's format 1.0"),
        # tokenize.TokenError of numpy.load.
        (stored_as(header("{" * 118)), array, UNUSUAL),
        (stored_as(npy("|O", (), b"8 bytes.")), array, UNUSUAL),
        (stored_as(npy("<f8", (-2, 3), b"")), array, UNUSUAL),
        (stored_as(GOOD[:-1]), array, "a must have 48 bytes of data, as its header declares"),
        (stored_as(GOOD + b"\0"), array, "a must have 48 bytes of data, as its header"),
        (stored_as(npy("<f8", (2, 3, 10**12 - 1), b"")), any_array, "a must have 4799"),
        (stored_as(saved(A.T)), array, rf"{SHAPE} float64 of shape \[3, 2\]"),
        (stored_as(saved(A[0])), array, rf"{SHAPE} float64 of shape \[3\]"),
        (stored_as(saved(A.astype(np.float32))), array, rf"{SHAPE} float32 of shape \[2, 3\]"),
        (stored_as(saved(A.astype(">f8"))), array, rf"{SHAPE} >f8 of shape \[2, 3\]"),
        (stored_as(GOOD), lambda a: a.text("a"), "a must be a text of at most 1048576 char"),
        (stored_as(saved(A[0, 0])), lambda a: a.text("a"), "a must be a text of at most"),
        (
            stored_as(saved(A[0].astype(np.int8))),
            lambda a: a.vector("a", np.int8, 2),
            r"a must be int8 of shape \[2 or less\], got int8 of shape \[3\]",
        ),
        (
            stored_as(GOOD),
            lambda a: a.vector("a", np.float64, 2),
            r"a must be float64 of shape \[2 or less\], got float64 of shape \[2, 3\]",
        ),
        (
            stored_as(saved(A[0].astype(np.float32))),
            lambda a: a.vector("a", np.float64, 3),
            r"a must be float64 of shape \[3 or less\], got float32 of shape \[3\]",
        ),
        (stored_as(GOOD), lambda a: a.integer("a"), r"a must be int64 of shape \[\], got float64"),
        (stored_as(saved(np.array(["a"]))), lambda a: a.text("a"), "a must be a text of at most"),
        (stored_as(saved(np.array("a"))), any_array, "a must be numbers, got <U1"),
        (stored_as(saved(np.array("{"))), lambda a: a.json("a"), "a: Expecting property name"),
        (stored_as(saved(np.array("[" * 10**5))), lambda a: a.json("a"), "a: the JSON is nested"),
        (stored_as(npy("<U1", (), b"\xff" * 4)), lambda a: a.text("a"), ".*not in range"),
    ],
)
def test_archive_refuses_forgeries(content: bytes, use: Read, reason: str, tmp_path: Path) -> None:
    """The error is a ValueError that names the file."""
    path = tmp_path / "a.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=rf"/a\.npz is not a valid file of things: {reason}"):
        read(path, use)


@pytest.mark.parametrize(
    ("bomb", "limit", "reason"),
    [
        (TWO_BOMBS, 2 * len(ZEROS) - 1, "it must unpack to at most"),
        (TWO_BOMBS, 2 * len(ZEROS), "a must have 48 bytes of data"),
        (A_FORGED_BOMB, 2**20, "Bad CRC-32"),
    ],
)
def test_archive_refuses_a_bomb_without_unpacking_it(
    bomb: bytes, limit: int, reason: str, tmp_path: Path
) -> None:
    """An array that unpacks to 2 MiB is refused, whatever its size says; it takes no memory."""
    path = tmp_path / "a.npz"
    path.write_bytes(bomb)

    def refused() -> None:
        with pytest.raises(ValueError, match=reason):
            read(path, any_array, limit)

    assert object_bytes(refused)[1] < 2**20


def test_archive_reads_other_compression_of_zip(tmp_path: Path) -> None:
    """Arrays compressed by `numpy.savez_compressed` or a zip program are read, too."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", saved(A))

    np.testing.assert_array_equal(read(path, array), A, strict=True)
    assert read(path, lambda a: (a.size("a"), a.size("b"))) == (len(GOOD), 0)
