"""Types of command-line arguments, for `type=` of `argparse.ArgumentParser.add_argument`.

Each takes the text of an argument and returns its value. An `ArgumentTypeError` says what is
allowed and what was given.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import NoReturn

from rnn_core.config import MOST, SEED_RANGE, SEEDS, check_path
from rnn_core.runtime.files import check_writable
from rnn_core.runtime.messages import LONGEST_ERROR, printable, shown


class Parser(ArgumentParser):
    """A parser whose errors stay short, whatever was given."""

    def error(self, message: str) -> NoReturn:
        """Print the message, without its middle if it is long, and exit with 2."""
        super().error(printable(message, LONGEST_ERROR))


def at_least(minimum: int) -> Callable[[str], int]:
    """A type for integers of at least `minimum` that fit into 64 bits."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ArgumentTypeError(f"must be an integer, got {shown(text)}") from None
        if value < minimum:
            raise ArgumentTypeError(f"must be at least {minimum}, got {shown(value)}")
        if value > MOST:
            raise ArgumentTypeError(f"must be at most {MOST}, got {shown(value)}")
        return value

    return integer


def seed(text: str) -> int:
    """A random seed."""
    value = at_least(0)(text)
    if value >= SEEDS:
        raise ArgumentTypeError(f"must be {SEED_RANGE}, got {value}")
    return value


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
                words = ", ".join(allowed)
                raise ArgumentTypeError(
                    f"must be names from {words}, separated by commas, got {shown(name)}"
                )
        return tuple(name for name in allowed if name in given)

    return names


def key_and_value(text: str) -> tuple[str, str]:
    """The two parts of `KEY=VALUE`; the value may be empty."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ArgumentTypeError(f"must be KEY=VALUE, got {shown(text)}")
    return key, value


def any_path(text: str) -> Path:
    """A path that is not empty."""
    try:
        check_path("it", text)
    except ValueError as error:
        raise ArgumentTypeError(str(error).removeprefix("it ")) from None
    return Path(text)


def writable_path(*suffixes: str) -> Callable[[str], Path]:
    """A type for files that can be written and whose names end in one of `suffixes`."""

    def writable(text: str) -> Path:
        given = any_path(text)
        if given.suffix not in suffixes:
            raise ArgumentTypeError(f"must end in {' or '.join(suffixes)}, got {shown(given.name)}")
        try:
            check_writable(given)
        except OSError as error:
            raise ArgumentTypeError(str(error)) from error
        return given

    return writable


def _number(text: str, accepted: Callable[[float], bool], allowed: str, unit: str = "") -> float:
    """A finite number that is accepted, without its unit; `allowed` describes these numbers."""
    try:
        value = float(text.removesuffix(unit))
    except ValueError:
        value = nan
    if not isfinite(value) or not accepted(value):
        raise ArgumentTypeError(f"must be {allowed}, got {shown(text)}")
    return value
