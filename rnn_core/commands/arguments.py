"""Types of command-line arguments, for `type=` of `argparse.ArgumentParser.add_argument`.

Each takes the text of an argument and returns its value. An `ArgumentTypeError` says what is
allowed and what was given.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from math import isfinite, nan
from pathlib import Path

from rnn_core.commands.plot import check_plot_path
from rnn_core.runtime.files import check_writable


def at_least(minimum: int) -> Callable[[str], int]:
    """A type for integers of at least `minimum`."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ArgumentTypeError(f"must be an integer, got {text!r}") from None
        if value < minimum:
            raise ArgumentTypeError(f"must be at least {minimum}, got {value}")
        return value

    return integer


def positive_number(text: str) -> float:
    """A finite number greater than 0."""
    return _number(text, lambda value: value > 0, "a number greater than 0")


def non_negative_number(text: str) -> float:
    """A finite number of at least 0."""
    return _number(text, lambda value: value >= 0, "a number of at least 0")


def percentage(text: str) -> float:
    """The fraction that `5`, `5%` or `2.5` stands for, greater than 0 and less than 1."""
    allowed = "greater than 0% and less than 100%"
    return _number(text, lambda value: 0 < value < 100, allowed, unit="%") / 100


def percentages(text: str) -> tuple[float, ...]:
    """The fractions that `0,5,10%` stands for, each from 0 to 10, sorted and without repetition."""
    allowed = "percentages from 0 to 1000, separated by commas"
    parts = text.split(",")
    values = {_number(part, lambda value: 0 <= value <= 1000, allowed, "%") for part in parts}
    return tuple(sorted(value / 100 for value in values))


def names_from(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A type for names separated by commas; returns each once, in the order of `allowed`."""

    def names(text: str) -> tuple[str, ...]:
        given = [name.strip() for name in text.split(",")]
        for name in given:
            if name not in allowed:
                raise ArgumentTypeError(
                    f"must be names from {', '.join(allowed)}, separated by commas, got {name!r}"
                )
        return tuple(name for name in allowed if name in given)

    return names


def key_and_value(text: str) -> tuple[str, str]:
    """The two parts of `KEY=VALUE`; the value may be empty."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    return key, value


def writable_path(*suffixes: str) -> Callable[[str], Path]:
    """A type for files that can be written and whose names end in one of `suffixes`."""

    def path(text: str) -> Path:
        given = Path(text)
        if given.suffix not in suffixes:
            raise ArgumentTypeError(f"must end in {' or '.join(suffixes)}, got {given.name!r}")
        try:
            check_writable(given)
        except OSError as error:
            raise ArgumentTypeError(str(error)) from error
        return given

    return path


def plot_path(text: str) -> Path:
    """A picture that matplotlib can draw and that can be written."""
    path = Path(text)
    try:
        check_plot_path(path)
    except (ImportError, ValueError, OSError) as error:
        raise ArgumentTypeError(str(error)) from error
    return path


def _number(text: str, accepted: Callable[[float], bool], allowed: str, unit: str = "") -> float:
    """A finite number that is accepted, without its unit; `allowed` describes these numbers."""
    try:
        value = float(text.removesuffix(unit))
    except ValueError:
        value = nan
    if not isfinite(value) or not accepted(value):
        raise ArgumentTypeError(f"must be {allowed}, got {text!r}")
    return value
