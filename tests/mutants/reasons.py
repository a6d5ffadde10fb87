r"""Why mutants that no test notices are equivalent to the source or do not matter.

`reasons.txt` has the reasons. Three patterns follow each: `path::function`, the lines of the source
that a mutant changes, and those that replace them. So a reason may cover a whole kind of changes;
mutmut's numbers would shift with every change of a function. Mutants whose reason begins with
"equivalent: " do the same as the source, and do not count:

    equivalent: The sum of no terms.
    @ rnn_core/cells.py::LSTMCell.forward
    - total = 0
    + total = (None|0\.0)
"""

import re
from pathlib import Path
from typing import NamedTuple

REASON = re.compile(r"(equivalent: )?(.+)\n@ (.+)\n-(?: (.*))?\n\+(?: (.*))?\n?")


class Reason(NamedTuple):
    """Why no test notices some mutants.

    Attributes:
        equivalent: whether the mutants do the same as the source.
        why: the reason.
        where: pattern of `path::function`.
        old: pattern of the lines of the source that a mutant changes.
        new: pattern of the lines that replace them.
    """

    equivalent: bool
    why: str
    where: str
    old: str
    new: str

    def fits(self, where: str, old: str, new: str) -> bool:
        """Whether the reason holds for a mutant."""
        pairs = ((self.where, where), (self.old, old), (self.new, new))
        return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in pairs)


def read_reasons(text: str) -> list[Reason]:
    """Read reasons that are separated by blank lines.

    Raises:
        ValueError: a reason lacks a line, or has one too many.
    """
    reasons = []
    for block in text.split("\n\n"):
        match = REASON.fullmatch(block)
        if match is None:
            raise ValueError(f"expected a reason and lines with @, - and +, got {block!r}")
        equivalent, *texts = match.groups(default="")
        reasons.append(Reason(bool(equivalent), *texts))
    return reasons


REASONS = read_reasons(Path(__file__).with_name("reasons.txt").read_text(encoding="utf-8"))
