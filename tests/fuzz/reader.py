"""What the fuzzer needs to know about a reader."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: name of the reader.
        suffix: kind of file: "npz", "json" or "xml".
        write: functions that write a valid file each.
        read: function that reads a file.
        check: function that raises AssertionError if a result breaks an invariant.
        errors: documented errors.
    """

    name: str
    suffix: str
    write: tuple[Callable[[Path], object], ...]
    read: Callable[[Path], Any]
    check: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = (OSError, ValueError)
