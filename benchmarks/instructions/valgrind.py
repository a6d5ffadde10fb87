"""The Valgrind that counts instructions."""

import re
import shutil
from pathlib import Path

from benchmarks.interpreters import SideError
from benchmarks.runner import run
from rnn_core.runtime.messages import printable

OLDEST = (3, 19)
INSTALL = "install it, for instance with `apt install valgrind`, or measure time only"


def find_valgrind() -> Path:
    """Return the program `valgrind` on PATH.

    Raises:
        SideError: it is missing, too old, or does not start; the message says how to install it.
    """
    program = shutil.which("valgrind")
    if program is None:
        raise SideError(f"instructions are counted by Valgrind, which is not on PATH: {INSTALL}")
    try:
        result = run([program, "--version"])
    except OSError as error:
        raise SideError(f"{program} cannot be started: {error}") from error
    found = re.search(r"valgrind-(\d+)\.(\d+)", result.output)
    if result.status or found is None:
        raise SideError(f"{program} does not work: {printable(result.last_lines())}")
    if (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise SideError(f"{program} must be at least {oldest}, got {found[1]}.{found[2]}")
    return Path(program)
