"""Types of command-line options, shared by all commands.

Each turns an option's text into its value. For any other text it raises `ArgumentTypeError`, which
argparse reports with the option's name before it exits with status 2.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from rnn_core.runtime.files import check_writable

RESULT_FORMATS = (".md", ".json")


def integer_at_least(least: int) -> Callable[[str], int]:
    """Make a type for integers not smaller than `least`, which must not be negative."""

    def integer(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be an integer of at least {least}, got {text!r}"
            )
        return int(text)

    return integer


def number_at_least(least: float) -> Callable[[str], float]:
    """Make a type for finite numbers not smaller than `least`."""

    def number(text: str) -> float:
        value = _float(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(
                f"must be a finite number of at least {least:g}, got {text!r}"
            )
        return value

    return number


def positive_number(text: str) -> float:
    """Read a finite number greater than 0."""
    value = _float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a finite number greater than 0, got {text!r}")
    return value


def percentage(text: str) -> float:
    """Read a percentage between 0 and 100, both excluded, as a fraction: `5` or `5%` is 0.05."""
    value = _float(text.removesuffix("%")) / 100
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be between 0% and 100%, got {text!r}")
    return value


def list_of(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Make a type for allowed names separated by commas: each once, in the order of `allowed`."""

    def names(text: str) -> tuple[str, ...]:
        given = [name.strip() for name in text.split(",")]
        for name in given:
            if name not in allowed:
                raise argparse.ArgumentTypeError(
                    f"must be names from {', '.join(allowed)}, separated by commas, got {name!r}"
                )
        return tuple(name for name in allowed if name in given)

    return names


def key_value(text: str) -> tuple[str, str]:
    """Read `KEY=VALUE`; the value may be empty and may contain `=`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    return key, value


def writable_file(text: str) -> Path:
    """Read the path of a file that can be written."""
    path = Path(text)
    try:
        check_writable(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def result_file(text: str) -> Path:
    """Read the path of a writable file of results, `.md` or `.json`."""
    if Path(text).suffix not in RESULT_FORMATS:
        raise argparse.ArgumentTypeError(
            f"must end in {' or '.join(RESULT_FORMATS)}, got {Path(text).name!r}"
        )
    return writable_file(text)


def plot_file(text: str) -> Path:
    """Read the path of a writable picture in a format that matplotlib draws."""
    from rnn_core.commands.plot import check_plot_path

    try:
        check_plot_path(Path(text))
    except (ImportError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(text)


def _float(text: str) -> float:
    """Convert text to a float; NaN, which no range contains, if it is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
