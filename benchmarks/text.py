"""Results as text: tables, times, versions, and runs in a few words."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ROOT

if TYPE_CHECKING:
    from packaging.version import Version

    from rnn_core.history import History


# A home folder itself, also that of another machine; its last part is the name of a user.
HOME = re.compile(
    r"""(?<![\w.:/\\~])(?:[A-Za-z]:)?[\\/](?:home|Users)[\\/][^\s/\\:'"<>,;()\[\]]+(?=[\s:'"<>,;()\[\]]|$)"""
)
# Absolute paths, on Windows too; not an address such as https://a/b, and not the division in `a/b`.
PATH = re.compile(
    r"""(?<![\w.:/\\~])(?:[A-Za-z]:[\\/]|~?/)(?:[^\s/\\:'"<>,;()\[\]]+[\\/])+([^\s/\\:'"<>,;()\[\]]*)"""
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned in plain text, too."""
    lines = _padded([head, *rows], left=len(head))
    rule = ["-" * len(text) for text in lines[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return lines of aligned columns: the first `left` to the left, the others to the right."""
    return ["  ".join(line).rstrip() for line in _padded(rows, left)]


def without_folders(text: str) -> str:
    """Return a text with paths in the checkout relative to it, and of all others the last part.

    What is shared should not tell the name of a user, which folders hold.
    """
    # Their names may have spaces.
    text = text.replace(f"{ROOT}/", "")
    if Path.home().name:  # Else it is the root folder.
        text = text.replace(f"{Path.home()}/", "~/")
    return PATH.sub(r"\1", HOME.sub("~", text))


def significant(value: float, digits: int = 3) -> str:
    """Return a number with that many significant digits, or all digits before the point."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def version(text: str) -> "Version":
    """Return a version, to compare it with others; a text that is none comes last."""
    from packaging.version import Version  # Behaviour is compared without it.

    try:
        return Version(text)
    except ValueError:  # Or a number of thousands of digits.
        return Version("1000000000")


def describe_run(history: "History") -> str:
    """Return the events of a run and the loss and accuracy of its last epoch."""
    events = [f"{event.kind} at step {event.step}" for event in history.events]
    if not len(history.accuracy):
        return ", ".join(events) or "no whole epoch"
    count, end = len(history.accuracy), int(history.epoch_ends[-1])
    losses = history.loss[history.recorded <= end][-(end // count) :]
    return (
        f"{', '.join(events) or 'trained through'}; last of {count} epoch{'s' * (count > 1)}: "
        f"loss {losses.mean():.2g}, accuracy {history.accuracy[-1]:.0%}"
    )


def _padded(rows: Sequence[Sequence[str]], left: int) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [
            text.ljust(width) if index < left else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
