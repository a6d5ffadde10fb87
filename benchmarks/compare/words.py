"""Words for the verdicts on a benchmark, by whatever measure."""

from typing import Literal, get_args

Word = Literal[
    "slower",
    "faster",
    "more instructions",
    "fewer instructions",
    "more memory",
    "less memory",
    "same",
    "cannot tell",
]

WORDS: tuple[Word, ...] = get_args(Word)
SAME: Word = "same"
CANNOT_TELL: Word = "cannot tell"
