"""Words for the verdicts on a benchmark."""

from typing import Literal, get_args

Word = Literal["slower", "faster", "same", "cannot tell"]

WORDS: tuple[Word, ...] = get_args(Word)
SLOWER, FASTER, SAME, CANNOT_TELL = WORDS
