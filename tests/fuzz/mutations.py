"""Changes of files: structured ones, with checksums repaired, and changes of bytes.

A structured change parses the file, changes one part and writes the whole again, so that the result
passes the checks of its container: zip archives keep correct checksums, JSON stays JSON.
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from io import BytesIO
from random import Random
from typing import Any
from xml.etree import ElementTree

import numpy as np

Mutation = Callable[[bytes, Random], bytes]

LARGEST_MEMBER = 2**22  # Size in bytes of an array that is changed again.
BOMB = 2**27  # Size in bytes of an array of zeros that takes 600 KB in an archive.

# Replaced by numbers that JSON writers do not write.
HUGE = "HUGE NUMBER"
NUMBERS = [0, 1, -1, 2, 0.5, -0.0, 5e-324, 1e308, 1e-30, 2**31, 2**32, 2**53 + 1, 2**63 - 1]
NUMBERS += [-(2**63), 2**64, 10**30, 10**400, float("nan"), float("inf"), -float("inf")]
TEXTS = ["", "a", "\x1b[31mred\x1b[0m", "\x00", "\ud800", "é漢\u202e", "../../x", "a" * 100_000]
TEXTS += ["1", "nan", "{}", "<b>&", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59", HUGE]
VALUES: list[Any] = [*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], {"": None}, [0, 1]]


def bytes_changed(content: bytes, random: Random) -> bytes:
    """Flip, insert, remove, repeat or overwrite bytes, or cut the end off."""
    place, length = random.randrange(len(content) + 1), random.choice([1, 1, 2, 4, 8, 64, 1000])
    before, after = content[:place], content[place:]
    rest = after[length:]
    flipped = bytes([after[0] ^ 1 << random.randrange(8)]) + after[1:] if after else b""
    return random.choice(
        [
            before,
            before + rest,
            before + random.randbytes(length) + after,
            before + random.randbytes(length) + rest,
            before + after[:length] * random.randrange(2, 50) + rest,
            before + random.choice([b"\0", b"\xff"]) * length + rest,
            before + flipped,
            before + flipped,
        ]
    )


def json_changed(content: bytes, random: Random) -> bytes:
    """Replace, remove, repeat or nest one value of a JSON document."""
    document = {"": json.loads(content)}
    holder, key = random.choice(list(_places(document)))
    value = holder[key]
    kind = random.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[random.choice(TEXTS)] = holder.pop(key)
    elif kind == 1:
        holder.insert(key, value)
    elif kind == 2:
        other, place = random.choice(list(_places(document)))
        holder[key] = json.loads(json.dumps(other[place]))
    elif kind == 3:
        holder[key] = {"": value} if random.random() < 0.5 else [value]
    elif kind == 4 and isinstance(value, int | float):
        factor = random.choice([-1, 0, 0.5, 2, 1e300])
        holder[key] = random.choice([value + 1, value - 1, value * factor, str(value)])
    elif kind == 4 and isinstance(value, str):
        holder[key] = _text_changed(value, random)
    else:
        holder[key] = random.choice(VALUES)
    text = json.dumps(document.get("", {}), ensure_ascii=random.random() < 0.5)
    huge = random.choice(["9" * 5000, "1e99999", "[" * 50_000 + "]" * 50_000, "{" * 50_000])
    return text.replace(f'"{HUGE}"', huge).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """Every place in a document, as its holder and key."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _text_changed(text: str, random: Random) -> str:
    place = random.randrange(len(text) + 1)
    return text[:place] + random.choice(TEXTS) + text[place + random.randrange(3) :]


def xml_changed(content: bytes, random: Random) -> bytes:
    """Change one element of an XML document, its declaration, or its document type."""
    root = ElementTree.fromstring(content)  # noqa: S314 - a document of ours
    holders = {child: parent for parent in root.iter() for child in parent}
    element = random.choice(list(root.iter()))
    parent = holders.get(element)
    kind = random.randrange(9)
    if kind == 0 and parent is not None:
        parent.remove(element)
    elif kind == 1 and parent is not None:
        parent.insert(0, element)
    elif kind == 2:
        element.tag = random.choice(["testcase", "failure", "skipped", "error", "testsuite", "x"])
    elif kind == 3:
        element.text = _text_changed(element.text or "", random)
    elif kind == 4 and element.attrib:
        del element.attrib[random.choice(list(element.attrib))]
    elif kind == 5:
        element.append(deepcopy(random.choice([*root.iter(), ElementTree.Element("failure")])))
    elif element.attrib:
        name = random.choice(list(element.attrib))
        value = str(random.choice([*VALUES, _text_changed(element.attrib[name], random)]))
        element.set(name, value)
    text = ElementTree.tostring(root, encoding="unicode")
    encoding = random.choice([*["utf-8"] * 20, "utf-16", "latin-1", "x-unknown", "utf-7", "idna"])
    start = random.choice([*[""] * 20, "<!DOCTYPE x>", '<!DOCTYPE x [<!ENTITY a "b">]>'])
    deep = "<a>" * 20_000 if random.random() < 0.01 else ""
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{start}{deep}{text}'
    return declared.encode("utf-16" if encoding == "utf-16" else "utf-8", "surrogatepass")


