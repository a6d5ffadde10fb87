"""How recorded tests write down what calls return and raise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def ending(call: Callable[[], object]) -> str:
    """The value that a call returns or the error that it raises, in one line."""
    try:
        value = call()
    except Exception as error:
        # What follows are words of Python, which differ between its versions.
        text = str(error).partition("(tokens, labels): ")
        return f"{type(error).__name__}: {text[0]}{text[1]}".replace("\n", "\\n")
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def asked(path: Path, mark: str = "") -> list[str]:
    """The questions in a recorded file, whose other lines are the answers.

    Args:
        path: recorded file; a new question is written into it by hand.
        mark: start of a question; by default, all lines are questions that are not indented.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if mark:
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    return [line for line in lines if not line.startswith(" ")]


def answers(path: Path, names: Mapping[str, Any]) -> list[str]:
    """The lines of a recorded file of expressions, with what each returns or raises now."""
    scope = dict(names)
    return [
        f"{line}\n    {ending(lambda line=line: eval(line, scope))}" if line else ""  # type: ignore[misc] # noqa: S307
        for line in asked(path)
    ]
