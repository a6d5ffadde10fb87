"""Files and text that a command leaves."""

import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from rnn_core.commands.status import ExitStatus
from rnn_core.runtime import parallel
from rnn_core.runtime.interrupts import held_interrupt
from rnn_core.runtime.messages import complain


def say(text: str) -> None:
    """Print beside a progress bar, and flush; of several processes, only the first prints."""
    if parallel.rank() > 0:
        return
    tqdm.write(text)
    sys.stdout.flush()


def write_files(
    *files: tuple[str, Path | None, Callable[[Path], object]],
) -> tuple[ExitStatus, list[str]]:
    """Write the files that were asked for; call it before anything is printed.

    A signal waits until they are written; the status is then `INTERRUPTED`.

    Args:
        files: for each file, what it holds, its path or None, and a function that writes it.

    Returns:
        The exit status, and a line for each file that was written.
    """
    status, lines = ExitStatus.OK, []
    with held_interrupt() as interrupted:
        for what, path, write in files:
            if path is None:
                continue
            try:
                write(path)
                lines.append(f"{what}: {path}")
            except OSError as error:
                complain(f"cannot write the {what}: {error}")
                status = ExitStatus.NOT_WRITTEN
    return (ExitStatus.INTERRUPTED if interrupted() else status), lines