@dataclass(frozen=True)
class Member:
    """A member of a zip archive as it is stored.

    Attributes:
        name: name of the member.
        stored: bytes in the archive, perhaps compressed.
        crc: checksum of the bytes unpacked.
        size: number of bytes unpacked.
        method: 0 if stored as it is, 8 if compressed.
        flags: flags of the zip format; 1 means encrypted.
    """

    name: str
    stored: bytes
    crc: int
    size: int
    method: int = 0
    flags: int = 0


def member(name: str, content: bytes) -> Member:
    """A member that is not compressed, with the right checksum."""
    return Member(name, content, zlib.crc32(content), len(content))


def zipped(members: list[Member], count: int | None = None, end: bytes = b"") -> bytes:
    """A zip archive of these members, with a wrong `count` and something after its end if given."""
    content, directory = bytearray(), bytearray()
    for each in members:
        name = each.name.encode("utf-8", "surrogatepass")[:0xFFFF]
        sizes = (each.crc, len(each.stored), each.size % 2**32, len(name), 0)
        fields = (each.flags, each.method, 0, 0x21, *sizes)
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, *fields, 0, 0, 0, 0, len(content)
        )
        directory += name
        content += struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, *fields) + name + each.stored
    number = min(len(members) if count is None else count, 0xFFFF)
    last = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, number, number, len(directory), len(content), 0
    )
    return bytes(content + directory + last + end)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array in the format of NumPy."""
    content = BytesIO()
    np.lib.format.write_array(content, array)
    return content.getvalue()


def npz_changed(content: bytes, random: Random) -> bytes:
    """Change one array of a NumPy archive, its header, or the archive's list of members."""
    arrays = _members(content)
    names = list(arrays)
    name, other = random.choice(names), random.choice(names)
    members = [member(f"{key}.npy", data) for key, data in arrays.items()]
    place = names.index(name)
    old = members[place]
    if random.random() < 0.6:
        members[place] = member(old.name, _array_changed(arrays[name], random))
        return zipped(members)
    kind = random.randrange(10)
    if kind == 0:
        del members[place]
    elif kind == 1:
        members.append(members[place])
    elif kind == 2:
        members[place] = replace(old, name=random.choice([*TEXTS, f"{name}.npy.npy", "a" * 70_000]))
    elif kind == 3:
        members[place] = member(old.name, arrays[other])
    elif kind == 4:
        members[place] = replace(old, name=members[names.index(other)].name)
    elif kind == 5:
        size = random.choice([0, 1, old.size - 1, old.size + 1, 2**31, 2**32 - 1])
        members[place] = replace(old, size=size)
    elif kind == 6:
        members[place] = replace(
            old,
            crc=random.choice([old.crc, 0]),
            method=random.choice([1, 8, 12, 14, 99]),
            flags=random.choice([0, 1, 8, 0x20, 0x41, 0x800]),
        )
    elif kind == 7:
        members[place] = bomb(old.name, random.choice([b"", *_HEADERS]))
    elif kind == 8:
        members += [member(f"x{k}.npy", b"") for k in range(random.choice([1, 10, 1500]))]
    else:
        return zipped(members, random.choice([0, 1, 2**16]), random.choice([b"", b"\0", b"PK\5\6"]))
    return zipped(members)


def bomb(name: str, start: bytes, size: int = BOMB) -> Member:
    """A member that unpacks to `size` zeros after `start`."""
    zeros, crc = _zeros(size, zlib.crc32(start))
    compress = zlib.compressobj(1, zlib.DEFLATED, -15)
    stored = compress.compress(start) + compress.flush(zlib.Z_FULL_FLUSH) + zeros
    return Member(name, stored, crc, len(start) + size, method=8)


