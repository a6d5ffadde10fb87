"""What a planted fault is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault: either edits of `rnn_core`'s source, or a function that breaks Paddle.

    Attributes:
        name: short and unique.
        stands_for: the real bug that it stands for, in one line.
        file: in `rnn_core`, for edits.
        edits: what stands there once, and what stands there instead.
        break_paddle: called before the tests are imported.
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
    """The source with the fault in it.

    Raises:
        ValueError: an edit does not fit, since what it edits has changed.
    """
    for old, new in fault.edits:
        if source.count(old) != 1:
            raise ValueError(
                f"fault {fault.name!r} edits {old!r}, which {fault.file} has "
                f"{source.count(old)} times, not once"
            )
        source = source.replace(old, new)
    return source
