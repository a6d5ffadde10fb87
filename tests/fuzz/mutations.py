"""Changes of files: structured ones, with checksums repaired, and changes of bytes.

A structured change parses the file, changes one part and writes the whole again, so that the result
passes the checks of its container: zip archives keep correct checksums, JSON stays JSON.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from io import BytesIO
from random import Random
from typing import Any
from xml.etree import ElementTree

import numpy as np

Mutation = Callable[[bytes, Random], bytes]

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


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, **forged: Any) -> bytes:
    """A zip archive of these members; `forged` replaces what its directory says of the last one."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for field, value in forged.items():
            setattr(archive.infolist()[-1], field, value)
    return file.getvalue()


def npy(dtype: str, shape: object, data: bytes) -> bytes:
    """Data in NumPy's format, with a header that may be wrong."""
    file = BytesIO()
    about = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue() + data


# What the directory of an archive says of a member.
FORGED: list[tuple[str, list[Any]]] = [
    ("file_size", [0, 1, 2**31, 2**32 - 1]),
    ("compress_size", [0, 1, 2**31, 2**32 - 1]),
    ("CRC", [0]),
    ("compress_type", [1, 8, 12, 14, 99]),
    ("flag_bits", [1, 8, 0x20, 0x41, 0x800]),
    ("filename", ["format.npy", "loss.npy", "about.npy", "0.npy"]),
]
DTYPES = ["<f8", ">f8", "<f4", "<f2", "<i8", "<u8", "|u1", "|b1", "<c16", "|O", "<U3", "|S3", "|V8"]
DTYPES += ["<M8[s]", "<f3", "<U0", "<U99999999", "", "f8,i4", "\x1b", "<f99999999999"]
SHAPES: list[Any] = [(), (1,), (0,), (0, 9), (4,), (2, 2), (-1,), (10**12,), (1.5,), (True,)]
SHAPES += [(10**12, 10**12), (1,) * 70, 4, None, {}, "(" * 5000]


def npz_changed(content: bytes, random: Random) -> bytes:
    """Change one array of a NumPy archive, its header, or the archive's list of members."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name, other = random.choice(list(members)), random.choice(list(members))
    changed = members.pop(name)  # It comes last.
    kind = random.randrange(12)
    if kind == 0:
        return zipped(members)
    if kind == 1:
        return zipped({**members, random.choice([*TEXTS, f"{name}.npy", "a" * 70_000]): changed})
    if kind == 2:
        return zipped({**members, name: members.get(other, b"")})
    if kind == 3:
        extra = {f"x{k}.npy": b"" for k in range(random.choice([1, 10, 1500]))}
        return zipped({**members, name: changed, **extra})
    if kind == 4:
        field, values = random.choice(FORGED)
        return zipped({**members, name: changed}, **{field: random.choice(values)})
    return zipped({**members, name: _array_changed(changed, random)})


def _array_changed(content: bytes, random: Random) -> bytes:
    """Change the header or the data of an array."""
    array = np.lib.format.read_array(BytesIO(content), allow_pickle=False)
    data, kind = array.tobytes(), random.randrange(6)
    if array.dtype.kind == "U" and not array.shape and random.random() < 0.85:
        text = str(array)
        try:
            changed = json_changed(text.encode(), random).decode("utf-8", "surrogatepass")
        except ValueError:
            changed = _text_changed(text, random)
        # As code points: NumPy encodes no lone surrogates.
        points = np.array([ord(each) for each in changed] or [0], "<u4")
        return npy(f"<U{len(points)}", (), points.tobytes())
    if kind == 0:
        return npy(random.choice(DTYPES), random.choice([array.shape, *SHAPES]), data)
    if kind == 1:
        return random.choice([b"", content[:5], content[:9], content[:-1], content + b"\0", data])
    with np.errstate(all="ignore"):
        if kind == 2 and array.ndim:
            lengths = list(array.shape)
            axis = random.randrange(len(lengths))
            lengths[axis] = random.choice([0, 1, lengths[axis] + 1, max(lengths[axis] - 1, 0), 50])
            array = np.resize(array, lengths)
        elif kind == 3:
            array = array.astype(random.choice(["f8", "f4", "i8", "i4", "u1", "?", "U9", "c16"]))
        elif array.size and array.dtype.kind in "biufc":
            array = array.copy()
            number = random.choice([*NUMBERS[:12], *NUMBERS[-3:], *array.flat[:1].tolist()])
            place = slice(random.randrange(array.size), None, random.choice([1, array.size]))
            array.flat[place] = np.array(number).astype(array.dtype)
        else:
            array = np.array(random.choice(TEXTS[5:]))
    return npy(array.dtype.str, array.shape, array.tobytes())


CHANGES: dict[str, Mutation] = {"npz": npz_changed, "json": json_changed, "xml": xml_changed}