@cache
def _zeros(size: int, crc: int) -> tuple[bytes, int]:
    """Compressed zeros, and the checksum with that of what comes before."""
    compress = zlib.compressobj(1, zlib.DEFLATED, -15)
    return compress.compress(bytes(size)) + compress.flush(), zlib.crc32(bytes(size), crc)


def header(text: str, version: bytes = b"\1\0") -> bytes:
    """The start of an array in NumPy's format."""
    data = text.encode("utf-8", "surrogatepass")
    return b"\x93NUMPY" + version + struct.pack("<H", min(len(data), 0xFFFF)) + data


def described(dtype: str, shape: str, order: bool = False) -> str:
    """The text of a header, as NumPy writes it."""
    return f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


# Of arrays that fill a bomb.
_HEADERS = [
    header(described(dtype, f"({BOMB // size},)"))
    for dtype, size in {"<f8": 8, "<i8": 8, "|u1": 1, "<f4": 4}.items()
] + [header(described(f"<U{BOMB // 4}", "()"))]
DTYPES = ["<f8", ">f8", "<f4", "<f2", "<i8", "<u8", "|u1", "|b1", "<c16", "|O", "<U3", "|S3", "|V8"]
DTYPES += ["<M8[s]", "<f3", "<U0", "<U99999999", "", "f8,i4", "\x1b", "<f99999999999"]
SHAPES = ["()", "(1,)", "(0,)", "(0, 9)", "(4,)", "(2, 2)", "(-1,)", "(1000000000000,)", "(1.5,)"]
SHAPES += ["(999999999999, 999999999999)", f"({'1, ' * 70})", "4", "None", "(True,)", "(4L,)"]
ODD = [
    "{" * 118,
    "(" * 5000,
    "[" * 90,
    "1" * 9000,
    "'" * 99,
    *("", "\0", "{}\n", "[]\n", "1\n", "\\\n"),
]


def _array_changed(content: bytes, random: Random) -> bytes:
    """Change the header or the data of an array."""
    array = np.lib.format.read_array(BytesIO(content), allow_pickle=False)
    data = array.tobytes()
    if array.dtype.kind == "U" and not array.shape and random.random() < 0.85:
        text = str(array)
        try:
            changed = json_changed(text.encode(), random).decode("utf-8", "surrogatepass")
        except ValueError:
            changed = _text_changed(text, random)
        # As code points: NumPy encodes no lone surrogates.
        points = np.array([ord(each) for each in changed] or [0], "<u4")
        return header(described(f"<U{len(points)}", "()")) + points.tobytes()
    kind = random.randrange(6)
    if kind == 0:
        dtype, shape = random.choice(DTYPES), random.choice([str(array.shape), *SHAPES])
        return header(described(dtype, shape, random.random() < 0.5)) + data
    if kind == 1:
        version = random.choice([b"\1\0", b"\2\0", b"\3\0", b"\0\0", b"\xff\xff"])
        return header(random.choice([*ODD, described("<f8", "(4,)")]), version) + data
    if kind == 2:
        return random.choice([b"", content[:5], content[:9], content[:-1], content + b"\0", data])
    if kind == 3 and array.ndim:
        lengths = list(array.shape)
        axis = random.randrange(len(lengths))
        lengths[axis] = random.choice([0, 1, lengths[axis] + 1, max(lengths[axis] - 1, 0), 50])
        return npy(np.resize(array, lengths))
    if kind == 4:
        with np.errstate(all="ignore"):
            return npy(
                array.astype(random.choice(["f8", "f4", "i8", "i4", "u1", "?", "U9", "c16"]))
            )
    if array.size and array.dtype.kind in "biufc":
        with np.errstate(all="ignore"):
            changed_array = array.reshape(-1).copy()
            number = random.choice([*NUMBERS[:12], *NUMBERS[-3:], *changed_array[:1].tolist()])
            place = slice(random.randrange(array.size), None, random.choice([1, array.size]))
            changed_array[place] = np.array(number).astype(array.dtype)
        return npy(changed_array.reshape(array.shape))
    return npy(np.array(random.choice(TEXTS[5:])))


@lru_cache(maxsize=8)
def _members(content: bytes) -> dict[str, bytes]:
    """The arrays of an archive as they are stored.

    Raises:
        ValueError: one is a bomb.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if any(info.file_size > LARGEST_MEMBER for info in archive.infolist()):
            raise ValueError("the archive holds a bomb")
        return {
            info.filename.removesuffix(".npy"): archive.read(info) for info in archive.infolist()
        }


CHANGES: dict[str, Mutation] = {"npz": npz_changed, "json": json_changed, "xml": xml_changed}
