"""Definition of a planted fault."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault: either edits of a source file of `rnn_core`, or a function that breaks Paddle.

    Attributes:
        name: short, unique name.
        stands_for: real bug that the fault stands for, in one line.
        file: edited file, relative to `rnn_core`.
        edits: pairs of a text that occurs once in the file, and its replacement.
        break_paddle: function that breaks Paddle; called before the tests are imported.
    """

    name: str
    stands_for: str
    file: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    break_paddle: Callable[[], None] | None = None


def edit(file: str, name: str, stands_for: str, *edits: tuple[str, str]) -> Fault:
    """A fault in the source of `rnn_core`."""
    return Fault(name, stands_for, file, edits)


def apply_edits(fault: Fault, source: str) -> str:
    """The source with the edits of the fault.

    Raises:
        ValueError: the text of an edit does not occur exactly once.
    """
    for old, new in fault.edits:
        if source.count(old) != 1:
            raise ValueError(
                f"fault {fault.name!r}: {fault.file} must contain {old!r} once, "
                f"but contains it {source.count(old)} times"
            )
        source = source.replace(old, new)
    return source
