"""Definition of a planted fault, and the catalogue of those in the source of `rnn_core`.

The `.diff` files beside this module hold the catalogue. A heading names the edited file; each fault
has a name, the bug that it stands for, and one or more edits. The lines after `-` are a text that
occurs once in the file, and those after `+` its replacement. A line after `@`, below a heading or a
name, gives the test files that should notice; `slow` before them selects their slow tests too:

    # rnn_core/cells.py
    @ oracle/test_cells.py

    lstm-old-cell-shown: the output reads the cell before its update
    @ core/test_cells.py
    - c = f * c + i * a
    -         h = o * F.tanh(c)
    + h = o * F.tanh(c)
    +         c = f * c + i * a
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = re.compile(r"^@ (.+)\n")
EDIT = re.compile(r"((?:^-(?: .*)?\n)+)((?:^\+(?: .*)?\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """One fault: either edits of a source file, or a function that breaks Paddle.

    Attributes:
        name: short, unique name.
        stands_for: real bug that the fault stands for, in one line.
        tests: test files that should notice, relative to `tests`; `slow` before them selects their
            slow tests too.
        file: edited file, relative to the root of the project.
        edits: pairs of a text that occurs once in the file, and its replacement.
        break_paddle: function that breaks Paddle; called before the tests are imported.
    """

    name: str
    stands_for: str
    tests: str = ""
    file: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    break_paddle: Callable[[], None] | None = None

    @property
    def slow(self) -> bool:
        """Whether only slow tests notice."""
        return self.tests.startswith("slow ")

    @property
    def files(self) -> list[str]:
        """The test files that should notice."""
        return self.tests.removeprefix("slow ").split()


def read_faults(text: str) -> Iterator[Fault]:
    """Faults in the source, from the content of a `.diff` file.

    Raises:
        ValueError: a fault has no file, no name, no bug or no edit, or a line cannot be read.
    """
    file = usual = ""
    for block in text.strip().split("\n\n"):
        title, _, edits = f"{block}\n".partition("\n")
        named = TESTS.match(edits)
        edits = TESTS.sub("", edits)
        if title.startswith("# "):
            file, usual = title.removeprefix("# "), named[1] if named else ""
            continue
        name, _, stands_for = title.partition(": ")
        if not (file and name and stands_for and edits) or EDIT.sub("", edits):
            raise ValueError(
                f"expected `name: bug` and lines that begin with - or +, got {block!r}"
            )
        pairs = [(unmarked(old), unmarked(new)) for old, new in EDIT.findall(edits)]
        yield Fault(name, stands_for, named[1] if named else usual, file, tuple(pairs))


def unmarked(lines: str) -> str:
    """The text of lines, without the mark at the beginning of each."""
    return "\n".join(line[2:] for line in lines.splitlines())


SOURCE_FAULTS = tuple(
    fault
    for path in sorted(Path(__file__).parent.glob("*.diff"))
    for fault in read_faults(path.read_text(encoding="utf-8"))
)


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
