"""Values and texts from elsewhere in messages: short, and without control characters."""

import reprlib
import sys

LONGEST, LONGEST_ERROR = 300, 3000  # Numbers of characters.


class _Short(reprlib.Repr):
    """`repr` in at most a line, whatever the size of the value."""

    def repr_int(self, value: int, _level: int) -> str:
        # Python refuses to print an int of more than 4300 digits.
        return repr(value) if value.bit_length() <= 128 else f"an int of {value.bit_length()} bits"


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value: object) -> str:
    """`repr(value)`, shortened in the middle if it is long, in one line."""
    return printable(" ".join(_SHORT.repr(value).split()))


def printable(text: str, longest: int = LONGEST, keep: str = "") -> str:
    """The text with its control characters escaped, except `keep`, and without a long middle."""
    if len(text) > longest:
        text = f"{text[: longest * 2 // 3]} ... {text[-longest // 4 :]}"
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode()
        for each in text
    )


def complain(text: str, kind: str = "error") -> None:
    """Print a message, which may hold texts from elsewhere, on standard error."""
    print(f"{kind}:", printable(text, LONGEST_ERROR, keep="\n"), file=sys.stderr)
