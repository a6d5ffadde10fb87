"""What recorded outputs have in common: no folders, no machine, no noise in the last digits."""

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

# "-k EXPRESSION, --benchmarks EXPRESSION", as Python prints it before 3.13.
TWICE = re.compile(r"^(  -\w) (\S+), (--\S+ \2)", re.MULTILINE)

USAGE = re.compile(r"^usage: .+?\n(?=python -m )", re.DOTALL)
CHOICES = re.compile(r"\(choose from .+\)")


def rounded(value: Any, digits: int = 5) -> Any:
    """Return a value for JSON, whose floats have fewer digits."""
    if isinstance(value, dict):
        return {key: rounded(each, digits) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each, digits) for each in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def shown(value: Any, digits: int = 5) -> str:
    """Return a value for a line: floats with fewer digits, "-" for None or nothing."""
    if value is None or value == "":
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def transcript(main: Callable[[Sequence[str]], int], arguments: Sequence[str], folder: Path) -> str:
    """Return a command line, all that it prints, and its exit status; `folder` becomes TMP."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            status: object = main(arguments)
        except SystemExit as ended:
            status = ended.code
    # Usage is printed in other lines by other Pythons, and choices have no quotes since 3.12.
    error = USAGE.sub("", err.getvalue())
    error = CHOICES.sub(lambda match: match[0].replace("'", ""), error)
    found = [f"$ {' '.join(arguments)}", out.getvalue()]
    found += [f"stderr: {line}" for line in error.splitlines()]
    found.append(f"exit status: {status:d}" if isinstance(status, int) else f"ended: {status}")
    return "\n".join(filter(None, found)).replace(str(folder), "TMP")


def transcripts(main: Callable[[Sequence[str]], int], lines: Iterable[str], folder: Path) -> str:
    """Return the transcripts of command lines, one after the other."""
    return "\n\n".join(transcript(main, line.split(), folder) for line in lines) + "\n"


def help_of(
    main: Callable[[Sequence[str]], int], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return the help of a command, an option a line, in the form of the newest Python."""
    monkeypatch.setenv("COLUMNS", "10000")
    monkeypatch.setattr(argparse.HelpFormatter, "_format_usage", lambda *_: "")
    return TWICE.sub(r"\1, \3", transcript(main, ["--help"], folder)) + "\n"
