"""What recorded outputs have in common: how calls end, no machine, no noise in the last digits."""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from enum import IntEnum
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import ROOT

Main = Callable[[Sequence[str]], int]
PYTHON = sys.executable  # Tests may change it.


class Ended(NamedTuple):
    """How a call ended: what it returned or raised, and what it printed."""

    value: Any
    error: Any
    out: str
    err: str

    @property
    def text(self) -> str:
        """What the call returned or raised."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"
        # Python 3.10 prints the name of a status.
        return str(int(self.value) if isinstance(self.value, IntEnum) else self.value)

    @property
    def status(self) -> int:
        """The exit status of a command."""
        if self.error is not None and not isinstance(self.error, SystemExit):
            raise self.error
        return int((self.error.code if self.error else self.value) or 0)


class Printed:
    """Stands in for a module's `print`.

    Attributes:
        waiting: a remark if the last text is not yet in the log that the output goes to.
    """

    waiting = ""

    def __call__(self, *words: object, flush: bool = False) -> None:
        """Print the words."""
        print(*words)
        self.waiting = "" if flush else ", before all is printed"


def ended(call: Callable[..., object], *given: object, **named: object) -> Ended:
    """Call a function with these arguments; leave out the usage of a wrong command line."""
    value, error = None, None
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            value = call(*given, **named)
        except (Exception, SystemExit, KeyboardInterrupt) as raised:
            error = raised
    usage = r"(?m)^usage: .*\n( .*\n|\n)*"
    return Ended(value, error, out.getvalue(), re.sub(usage, "", err.getvalue()))


def outcome(call: Callable[..., object], *given: object, accepted: str = "") -> str:
    """Return what a call returns, or `accepted` instead, or raises, in one line."""
    found = ended(call, *given)
    if found.error is not None:
        # What follows are words of Python, which differ between its versions.
        text = re.sub(r"(?s)(?<=\(tokens, labels\): ).*", "", found.text)
        return text.replace("\n", "\\n")
    value = found.value
    return accepted or (shown(value, 6) if isinstance(value, float) else repr(value))


def portable(text: str, names: Mapping[str, str]) -> str:
    """Return a text without what depends on the machine; `names` replace other texts."""
    names = {str(ROOT): "ROOT", PYTHON: "PYTHON", **names}
    for old in sorted(names, key=len, reverse=True):  # tox's Python lies in the project.
        text = text.replace(old, names[old])
    text = re.sub(r"<function (\w+) at \w+>", r"\1", text)
    # Frames of other packages in a traceback, with the line of the source.
    text = re.sub(r"(?m)^.*File \S+site-packages\S+, line .*\n.*\n", "", text)
    # Choices have no quotes since 3.12.
    text = re.sub(r"\(choose from [^)]+\)", lambda found: found[0].replace("'", ""), text)
    # "-k EXPRESSION, --benchmarks EXPRESSION", before 3.13.
    return re.sub(r"(?m)^(  -\w) (\S+), (--\S+ \2)", r"\1, \3", text)


def rounded(value: Any, digits: int = 5) -> Any:
    """Return a value for JSON, whose floats have fewer digits."""
    if isinstance(value, dict):
        return {key: rounded(each, digits) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each, digits) for each in value]
    return float(shown(value, digits)) if isinstance(value, float) else value


def shown(value: Any, digits: int = 5) -> str:
    """Return a value for a line: floats with fewer digits, "-" for None or nothing."""
    if value is None or value == "":
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def transcript(main: Main, line: str) -> str:
    """Return a command line, all that it prints, and its exit status."""
    found = ended(main, line.split())
    lines = [f"$ {line}", found.out, *(f"stderr: {each}" for each in found.err.splitlines())]
    return "\n".join(filter(None, [*lines, f"exit status: {found.status}"]))


def help_and_refusals(main: Main, wrong: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return transcripts of a command's help, an option a line, and of wrong command lines."""
    refusals = [transcript(main, line) for line in wrong.splitlines()]
    monkeypatch.setenv("COLUMNS", "10000")
    monkeypatch.setattr(argparse.HelpFormatter, "_format_usage", lambda *_: "")
    return transcript(main, "--help") + "\n" + "\n\n".join(refusals)


def asked(path: Path, mark: str = "") -> list[str]:
    """Return the questions in a recorded file, whose other lines are the answers.

    Args:
        path: recorded file; a new question is written into it by hand.
        mark: start of a question; by default, all lines are questions that are not indented.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if mark:
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    return [line for line in lines if not line.startswith(" ")]
