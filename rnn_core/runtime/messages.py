"""Values in error messages."""

import reprlib


class _Short(reprlib.Repr):
    """`repr` in at most a line, whatever the size of the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to print an int of more than 4300 digits.
        digits = value.bit_length() <= 128
        return super().repr_int(value, level) if digits else f"an int of {value.bit_length()} bits"


_SHORT = _Short()


def shown(value: object) -> str:
    """`repr(value)`, shortened in the middle if it is long, in one line."""
    return " ".join(_SHORT.repr(value).split())
